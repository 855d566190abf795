"""Section 13.1 to 13.3: the lines of a ledger, made, read and verified; whose they are; who consented."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from . import ed25519, jcs
from .document import TEXT, U16, U64, Dict, Flag, Members, shaped
from .encoding import check_name, check_tenant, u32
from .errors import Refused
from .ring import PublicForm, Ring, SymmetricForm
from .spelling import LAST_TIME, from_base64, malformed, seconds, time, to_base64, unhex

VERSION = "ledger/1"
LABEL = b"fieldseal/v1 ledger"
LABEL_LINE = b"fieldseal/v1 ledger line"
CLOCKS_DIFFER = 86_400  # [LG-8] [LG-11]
MAX_LINE, MAX_TEXT, MAX_NUMBER = 32_768, 1_024, 2**53 - 1  # [LG-2]

SAID = ("actor", "notice", "purpose", "source")
ALWAYS = {"act", "at", "key", "number", "signature"}
# [LG-3]: what each act has beside what all entries have.
ACTS: dict[str, set[str]] = {
    "erase-class": {"class", "generation"},
    "erase-subject": set(),
    "grant": {"class", "generation", "history", "role"},
    "withdraw": {"class", "generation", "role"},
}
LINE = Members(
    {"act": TEXT, "at": TEXT, "key": TEXT, "number": U64, "signature": TEXT},
    {
        "class": TEXT,
        "fieldseal": TEXT,
        "generation": U16,
        "history": Flag(),
        "ledger": TEXT,
        "previous": TEXT,
        "role": TEXT,
        "subject": TEXT,
        "tenant": TEXT,
        **{name: TEXT for name in SAID},
    },
)

# The id of a ring key, and its public key.
Keys = dict[int, bytes]


@dataclass(frozen=True)
class Act:
    """What a change tells [LG-7]."""

    act: str
    cls: str | None = None
    role: str | None = None
    generation: int | None = None
    history: bool | None = None

    @property
    def members(self) -> Dict:
        told = {"class": self.cls, "role": self.role, "generation": self.generation}
        return {
            "act": self.act,
            **{n: v for n, v in (told | {"history": self.history}).items() if v is not None},
        }


@dataclass(frozen=True)
class Entry:
    number: int
    act: Act
    tenant: str
    subject: bytes
    at: int
    key: int
    said: Dict


@dataclass(frozen=True)
class Head:
    """[LG-15]"""

    number: int
    hash: bytes

    @property
    def text(self) -> str:
        return f"{self.number}.{to_base64(self.hash)}"

    @classmethod
    def of(cls, text: str) -> Head:
        number, _, rest = text.partition(".")
        line_hash = from_base64(rest)
        if re.fullmatch("[1-9][0-9]{0,15}", number) is None or int(number) > MAX_NUMBER:
            raise Refused("invalid-input", "no number of a line")
        if line_hash is None or len(line_hash) != 32:
            raise Refused("invalid-input", "no hash of a line")
        return cls(int(number), line_hash)


@dataclass(frozen=True)
class Ledger:
    """A ledger that was read and verified."""

    id: bytes
    entries: tuple[Entry, ...]
    head: Head
    is_torn: bool


# --- keys ------------------------------------------------------------------


def signer(ring: Ring) -> tuple[int, bytes]:
    """[LG-9] [RE-5]: the primary `sign` key and its secret."""
    for key in ring.keys:
        if key.use == "sign" and key.state == "primary" and isinstance(key.form, SymmetricForm):
            return key.id, key.form.secret
    raise Refused("missing-key", "no key signs")


def verifying(ring: Ring) -> Keys:
    """[RK-8]: those whose signatures count."""
    out: Keys = {}
    for key in ring.keys:
        if key.use == "sign" and key.state in ("primary", "open-only"):
            if isinstance(key.form, SymmetricForm):
                out[key.id] = ed25519.public_key(key.form.secret)
            elif isinstance(key.form, PublicForm):
                out[key.id] = key.form.public
    return out


def token(ring: Ring, key_id: int, tenant: bytes, subject: bytes) -> bytes:
    """[LG-6]"""
    key = ring.get(key_id)
    if (
        key is None
        or key.use != "sign"
        or key.state not in ("primary", "open-only", "compromised")
        or not isinstance(key.form, SymmetricForm)
    ):
        raise Refused("missing-key", "it cannot be told whom an entry is about")
    return ed25519.token(ed25519.token_key(key.form.secret, tenant), subject)


# --- making ----------------------------------------------------------------


def hash_of(line: bytes) -> bytes:
    """[LG-4]"""
    return hashlib.sha256(LABEL_LINE + line).digest()


def message(members: Dict) -> bytes:
    """[LG-5]"""
    return LABEL + jcs.canonical({n: v for n, v in members.items() if n != "signature"})


def _signed(ring: Ring, members: Dict) -> bytes:
    key_id, secret = signer(ring)
    members = {**members, "key": u32(key_id).hex()}
    signature = ed25519.sign(secret, message(members))
    line = jcs.canonical({**members, "signature": to_base64(signature)})
    if len(line) > MAX_LINE:
        raise Refused("invalid-input", "line too long")
    return line


def _spelled(at: int) -> str:
    if not 0 <= at <= LAST_TIME:
        raise Refused("invalid-input", "time")
    return time(at)


def begin(ring: Ring, at: int, ledger_id: bytes) -> bytes:
    """[LG-1]: the first line, without its line feed."""
    told = {"act": "begin", "fieldseal": VERSION, "ledger": ledger_id.hex()}
    return _signed(ring, {**told, "at": _spelled(at), "number": 1})


@dataclass(frozen=True)
class Circumstances:
    """What a line tells of a call."""

    tenant: str
    subject: bytes
    at: int
    said: Dict


def next_line(ring: Ring, before: Head, act: Act, of: Circumstances) -> bytes:
    """[LG-2] [LG-9]"""
    if before.number >= MAX_NUMBER:
        raise Refused("exhausted", "numbers of lines")
    tenant = check_tenant(of.tenant)
    for text in of.said.values():
        if len(text.encode("utf-8")) > MAX_TEXT:
            raise Refused("invalid-input", "text too long")
    key_id, _ = signer(ring)
    members = {
        **act.members,
        **of.said,
        "at": _spelled(of.at),
        "number": before.number + 1,
        "previous": to_base64(before.hash),
        "subject": to_base64(token(ring, key_id, tenant, of.subject)),
        "tenant": of.tenant,
    }
    return _signed(ring, members)


# --- reading ---------------------------------------------------------------


@dataclass(frozen=True)
class _Line:
    head: Head
    members: Dict
    key: int
    entry: Entry | None

    def check(self, keys: Keys) -> None:
        """Step e of [LG-13]."""
        if self.key not in keys:
            raise Refused("missing-key", "signed by another key")
        signature = from_base64(self.members["signature"])
        assert signature is not None
        if not ed25519.verify(keys[self.key], message(self.members), signature):
            raise Refused("tampered", "signature")


def _check_version(line: bytes) -> None:
    """[LG-1]: what the first line says that it is."""
    parsed = jcs.parse(line)
    if not isinstance(parsed, jcs.Object):
        raise malformed("no object")
    versions = [value for name, value in parsed.members if name == "fieldseal"]
    if len(versions) != 1:
        raise malformed("no ledger")
    version: str = shaped(versions[0], TEXT)
    if version != VERSION:
        raise Refused("unsupported") if version.startswith("ledger/") else malformed("no ledger")


def _bytes(text: str, n: int) -> bytes:
    data = from_base64(text)
    if data is None or len(data) != n:
        raise malformed("no base64url of its length")
    return data


def _name(text: str) -> str:
    try:
        return check_name(text)
    except Refused:
        raise malformed("no name") from None


def _entry(members: Dict, key: int) -> Entry:
    """[LG-3]"""
    act = members["act"]
    if act not in ACTS:
        raise malformed("no act")
    needed = ALWAYS | ACTS[act] | {"previous", "subject", "tenant"}
    if not needed <= members.keys() <= needed | set(SAID):
        raise malformed("members of another act")
    generation = members.get("generation")
    if generation == 0 and act != "withdraw":
        raise malformed("generation 0")
    for name in ("class", "role"):
        if name in members:
            _name(members[name])
    said = {name: members[name] for name in SAID if name in members}
    if any(len(text.encode("utf-8")) > MAX_TEXT for text in said.values()):
        raise malformed("text too long")
    try:
        check_tenant(members["tenant"])
    except Refused:
        raise malformed("no tenant") from None
    told = Act(act, members.get("class"), members.get("role"), generation, members.get("history"))
    return Entry(
        members["number"],
        told,
        members["tenant"],
        _bytes(members["subject"], 16),
        seconds(members["at"]),
        key,
        said,
    )


def _read_line(line: bytes, before: Head | None) -> _Line:
    """Step b of [LG-13]."""
    if len(line) > MAX_LINE:
        raise malformed("line too long")
    if before is None:
        _check_version(line)
    members: Dict = shaped(jcs.parse(line), LINE)
    if jcs.canonical(members) != line:
        raise malformed("not as JCS spells it")
    if members["number"] != (1 if before is None else before.number + 1):
        raise malformed("number")
    if members["number"] > MAX_NUMBER:
        raise malformed("number beyond what is kept exactly")
    previous = None if before is None else to_base64(before.hash)
    if members.get("previous") != previous:
        raise malformed("it does not follow the line before")
    _bytes(members["signature"], 64)
    key = int.from_bytes(unhex(members["key"], 4), "big")
    if key == 0:
        raise malformed("key id 0")
    head = Head(members["number"], hash_of(line))
    if before is not None:
        return _Line(head, members, key, _entry(members, key))
    if members["act"] != "begin" or members.keys() != ALWAYS | {"fieldseal", "ledger"}:
        raise malformed("the first line begins no ledger")
    unhex(members["ledger"], 16)
    seconds(members["at"])
    return _Line(head, members, key, None)


def _is_line(tail: bytes) -> bool:
    """[LG-1]: whether what is behind the last line feed lacks that alone; else it was not finished."""
    closed = re.match(rb'(?:[^"}]|"(?:[^"\\]|\\.)*")*}', tail, re.DOTALL)
    if closed is not None:
        if closed.end() == len(tail):
            return True
        raise malformed("something behind the last line")
    if not tail.startswith(b"{") or len(tail) > MAX_LINE or any(b < 0x20 or b == 0x7F for b in tail):
        raise malformed("no beginning of a line")
    return False


def read(data: bytes, keys: Keys, known: Head | None = None) -> Ledger:
    """[LG-13]"""
    *whole, torn = data.split(b"\n")
    if torn and _is_line(torn):
        whole, torn = [*whole, torn], b""
    try:
        b"\n".join(whole).decode("utf-8")
    except UnicodeDecodeError:
        raise malformed("not UTF-8") from None
    lines: list[_Line] = []
    for line in whole:
        lines.append(_read_line(line, lines[-1].head if lines else None))
    if known is not None and known not in (line.head for line in lines):
        raise Refused("rolled-back", "the ledger has not the known line")
    if not lines:
        raise malformed("no line")
    for line in lines:
        if known is None or line.head.number > known.number:
            line.check(keys)
    entries = tuple(line.entry for line in lines if line.entry is not None)
    return Ledger(unhex(lines[0].members["ledger"], 16), entries, lines[-1].head, bool(torn))


# --- whose entries, and who consented --------------------------------------

# The number of a ledger among those at hand, and an entry of it.
Told = tuple[int, Entry]


class Tokens:
    """[LG-6]: the keys that signed entries."""

    def __init__(self, ring: Ring, ledgers: Iterable[Ledger]) -> None:
        self.ring, self.ledgers = ring, list(ledgers)
        self.keys = sorted({entry.key for ledger in self.ledgers for entry in ledger.entries})
        for key in self.keys:
            token(ring, key, b"", b"")

    def about(self, tenant: str, subject: bytes) -> list[Told]:
        """Without ledgers that are how another began [LG-14]."""
        aside = {
            number
            for number, ledger in enumerate(self.ledgers)
            for other, longer in enumerate(self.ledgers)
            if number != other
            and ledger.id == longer.id
            and longer.entries[: len(ledger.entries)] == ledger.entries
            and (len(ledger.entries) < len(longer.entries) or number > other)
        }
        of = {key: token(self.ring, key, check_tenant(tenant), subject) for key in self.keys}
        return [
            (number, entry)
            for number, ledger in enumerate(self.ledgers)
            for entry in ledger.entries
            if number not in aside and entry.tenant == tenant and entry.subject == of[entry.key]
        ]

    def by(self, of: Told) -> int:
        """[LG-11]: the earliest time from the entry on."""
        number, entry = of
        return min(e.at for e in self.ledgers[number].entries if e.number >= entry.number)


def stands_against(grant: Told, withdrawal: Told) -> bool:
    """[LG-8]"""
    (ledger, given), (other, taken) = grant, withdrawal
    assert given.act.generation is not None and taken.act.generation is not None
    if given.act.generation <= taken.act.generation:
        return False
    if ledger == other:
        return given.number > taken.number and given.at >= taken.at
    if taken.act.generation > 0:
        return given.at >= taken.at
    return given.at > taken.at + CLOCKS_DIFFER


def of_place(told: Iterable[Told], act: str, cls: str, role: str) -> list[Told]:
    return [of for of in told if (of[1].act.act, of[1].act.cls, of[1].act.role) == (act, cls, role)]


def standing(told: list[Told], cls: str, role: str) -> list[Told]:
    """[LG-8]: the grants that stand."""
    ends = of_place(told, "withdraw", cls, role)
    grants = of_place(told, "grant", cls, role)
    return [grant for grant in grants if all(stands_against(grant, end) for end in ends)]


@dataclass(frozen=True)
class Consent:
    cls: str
    role: str
    given: int | None
    withdrawn: int | None


def consents(ring: Ring, ledger: Ledger, tenant: str, subject: bytes) -> list[Consent]:
    """[LG-8], by the numbers of lines."""
    told = Tokens(ring, [ledger]).about(tenant, subject)
    places = {
        (entry.act.cls, entry.act.role)
        for _, entry in told
        if entry.act.act in ("grant", "withdraw")
    }
    out = []
    for cls, role in sorted((cls, role) for cls, role in places if cls and role):
        given = [entry.number for _, entry in standing(told, cls, role)]
        ends = [entry.number for _, entry in of_place(told, "withdraw", cls, role)]
        last = [max(numbers) if numbers else None for numbers in (given, ends)]
        out.append(Consent(cls, role, last[0], last[1]))
    return out


def shown(entry: Entry) -> Dict:
    """For the JSON lines."""
    out: dict[str, Any] = {"number": entry.number, **entry.act.members, **entry.said}
    at = {"tenant": entry.tenant, "subject": entry.subject.hex(), "at": entry.at}
    return {**out, **at, "key": entry.key}
