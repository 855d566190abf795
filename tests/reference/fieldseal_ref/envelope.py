"""Section 7: parsing, writing, verifying and unwrapping a key envelope."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Union

from . import crypto
from .encoding import U16_MAX, is_name, s8, s16, u8, u16, u32, u64
from .errors import Refused
from .ring import Ring

FIRST_BYTE = 0xF6
MIN_LENGTH = 40
MAX_LENGTH = 65_535


@dataclass(frozen=True)
class Recipient:
    kind: int
    key_id: int
    wrapped: bytes

    @property
    def is_known_kind(self) -> bool:
        return self.kind in crypto.WRAPPED_LENGTH


@dataclass(frozen=True)
class Live:
    cls: str
    generation: int
    suite: int
    created_at: int
    expires_at: int
    commitment: bytes
    recipients: tuple[Recipient, ...]

    @property
    def tag(self) -> bytes:
        return self.commitment[:4]

    def expired(self, now: int) -> bool:
        """[RT-5]"""
        return self.expires_at != 0 and now >= self.expires_at


@dataclass(frozen=True)
class Erased:
    cls: str
    generation: int
    tag: bytes
    erased_at: int


@dataclass(frozen=True)
class SubjectErased:
    erased_at: int


ClassEntry = Union[Live, Erased]
Entry = Union[Live, Erased, SubjectErased]


def order(entry: ClassEntry) -> tuple[bytes, int]:
    """[KE-3]: class names as bytes, a prefix first, then the generation."""
    return entry.cls.encode("ascii"), entry.generation


@dataclass(frozen=True)
class Envelope:
    version: int
    entries: tuple[Entry, ...]
    key_id: int

    @property
    def classes(self) -> list[ClassEntry]:
        return [e for e in self.entries if not isinstance(e, SubjectErased)]

    def of_class(self, cls: str) -> list[ClassEntry]:
        return [e for e in self.classes if e.cls == cls]

    @property
    def subject_erased(self) -> bool:
        return any(isinstance(e, SubjectErased) for e in self.entries)

    def by_tag(self, tag: bytes) -> ClassEntry | None:
        """[DK-5] makes it at most one."""
        return next((e for e in self.classes if e.tag == tag), None)


# --- parsing ---------------------------------------------------------------


class _Reader:
    def __init__(self, data: bytes) -> None:
        self.data = data
        self.at = 0

    def take(self, n: int) -> bytes:
        if n > len(self.data) - self.at:
            raise Refused("malformed", "runs past the entries")
        out = self.data[self.at : self.at + n]
        self.at += n
        return out

    def uint(self, n: int) -> int:
        return int.from_bytes(self.take(n), "big")

    def nonzero(self, n: int) -> int:
        out = self.uint(n)
        if out == 0:
            raise Refused("malformed", "zero where it may not be")
        return out

    def cls(self) -> str:
        name = self.take(self.uint(1)).decode("latin-1")
        if not is_name(name):  # [LE-1]: any name, not only a declared one
            raise Refused("malformed", "class is not a name")
        return name


def check_lead(data: bytes) -> None:
    """Steps a1 to a3 of [KE-6]."""
    if not data or data[0] < FIRST_BYTE or data[0] == 0xF7:
        raise Refused("not-sealed", "not a key envelope")
    if data[0] >= 0xF8:
        raise Refused("unsupported", "reserved first byte")
    if not MIN_LENGTH <= len(data) <= MAX_LENGTH:
        raise Refused("malformed", "envelope length")


def parse(data: bytes) -> Envelope:
    """[KE-5], with `check_lead` before it."""
    check_lead(data)
    reader = _Reader(data[: len(data) - 20])
    reader.take(1)
    version = reader.nonzero(8)
    count = reader.nonzero(2)
    entries: list[Entry] = []
    tags: set[bytes] = set()
    last: tuple[bytes, int] | None = None
    for left in range(count - 1, -1, -1):
        entry = _entry(reader)
        if isinstance(entry, SubjectErased):  # [EE-2]
            if left or any(isinstance(e, Live) for e in entries):
                raise Refused("malformed", "erased subject not last, or with live entries")
        else:
            if last is not None and order(entry) <= last:
                raise Refused("malformed", "entries out of order")
            if entry.tag in tags:  # [DK-5]
                raise Refused("malformed", "repeated key tag")
            last = order(entry)
            tags.add(entry.tag)
        entries.append(entry)
    if reader.at != len(reader.data):
        raise Refused("malformed", "bytes behind the last entry")
    key_id = int.from_bytes(data[-20:-16], "big")
    if key_id == 0:
        raise Refused("malformed", "envelope key id 0")
    return Envelope(version, tuple(entries), key_id)


def _entry(reader: _Reader) -> Entry:
    kind = reader.uint(1)
    if kind == 1:
        return _live(reader)
    if kind == 2:  # [EE-1]
        cls = reader.cls()
        return Erased(cls, reader.nonzero(2), reader.take(4), reader.uint(8))
    if kind == 3:
        return SubjectErased(reader.uint(8))
    raise Refused("unsupported", "unknown entry kind")  # [EE-3]


def _live(reader: _Reader) -> Live:
    """[LE-1] to [LE-3]"""
    cls = reader.cls()
    generation = reader.nonzero(2)
    suite = reader.uint(1)
    created_at = reader.uint(8)
    expires_at = reader.uint(8)
    commitment = reader.take(32)
    recipients: list[Recipient] = []
    for _ in range(reader.nonzero(1)):
        kind = reader.uint(1)
        key_id = reader.nonzero(4)
        if recipients and key_id <= recipients[-1].key_id:  # [RC-1]
            raise Refused("malformed", "recipients out of order")
        length = reader.uint(2)
        if length != crypto.WRAPPED_LENGTH.get(kind, length):  # [RC-2] [RC-3]
            raise Refused("malformed", "length of a wrapped key")
        recipients.append(Recipient(kind, key_id, reader.take(length)))
    return Live(cls, generation, suite, created_at, expires_at, commitment, tuple(recipients))


# --- writing ---------------------------------------------------------------


def _write_entry(entry: Entry) -> bytes:
    if isinstance(entry, SubjectErased):
        return b"\x03" + u64(entry.erased_at)
    head = s8(entry.cls.encode("ascii")) + u16(entry.generation)
    if isinstance(entry, Erased):
        return b"\x02" + head + entry.tag + u64(entry.erased_at)
    out = b"\x01" + head + u8(entry.suite) + u64(entry.created_at) + u64(entry.expires_at)
    out += entry.commitment + u8(len(entry.recipients))
    for r in entry.recipients:
        out += u8(r.kind) + u32(r.key_id) + s16(r.wrapped)
    return out


def body(envelope: Envelope) -> bytes:
    """Bytes 0..L-16 [KE-1]."""
    if len(envelope.entries) > U16_MAX:
        raise Refused("exhausted", "too many entries")
    out = bytes([FIRST_BYTE]) + u64(envelope.version) + u16(len(envelope.entries))
    out += b"".join(_write_entry(e) for e in envelope.entries) + u32(envelope.key_id)
    if len(out) + 16 > MAX_LENGTH:
        raise Refused("exhausted", "envelope too long")
    return out


def length_of(entries: list[Entry]) -> int:
    return 31 + sum(len(_write_entry(e)) for e in entries)


def write(version: int, entries: list[Entry], ring: Ring, tenant: bytes, subject: bytes) -> bytes:
    """[KE-1] [MAC-1] [MAC-2]"""
    key_id, secret = ring.sealing_envelope_key()
    out = body(Envelope(version, tuple(entries), key_id))
    return out + crypto.mac(secret, tenant, subject, out)


# --- verifying and unwrapping ----------------------------------------------


@dataclass(frozen=True)
class Outcome:
    """What came of a live generation: `opened`, or why not [WR-8] [LE-2] [GN-13]."""

    reach: str
    data_key: bytes | None = None
    only_compromised: bool = False  # no other key opens it

    def key_or_refuse(self) -> bytes:
        """Steps c3 to c5 of [OP-1]; `reach` is then the error kind."""
        if self.data_key is None:
            raise Refused(self.reach)
        return self.data_key


@dataclass(frozen=True)
class Tried:
    """One recipient of ours [WR-6]; without a data key, it failed [WR-7]."""

    key_id: int
    role: str | None
    compromised: bool
    data_key: bytes | None


@dataclass(frozen=True)
class Tries:
    """Our recipients of a live generation, in the order of [WR-7]; not judged yet [KE-6] f."""

    known_suite: bool
    all: tuple[Tried, ...] = ()

    def judged(self, counting: frozenset[str] | None) -> Outcome:
        """[GN-13]; without a declaration (None), all of ours count."""
        if not self.known_suite:
            return Outcome("unsupported")
        counted = [t for t in self.all if counting is None or t.role in counting]
        for t in counted:
            if t.data_key is not None:
                return Outcome("opened", t.data_key, t.compromised)
        return Outcome("tampered" if counted else "not-permitted")

    @property
    def proven(self) -> set[str]:
        """[GN-9]"""
        return {
            t.role
            for t in self.all
            if t.data_key is not None and not t.compromised and t.role is not None
        }


@dataclass(frozen=True)
class Verified:
    data: bytes
    envelope: Envelope
    tenant: bytes
    subject: bytes
    under_compromised: bool


def verify(
    data: bytes, ring: Ring, tenant: bytes, subject: bytes, rescue: bool, floor: int
) -> Verified:
    """[KE-6] a to e."""
    check_lead(data)
    return verify_from_b(data, ring, tenant, subject, rescue, floor)


def verify_from_b(
    data: bytes, ring: Ring, tenant: bytes, subject: bytes, rescue: bool, floor: int
) -> Verified:
    key_id = int.from_bytes(data[-20:-16], "big")
    secret, compromised = ring.verifying_envelope_key(key_id, rescue)
    if not crypto.same(crypto.mac(secret, tenant, subject, data[:-16]), data[-16:]):  # [MAC-3]
        raise Refused("tampered", "envelope MAC")
    envelope = parse(data)
    if envelope.version < floor:
        raise Refused("rolled-back", "version below the floor")
    return Verified(data, envelope, tenant, subject, compromised)


def aad_of(entry: Live, kind: int, key_id: int, tenant: bytes, subject: bytes) -> bytes:
    return crypto.wrap_aad(
        tenant,
        subject,
        entry.cls,
        entry.generation,
        entry.suite,
        entry.created_at,
        entry.expires_at,
        entry.commitment,
        kind,
        key_id,
    )


def unwrap(entry: Live, ring: Ring, tenant: bytes, subject: bytes, rescue: bool) -> Tries:
    """[WR-6] [WR-7], and [LE-2]: all of ours are tried."""
    if entry.suite != crypto.SUITE:
        return Tries(known_suite=False)
    ours = [
        (r, key)
        for r in entry.recipients
        if r.is_known_kind and (key := ring.ours(r.key_id, rescue)) is not None
    ]
    ours.sort(key=lambda pair: pair[1].state == "compromised")  # the sort is stable
    out = []
    for r, key in ours:
        aad = aad_of(entry, r.kind, r.key_id, tenant, subject)
        data_key = crypto.unwrap(r.kind, key, r.wrapped, aad)
        if data_key is not None:
            keys = crypto.derive(
                data_key, entry.suite, tenant, subject, entry.cls, entry.generation
            )
            if not crypto.same(keys.commitment, entry.commitment):  # [DK-6]
                data_key = None
        compromised = key.state == "compromised"
        out.append(Tried(r.key_id, ring.role_of(r.key_id), compromised, data_key))
    return Tries(True, tuple(out))
