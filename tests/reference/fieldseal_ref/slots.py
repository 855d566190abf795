"""Section 12.4: slots: their members, their keys, what is wrapped."""

from __future__ import annotations

import unicodedata
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.kdf.argon2 import Argon2id

from . import jcs
from .crypto import aead_open, aead_seal, expand, same
from .encoding import is_name, u16, u32
from .errors import Refused
from .spelling import from_base64, malformed, seconds, to_base64, unhex

LABEL_SLOT = b"fieldseal/v1 ring slot"
LABEL_SERVICE = b"fieldseal/v1 ring service"

ALWAYS = {"created_at", "id", "kind", "label", "wrapped"}
OF_KIND = {
    "passphrase": {"memory_kib", "passes", "lanes", "salt"},
    "key": set[str](),
    "recovery": {"share_set", "share_tags", "threshold"},
    "service": {"service", "service_key", "service_wrapped"},
}


@dataclass(frozen=True)
class Slot:
    """A slot that breaks no rule; `members` as they stand."""

    members: dict[str, Any]

    @property
    def id(self) -> int:
        out: int = self.members["id"]
        return out

    @property
    def kind(self) -> str:
        out: str = self.members["kind"]
        return out

    @property
    def wrapped(self) -> bytes:
        out = from_base64(self.members["wrapped"])
        assert out is not None
        return out

    def info(self, ring_id: bytes, number: int) -> bytes:
        """[RF-7] `number`: the document's `master`, which says which master key is wrapped."""
        told = {name: value for name, value in self.members.items() if name != "wrapped"}
        return LABEL_SLOT + ring_id + u32(number) + jcs.canonical(told)

    def keys(self, ring_id: bytes, number: int, slot_key: bytes) -> tuple[bytes, bytes]:
        """[RF-7]: wrap key, commitment."""
        okm = expand(slot_key, self.info(ring_id, number), 64)
        return okm[:32], okm[32:]

    def wrap(
        self, ring_id: bytes, number: int, slot_key: bytes, master: bytes, nonce: bytes
    ) -> Slot:
        """[RF-7]"""
        key, commitment = self.keys(ring_id, number, slot_key)
        wrapped = commitment + nonce + aead_seal(key, nonce, b"", master)
        return replace(self, members={**self.members, "wrapped": to_base64(wrapped)})

    def unwrap(self, ring_id: bytes, number: int, slot_key: bytes) -> bytes | None:
        """[RF-7]: the master key."""
        key, commitment = self.keys(ring_id, number, slot_key)
        wrapped = self.wrapped
        if not same(wrapped[:32], commitment):
            return None
        return aead_open(key, wrapped[32:56], b"", wrapped[56:])


def service_context(ring_id: bytes, slot_id: int) -> bytes:
    """[RF-16]"""
    return LABEL_SERVICE + ring_id + u16(slot_id)


def work(slot: Slot) -> int:
    """[RF-8]"""
    if slot.kind != "passphrase":
        return 0
    out: int = slot.members["memory_kib"] * slot.members["passes"]
    return out


def stretched(passphrase: str, slot: Slot) -> bytes:
    """[RF-8]"""
    m = slot.members
    return Argon2id(
        salt=bytes.fromhex(m["salt"]),
        length=32,
        iterations=m["passes"],
        lanes=m["lanes"],
        memory_cost=m["memory_kib"],
    ).derive(passphrase.encode("utf-8"))


def _printable(text: str, least: int, most: int) -> bool:
    """No control characters: those of U+0000 to U+001F and U+007F to U+009F."""
    controls = any(unicodedata.category(c) == "Cc" for c in text)
    return least <= len(text.encode("utf-8")) <= most and not controls


def check_label(text: str) -> bool:
    return _printable(text, 0, 64)


def check_cost(memory_kib: int, passes: int, lanes: int) -> bool:
    """[RF-8]"""
    return 1 <= lanes <= 16 and 1 <= passes <= 64 and 8 * lanes <= memory_kib <= 1_048_576


def check_service(service: str, key: str) -> bool:
    return is_name(service) and _printable(key, 1, 512)


def parse_slot(members: dict[str, Any]) -> Slot:
    """Step e of [RF-10], for one slot."""
    kind = members["kind"]
    if kind not in OF_KIND:
        raise Refused("unsupported", "a slot of an unknown kind")
    if set(members) != ALWAYS | OF_KIND[kind]:  # [RF-9]
        raise malformed("a slot with members of another kind, or without its own")
    if members["id"] == 0 or not check_label(members["label"]):
        raise malformed("no id or label of a slot")
    seconds(members["created_at"])
    if len(from_base64(members["wrapped"]) or b"") != 104:
        raise malformed("wrapped is not 104 bytes")
    if kind == "passphrase":
        unhex(members["salt"], 16)
        if not check_cost(members["memory_kib"], members["passes"], members["lanes"]):
            raise malformed("Argon2id parameters")
    if kind == "recovery":
        unhex(members["share_set"], 8)
        for tag in members["share_tags"]:
            unhex(tag, 8)
        if not 2 <= members["threshold"] <= len(members["share_tags"]) <= 255:  # [RF-15]
            raise malformed("threshold")
    if kind == "service":
        wrapped = from_base64(members["service_wrapped"])
        if wrapped is None or not 1 <= len(wrapped) <= 4096:
            raise malformed("what the service gave")
        if not check_service(members["service"], members["service_key"]):
            raise malformed("no service")
    return Slot(members)
