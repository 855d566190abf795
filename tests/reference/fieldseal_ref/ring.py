"""Section 12: ring keys and states."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Union

from . import hpke
from .encoding import U32_MAX, check_name, check_tenant
from .errors import Refused

FIXED_NAMES = ("envelope", "index", "pseudonym", "sign")  # each for its use [RK-2]
STATES = ("primary", "open-only", "disabled", "compromised", "destroyed")


@dataclass(frozen=True)
class SymmetricForm:
    secret: bytes


@dataclass(frozen=True)
class PairForm:
    private: bytes
    public: bytes
    writer: bytes


@dataclass(frozen=True)
class WriterForm:
    """A writer half [WR-4]: it wraps and opens nothing [WR-6]."""

    public: bytes
    writer: bytes


@dataclass(frozen=True)
class NameOnly:
    """A tombstone, or a key of which this ring holds no secret [RK-6]."""


@dataclass(frozen=True)
class Scope:
    """[RK-7]: what a derived key serves: (tenant, record, index) or (tenant, purpose)."""

    use: str
    parts: tuple[str, ...]

    def __post_init__(self) -> None:
        check_tenant(self.parts[0])
        for name in self.parts[1:]:
            check_name(name)
        if (self.use, len(self.parts)) not in (("index", 3), ("pseudonym", 2)):
            raise Refused("invalid-input", "no scope of this use")

    @property
    def encoded(self) -> tuple[bytes, ...]:
        return tuple(part.encode("utf-8") for part in self.parts)


@dataclass(frozen=True)
class DerivedForm:
    """[RK-4] [RK-7]: derived keys in place of an `index` or `pseudonym` key, in order."""

    keys: tuple[tuple[Scope, bytes], ...]


@dataclass(frozen=True)
class PublicForm:
    """[RK-4] [RK-8]: the public key of a `sign` key: it verifies, and cannot sign."""

    public: bytes


Form = Union[SymmetricForm, PairForm, WriterForm, DerivedForm, PublicForm, NameOnly]


@dataclass(frozen=True)
class RingKey:
    id: int
    use: str
    name: str
    state: str
    form: Form
    created_at: int | None = None
    rotate_after_days: int | None = None

    @property
    def opens_by_form(self) -> bool:
        """[WR-6]: with a secret or private key."""
        return isinstance(self.form, (SymmetricForm, PairForm))


def _exactly_32(value: bytes | None) -> bytes:
    if value is None or len(value) != 32:
        raise Refused("invalid-input", "a key part is 32 bytes")
    return value


def make_form(
    form: str,
    secret: bytes | None,
    private: bytes | None,
    public: bytes | None,
    writer: bytes | None,
) -> Form:
    """[RK-3]"""
    if form == "symmetric":
        return SymmetricForm(_exactly_32(secret))
    if form == "pair":
        key = _exactly_32(private)
        derived = hpke.public_of(key)
        if public is not None and public != derived:
            raise Refused("invalid-input", "public key is not that of the private key")
        return PairForm(key, derived, _exactly_32(writer))
    if form == "writer":
        return WriterForm(_exactly_32(public), _exactly_32(writer))
    if form == "public":
        return PublicForm(_exactly_32(public))
    if form == "name-only":
        return NameOnly()
    raise Refused("invalid-input", "unknown key form")


def _check_fixed(key: RingKey) -> None:
    """[RK-2] [RK-3] [RK-7]: uses other than `wrap`."""
    if key.use not in FIXED_NAMES or key.name != key.use:
        raise Refused("invalid-input", "unknown use, or not its name")
    if isinstance(key.form, DerivedForm):
        scopes = [scope for scope, _ in key.form.keys]
        if not scopes or len(set(scopes)) < len(scopes) or {s.use for s in scopes} != {key.use}:
            raise Refused("invalid-input", "derived keys of another use, none, or one twice")
    elif isinstance(key.form, PublicForm):
        if key.use != "sign":
            raise Refused("invalid-input", "a public key of another use")
    elif not isinstance(key.form, (NameOnly, SymmetricForm)):
        raise Refused("invalid-input", "not a key of its use")


class Ring:
    def __init__(self, keys: Iterable[RingKey]) -> None:
        """[RK-1] to [RK-3] and [ST-1]; a ring that breaks them is `invalid-input`."""
        self._keys: dict[int, RingKey] = {}
        self._primaries: dict[tuple[str, str], RingKey] = {}
        for key in keys:
            check_name(key.name)
            if not 1 <= key.id <= U32_MAX or key.id in self._keys:
                raise Refused("invalid-input", "key id zero or repeated")
            if key.state not in STATES:
                raise Refused("invalid-input", "unknown state")
            if key.use != "wrap":
                _check_fixed(key)
            elif isinstance(key.form, (DerivedForm, PublicForm)):
                raise Refused("invalid-input", "a wrap key derives none, and signs nothing")
            if key.state == "destroyed":
                key = replace(key, form=NameOnly())  # [ST-1]
            self._keys[key.id] = key
            if key.state == "primary":
                if (key.use, key.name) in self._primaries:
                    raise Refused("invalid-input", "two primaries")
                self._primaries[key.use, key.name] = key

    @property
    def keys(self) -> list[RingKey]:
        """In the order of their ids."""
        return [self._keys[key_id] for key_id in sorted(self._keys)]

    def get(self, key_id: int) -> RingKey | None:
        return self._keys.get(key_id)

    def role_of(self, key_id: int) -> str | None:
        """[GN-8]: in any state, a tombstone included; None when the id is unknown."""
        key = self._keys.get(key_id)
        return key.name if key is not None and key.use == "wrap" else None

    def ours(self, key_id: int, rescue: bool) -> RingKey | None:
        """[WR-6] but for the recipient's kind."""
        key = self._keys.get(key_id)
        if key is None or not key.opens_by_form:
            return None
        if key.state in ("primary", "open-only") or (key.state == "compromised" and rescue):
            return key
        return None

    def opens_as(self, role: str) -> bool:
        """[GN-13]: it holds the secret of a `wrap` key named as the role, in any state."""
        return any(
            key.use == "wrap" and key.name == role and key.opens_by_form and key.state != "destroyed"
            for key in self._keys.values()
        )

    def wrapping(self, role: str) -> RingKey | None:
        """The primary `wrap` key of a role, whole or writer half [GN-6]."""
        key = self._primaries.get(("wrap", role))
        return None if key is None or isinstance(key.form, NameOnly) else key

    def wrapping_or_missing(self, role: str) -> RingKey:
        key = self.wrapping(role)
        if key is None:
            raise Refused("missing-key", role)
        return key

    def sealing_envelope_key(self) -> tuple[int, bytes]:
        """[MAC-2]"""
        key = self._primaries.get(("envelope", "envelope"))
        if key is None or not isinstance(key.form, SymmetricForm):
            raise Refused("missing-key", "envelope")
        return key.id, key.form.secret

    def verifying_envelope_key(self, key_id: int, rescue: bool) -> tuple[bytes, bool]:
        """Steps b1 and b2 of [KE-6]: the secret, and whether it is compromised."""
        key = self._keys.get(key_id)
        if (
            key is None
            or key.use != "envelope"
            or key.state in ("disabled", "destroyed")
            or not isinstance(key.form, SymmetricForm)
        ):
            raise Refused("wrong-key", "envelope key")
        if key.state == "compromised" and not rescue:
            raise Refused("not-permitted", "compromised envelope key")
        return key.form.secret, key.state == "compromised"
