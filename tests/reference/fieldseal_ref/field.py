"""Section 5: sealing and opening fields, and what is already sealed."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from . import cbor, crypto, standalone_layout
from .classes import ClassDecl, Declarations
from .crypto import Generator
from .edit import Editor
from .encoding import U16_MAX, check_name, from_text, is_mask_class, s8, u8, u64
from .envelope import Envelope, Erased, Live, Verified, parse, unwrap
from .errors import Refused
from .ring import Ring

FIRST_BYTE = 0xF5
MIN_LENGTH = 46
PURPOSE_VALUE = 0
PURPOSE_MASK = 1
HIDDEN_MASK = "\u2022\u2022\u2022\u2022"


def aad(head: bytes, purpose: int, record: str, field: str, row: bytes) -> bytes:
    """[AAD-1]"""
    return head + u8(purpose) + s8(record.encode("ascii")) + s8(field.encode("ascii")) + s8(row)


def pad(item: bytes, multiple: int, hides_absence: bool) -> bytes:
    """[PAD-1] [PAD-3]"""
    if not 1 <= multiple <= 65_535:
        raise Refused("invalid-input", "padding multiple")
    if hides_absence and len(item) > multiple:
        raise Refused("invalid-input", "longer than the one multiple")
    return item + bytes(-len(item) % multiple)


def plaintext(item: cbor.Item, multiple: int, hides_absence: bool) -> bytes:
    """[PT-11] [PT-12]: an absent value is sealed only where absence is hidden."""
    if item is None and not hides_absence:
        raise Refused("invalid-input", "null outermost")
    padded = pad(cbor.encode(item), multiple, hides_absence)
    if len(padded) > crypto.MAX_PLAINTEXT:
        raise Refused("invalid-input", "value too long")
    return padded


def check_purpose(purpose: int, *decls: ClassDecl | None) -> None:
    """[MA-2]: no value is of a mask class."""
    if purpose == PURPOSE_VALUE and any(d and is_mask_class(d.name) for d in decls):
        raise Refused("invalid-input", "a value of a mask class")


def mask_item(item: cbor.Item, multiple: int) -> cbor.Item:
    """[MA-1] [MA-5]"""
    if item is not None and not isinstance(item, str):
        raise Refused("invalid-input", "a mask is a text")
    if multiple < len(cbor.encode(HIDDEN_MASK)):
        raise Refused("invalid-input", "no room for the least mask")
    return HIDDEN_MASK if item and len(cbor.encode(item)) > multiple else item


# --- already sealed --------------------------------------------------------


def refuse_sealed(item: cbor.Item, envelope: Envelope | None) -> None:
    """[AS-1] [AS-2]"""
    if isinstance(item, str):
        try:
            data = from_text(item)
        except Refused:
            return
    elif isinstance(item, bytes):
        data = item
    else:
        return
    if not data:
        return
    if data[0] == FIRST_BYTE:
        sealed = (
            len(data) >= MIN_LENGTH
            and envelope is not None
            and envelope.by_tag(data[1:5]) is not None
        )
    else:
        sealed = _parses(data)
    if sealed:
        raise Refused("already-sealed")


def _parses(data: bytes) -> bool:
    try:
        if data[0] == 0xF6:
            parse(data)
            return True
        if data[0] == 0xF7:
            inner, sealed = standalone_layout.split(data)
            standalone_layout.check(parse(inner), sealed)
            return True
    except Refused:
        pass
    return False


# --- sealing ---------------------------------------------------------------


@dataclass(frozen=True)
class ToSeal:
    record: str
    field: str
    row: bytes
    decl: ClassDecl
    multiple: int
    hides_absence: bool
    item: cbor.Item
    purpose: int = PURPOSE_VALUE


class Nonces:
    """[RN-3]: R, fresh per call and data key, and a counter from 0."""

    def __init__(self, gen: Generator) -> None:
        self._gen = gen
        self._state: dict[bytes, tuple[bytes, int]] = {}

    def next(self, data_key: bytes) -> bytes:
        prefix, counter = self._state.get(data_key) or (self._gen.take(16), 0)
        self._state[data_key] = prefix, counter + 1
        return prefix + u64(counter)


def sealed_bytes(keys: crypto.Keys, nonce: bytes, aad_: bytes, padded: bytes) -> bytes:
    """[SF-1] [SF-4]"""
    return bytes([FIRST_BYTE]) + keys.tag + nonce + crypto.aead_seal(keys.aead, nonce, aad_, padded)


def seal(
    verified: Verified, ring: Ring, now: int, fields: Iterable[ToSeal], gen: Generator
) -> tuple[list[bytes], bytes]:
    """[SF-3]: value by value, all four checks for one before `fields` gives the next."""
    # Without rescue: a compromised key never seals [ST-3] [GN-2].
    editor = Editor(ring, verified.tenant, verified.subject, now, gen, verified)
    declarations = Declarations(with_consented=True)
    chosen: dict[str, tuple[int, bytes]] = {}
    checked: list[tuple[ToSeal, bytes]] = []
    for f in fields:
        check_name(f.record)
        check_name(f.field)
        check_purpose(f.purpose, f.decl)
        declarations.add(f.decl)
        item = f.item
        if f.purpose == PURPOSE_MASK:
            item = mask_item(item, f.multiple)
        checked.append((f, plaintext(item, f.multiple, f.hides_absence)))
        refuse_sealed(item, verified.envelope)
        if f.decl.name not in chosen:  # [GN-11]
            chosen[f.decl.name] = _sealing_generation(editor, f.decl, now)
    envelope = editor.finish()
    nonces = Nonces(gen)
    out = []
    for f, plain in checked:
        generation, data_key = chosen[f.decl.name]
        keys = crypto.derive(
            data_key, crypto.SUITE, verified.tenant, verified.subject, f.decl.name, generation
        )
        head = bytes([FIRST_BYTE]) + keys.tag
        aad_ = aad(head, f.purpose, f.record, f.field, f.row)
        out.append(sealed_bytes(keys, nonces.next(data_key), aad_, plain))
    return out, envelope


def _sealing_generation(editor: Editor, decl: ClassDecl, now: int) -> tuple[int, bytes]:
    """[GN-2] [GN-3]"""
    editor.allow(erased_refuses=True)  # steps 0 and 1
    entries = editor.of_class(decl.name)
    if not entries:
        raise Refused("missing-class", decl.name)
    highest = entries[-1]
    if isinstance(highest, Erased):
        raise Refused("erased", "highest generation")
    if highest.suite != crypto.SUITE:
        raise Refused("unsupported", "suite")
    if highest.generation == U16_MAX:
        raise Refused("exhausted", "generation 65,535 takes no values")
    if highest.expired(now):
        raise Refused("expired")
    outcome = editor.outcome(highest, decl)
    if outcome.reach == "tampered":
        raise Refused("tampered")
    if outcome.data_key is None:
        consented = editor.consented(decl)
        editor.tell_consents(decl, consented)
        readers = list(decl.readers) + consented
        if not readers or not all(editor.ring.wrapping(role) for role in readers):
            raise Refused("not-permitted", "the next generation cannot be made")
        return highest.generation + 1, editor.begin_next(decl, readers)
    if decl.retention is not None and (
        highest.expires_at == 0 or now + decl.retention > highest.expires_at
    ):
        raise Refused("retention", "renew")
    return highest.generation, outcome.data_key


# --- opening ---------------------------------------------------------------


@dataclass(frozen=True)
class ToOpen:
    record: str
    field: str
    row: bytes
    decl: ClassDecl
    was: ClassDecl | None
    takes_absence: bool
    type: str
    sealed: bytes
    purpose: int = PURPOSE_VALUE


def open_(verified: Verified, ring: Ring, now: int, rescue: bool, f: ToOpen) -> cbor.Item:
    """[OP-1]"""
    check_name(f.record)
    check_name(f.field)
    check_purpose(f.purpose, f.decl, f.was)
    data = f.sealed
    if not data or data[0] < FIRST_BYTE or data[0] in (0xF6, 0xF7):
        raise Refused("not-sealed")
    if data[0] >= 0xF8:
        raise Refused("unsupported", "reserved first byte")
    if len(data) < MIN_LENGTH:
        raise Refused("malformed", "too short")
    if verified.envelope.subject_erased:
        raise Refused("erased", "subject")
    entry = verified.envelope.by_tag(data[1:5])
    decl = next((d for d in (f.decl, f.was) if d and entry and d.name == entry.cls), None)
    if entry is None or decl is None:  # [OP-2]
        raise Refused("wrong-key")
    if isinstance(entry, Erased):
        raise Refused("erased", "generation")
    aad_ = aad(data[:5], f.purpose, f.record, f.field, f.row)
    counting = decl.counting(ring)
    kind = "text" if f.purpose == PURPOSE_MASK else f.type
    return open_under(
        verified, ring, now, rescue, entry, counting, data, aad_, kind, f.takes_absence
    )


def open_under(
    verified: Verified,
    ring: Ring,
    now: int,
    rescue: bool,
    entry: Live,
    counting: frozenset[str],
    data: bytes,
    aad_: bytes,
    kind: str,
    takes_absence: bool,
) -> cbor.Item:
    """Steps c3 to f of [OP-1], which [SA-5] e takes over."""
    tenant, subject = verified.tenant, verified.subject
    data_key = unwrap(entry, ring, tenant, subject, rescue).judged(counting).key_or_refuse()
    if entry.expired(now):
        raise Refused("expired")
    keys = crypto.derive(data_key, entry.suite, tenant, subject, entry.cls, entry.generation)
    plain = crypto.aead_open(keys.aead, data[5:29], aad_, data[29:])  # [RN-4]
    if plain is None:
        raise Refused("tampered")
    return cbor.accept(kind, cbor.decode_padded(plain), takes_absence)  # [OP-5]
