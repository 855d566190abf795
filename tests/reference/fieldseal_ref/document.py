"""Section 12, from 12.2: ring documents before they are believed: members, keys, order of checks."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Union

from . import ed25519, hpke, jcs
from .encoding import check_name
from .errors import Refused
from .ring import (
    FIXED_NAMES,
    STATES,
    DerivedForm,
    Form,
    NameOnly,
    PairForm,
    PublicForm,
    Ring,
    RingKey,
    Scope,
    SymmetricForm,
    WriterForm,
)
from .slots import Slot, parse_slot, work
from .spelling import from_base64, malformed, seconds, unhex

VERSION = "ring/1"
LABEL_FINGERPRINT = b"fieldseal/v1 ring fingerprint"
MAX_GENERATION, MAX_MASTER = 2**53 - 1, 2**32 - 1
MAX_LENGTH, MAX_KEYS, MAX_SLOTS = 67_108_864, 100_000, 16  # [RF-3]
MAX_SCOPES = 100_000  # [RF-3]
MAX_WORK = 16_777_216  # [RF-8]

Dict = dict[str, Any]


# --- shapes: step c of [RF-10] ---------------------------------------------


@dataclass(frozen=True)
class Bits:
    width: int


@dataclass(frozen=True)
class Many:
    of: Shape


@dataclass(frozen=True)
class Members:
    needed: Dict
    optional: Dict


class Text:
    pass


class Flag:
    """`true` or `false`, of section 13."""


Shape = Union[Text, Flag, Bits, Many, Members]
TEXT, U8, U16, U32, U64 = Text(), Bits(8), Bits(16), Bits(32), Bits(64)

SCOPE = Members({"tenant": TEXT}, {"index": TEXT, "purpose": TEXT, "record": TEXT})
KEY = Members(
    {"holds": TEXT, "id": TEXT, "name": TEXT, "state": TEXT, "use": TEXT},
    {"created_at": TEXT, "derived": Many(SCOPE), "public": TEXT, "rotate_after_days": U32},
)
SLOT = Members(
    {"created_at": TEXT, "id": U16, "kind": TEXT, "label": TEXT},
    {
        "lanes": U32,
        "memory_kib": U32,
        "passes": U32,
        "salt": TEXT,
        "service": TEXT,
        "service_key": TEXT,
        "service_wrapped": TEXT,
        "share_set": TEXT,
        "share_tags": Many(TEXT),
        "threshold": U8,
        "wrapped": TEXT,
    },
)
DOCUMENT = Members(
    {
        "fieldseal": TEXT,
        "generation": U64,
        "id": TEXT,
        "keys": Many(KEY),
        "slots": Many(SLOT),
        "written_at": TEXT,
    },
    {"master": U32, "secrets": TEXT, "unprotected": TEXT},
)


def shaped(value: jcs.Json, shape: Shape) -> Any:
    """[RF-2]: names, number and types of members."""
    if isinstance(shape, Text):
        if not isinstance(value, str) or any(0xD800 <= ord(c) <= 0xDFFF for c in value):
            raise malformed("no text")
        return value
    if isinstance(shape, Flag):
        if not isinstance(value, bool):
            raise malformed("neither true nor false")
        return value
    if isinstance(shape, Bits):
        if not isinstance(value, jcs.Number) or not re.fullmatch(r"[0-9]{1,20}", value.spelled):
            raise malformed("no integer")
        if int(value.spelled) >= 1 << shape.width:
            raise malformed("an integer out of its width")
        return int(value.spelled)
    if isinstance(shape, Many):
        if not isinstance(value, list):
            raise malformed("no list")
        return [shaped(one, shape.of) for one in value]
    if not isinstance(value, jcs.Object):
        raise malformed("no object")
    names = [name for name, _ in value.members]
    if len(set(names)) < len(names) or not shape.needed.keys() <= set(names):
        raise malformed("a member twice or missing")
    known = shape.needed | shape.optional
    if not set(names) <= known.keys():
        raise malformed("an unknown member")
    return {name: shaped(of, known[name]) for name, of in value.members}


# --- keys ------------------------------------------------------------------

LENGTHS = {"secret": 32, "key-pair": 64, "writer-half": 32, "public": 0, "name-only": 0}


@dataclass(frozen=True)
class Line:
    """What a document tells of one key (12.3)."""

    id: int
    use: str
    name: str
    state: str
    holds: str
    public: bytes | None
    scopes: tuple[Scope, ...]
    created_at: int | None
    rotate_after_days: int | None

    @property
    def length(self) -> int:
        return len(self.scopes) * 32 if self.holds == "derived" else LENGTHS[self.holds]


def _scope(use: str, entry: Dict) -> Scope:
    """[RF-14]"""
    names = {"index": ("tenant", "record", "index"), "pseudonym": ("tenant", "purpose")}.get(use)
    if names is None or set(entry) != set(names):
        raise malformed("no scope of this use")
    try:
        return Scope(use, tuple(entry[name] for name in names))
    except Refused:
        raise malformed("no scope") from None


def _line(entry: Dict) -> Line:
    """12.3, for one key."""
    use, name, state, holds = (entry[m] for m in ("use", "name", "state", "holds"))
    key_id = int.from_bytes(unhex(entry["id"], 4), "big")
    try:
        check_name(name)
    except Refused:
        raise malformed("no name") from None
    if key_id == 0 or state not in STATES or holds not in (*LENGTHS, "derived"):
        raise malformed("no key")
    if use != "wrap" and (use not in FIXED_NAMES or name != use):
        raise malformed("not a use, or not its name")
    if holds in ("key-pair", "writer-half") and use != "wrap":
        raise malformed("a pair of another use")
    if holds == "public" and use != "sign":
        raise malformed("a public half of another use")
    if state == "destroyed" and holds != "name-only":
        raise malformed("destroyed, and held")
    public = None
    if ("public" in entry) != (holds in ("key-pair", "writer-half", "public")):
        raise malformed("a public key missing or too many")
    if "public" in entry:
        public = from_base64(entry["public"])
        if public is None or len(public) != 32:
            raise malformed("no public key")
        if holds == "public" and not ed25519.is_public(public):
            raise malformed("a public key that verifies nothing")  # [RF-31]
    if ("derived" in entry) != (holds == "derived"):
        raise malformed("scopes missing or too many")
    scopes = tuple(_scope(use, scope) for scope in entry.get("derived", ()))
    if holds == "derived" and not scopes:
        raise malformed("derived, and of no scope")
    _ascend((scope.encoded for scope in scopes), "scopes")
    made = entry.get("created_at")
    return Line(
        key_id,
        use,
        name,
        state,
        holds,
        public,
        scopes,
        None if made is None else seconds(made),
        entry.get("rotate_after_days"),
    )


def _ascend(values: Iterable[Any], what: str) -> None:
    listed = list(values)
    if any(a >= b for a, b in zip(listed, listed[1:])):
        raise malformed(f"{what} out of order, or one twice")


def _form(line: Line, secret: bytes, verify: bool) -> Form:
    if line.holds == "secret":
        return SymmetricForm(secret)
    if line.holds == "key-pair":
        assert line.public is not None
        if verify and hpke.public_of(secret[:32]) != line.public:
            raise malformed("the public key is not that of the private key")
        return PairForm(secret[:32], line.public, secret[32:])
    if line.holds == "writer-half":
        assert line.public is not None
        return WriterForm(line.public, secret)
    if line.holds == "public":
        assert line.public is not None
        return PublicForm(line.public)
    if line.holds == "derived":
        parts = (secret[at : at + 32] for at in range(0, len(secret), 32))
        return DerivedForm(tuple(zip(line.scopes, parts)))
    return NameOnly()


def ring_of(lines: Iterable[Line], secrets: bytes, verify: bool) -> Ring:
    """[RF-6]: the secrets divided."""
    keys = []
    for line in lines:
        secret, secrets = secrets[: line.length], secrets[line.length :]
        if len(secret) < line.length:
            raise malformed("too few secret bytes")
        keys.append(
            RingKey(
                line.id,
                line.use,
                line.name,
                line.state,
                _form(line, secret, verify),
                line.created_at,
                line.rotate_after_days,
            )
        )
    if secrets:
        raise malformed("too many secret bytes")
    return Ring(keys)


# --- documents -------------------------------------------------------------


@dataclass(frozen=True)
class Document:
    """A document that was read: unverified."""

    members: Dict
    id: bytes
    generation: int
    written_at: int
    lines: tuple[Line, ...]
    slots: tuple[Slot, ...]

    @property
    def is_protected(self) -> bool:
        return "secrets" in self.members

    @property
    def master(self) -> int:
        """Which master key it is under [RF-27]; 0 where it is under none [RF-29]."""
        out: int = self.members.get("master", 0)
        return out

    @property
    def associated(self) -> bytes:
        """[RF-5] but for the label."""
        return jcs.canonical({n: v for n, v in self.members.items() if n != "secrets"})

    @property
    def fingerprint(self) -> bytes:
        """[RF-11]"""
        return hashlib.sha256(LABEL_FINGERPRINT + jcs.canonical(self.members)).digest()


def read(data: bytes) -> Document:
    """[RF-10]"""
    if len(data) > MAX_LENGTH:
        raise malformed("too long")
    parsed = jcs.parse(data)
    if not isinstance(parsed, jcs.Object):
        raise malformed("no object")
    versions = [value for name, value in parsed.members if name == "fieldseal"]
    if len(versions) != 1:
        raise malformed("no ring document")
    version: str = shaped(versions[0], TEXT)
    if version != VERSION:  # step b
        of_rings = version.startswith("ring/")
        raise Refused("unsupported") if of_rings else malformed("no ring document")
    members: Dict = shaped(parsed, DOCUMENT)
    if sum(len(entry.get("derived", ())) for entry in members["keys"]) > MAX_SCOPES:
        raise malformed("too many scopes")
    if not 1 <= members["generation"] <= MAX_GENERATION:  # step d
        raise malformed("generation")
    if ("secrets" in members, "unprotected" in members) != (
        bool(members["slots"]),
        not members["slots"],
    ):
        raise malformed("neither protected nor unprotected")
    if ("master" in members) != ("secrets" in members) or members.get("master") == 0:
        raise malformed("no number of a master key, or one of none")
    slots = tuple(parse_slot(entry) for entry in members["slots"])  # step e
    _ascend((slot.id for slot in slots), "slots")
    if len(slots) > MAX_SLOTS or sum(map(work, slots)) > MAX_WORK:
        raise malformed("too many slots, or too much work")
    if len(members["keys"]) > MAX_KEYS:
        raise malformed("too many keys")
    lines = tuple(_line(entry) for entry in members["keys"])
    _ascend((line.id for line in lines), "keys")  # [RF-13]
    primaries = [(line.use, line.name) for line in lines if line.state == "primary"]
    if len(set(primaries)) < len(primaries):
        raise malformed("two primaries")
    return Document(
        members,
        unhex(members["id"], 16),
        members["generation"],
        seconds(members["written_at"]),
        lines,
        slots,
    )
