"""Sections 12.5, 12.8 and 12.9: credentials, and opening a ring document."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Union

import unicodedata2 as unicodedata

from .crypto import aead_open, expand, same
from .document import Document, ring_of
from .errors import Refused
from .ring import Ring
from .shares import Share, combine
from .slots import Slot, stretched
from .spelling import from_base64, malformed

LABEL_RING = b"fieldseal/v1 ring"


@dataclass(frozen=True)
class Passphrase:
    text: str

    def __post_init__(self) -> None:
        """[RF-8]"""
        if not self.prepared or len(self.text.encode("utf-8")) > 1024:
            raise Refused("invalid-input", "no passphrase")

    @property
    def prepared(self) -> str:
        """[RF-8]: as a new slot takes it."""
        bare = self.text.lstrip("\ufeff").rstrip("\r\n")
        spaced = "".join(" " if unicodedata.category(c) == "Zs" else c for c in bare)
        return unicodedata.normalize("NFC", spaced)

    @property
    def of_a_new_slot(self) -> str:
        if any(unicodedata.category(c) == "Cc" for c in self.prepared):
            raise Refused("invalid-input", "a control character in a passphrase")
        return self.prepared

    @property
    def forms(self) -> list[str]:
        """[RF-23]: by which a slot is tried, in order."""
        return [self.prepared] if self.prepared == self.text else [self.prepared, self.text]


@dataclass(frozen=True)
class RawKey:
    key: bytes


@dataclass(frozen=True)
class Shares:
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Answer:
    """What a key service answered for the slot of one of its keys [RF-16]."""

    service: str
    service_key: str
    slot_key: bytes


Credential = Union[Passphrase, RawKey, Shares, Answer]


@dataclass(frozen=True)
class Floor:
    """[RF-29]: the least `master`, 0 where none is demanded, and the least generation."""

    master: int
    generation: int

    @staticmethod
    def of(written: str) -> Floor:
        """`master.generation`, or the generation alone."""
        master, dot, generation = written.rpartition(".")
        return Floor(int(master) if dot else 0, int(generation))

    def check(self, document: Document) -> None:
        if document.master < self.master:
            raise Refused("rolled-back", "a former master key")
        if document.generation < self.generation:
            raise Refused("rolled-back", "generation")


@dataclass(frozen=True)
class Opened:
    ring: Ring
    master: bytes
    slot: int


def document_keys(master: bytes, ring_id: bytes) -> tuple[bytes, bytes]:
    """[RF-4]: AEAD key, commitment."""
    okm = expand(master, LABEL_RING + ring_id, 64)
    return okm[:32], okm[32:]


def slot_keys(document: Document, credential: Credential) -> Iterator[tuple[Slot, bytes]]:
    """[RF-23], 1, and the slot keys of 2."""
    if isinstance(credential, Answer):
        of_key = (credential.service, credential.service_key)
        for slot in document.slots:
            m = slot.members
            if slot.kind == "service" and (m["service"], m["service_key"]) == of_key:
                yield slot, credential.slot_key
                return
    for slot in document.slots:
        if isinstance(credential, Passphrase) and slot.kind == "passphrase":
            for form in credential.forms:
                yield slot, stretched(form, slot)
        if isinstance(credential, RawKey) and slot.kind == "key":
            yield slot, credential.key
        if isinstance(credential, Shares) and slot.kind == "recovery":
            set_ = bytes.fromhex(slot.members["share_set"])
            if any(share.set == set_ for share in credential.shares):
                tags = [bytes.fromhex(tag) for tag in slot.members["share_tags"]]
                yield slot, combine(credential.shares, set_, tags)


def _secrets(document: Document, master: bytes) -> bytes | None:
    """[RF-4] to [RF-6]"""
    sealed = from_base64(document.members["secrets"])
    if sealed is None or len(sealed) < 72:
        return None
    key, commitment = document_keys(master, document.id)
    if not same(sealed[:32], commitment):
        return None
    return aead_open(key, sealed[32:56], LABEL_RING + document.associated, sealed[56:])


def _try(document: Document, slot: Slot, slot_key: bytes) -> Opened | None:
    master = slot.unwrap(document.id, document.master, slot_key)
    secrets = None if master is None else _secrets(document, master)
    if master is None or secrets is None:
        return None
    try:
        return Opened(ring_of(document.lines, secrets, verify=False), master, slot.id)
    except Refused:
        return None


def unlock(document: Document, credential: Credential, floor: Floor) -> Opened:
    """[RF-23]"""
    if not document.is_protected:
        raise Refused("unprotected")
    for slot, slot_key in slot_keys(document, credential):
        opened = _try(document, slot, slot_key)
        if opened is not None:
            floor.check(document)
            return opened
    raise Refused("unlock")


def open_unprotected(document: Document, fingerprint: bytes | None, floor: Floor) -> Ring:
    """[RF-22]"""
    if document.is_protected:
        raise Refused("invalid-input", "protected")
    if fingerprint is not None and not same(fingerprint, document.fingerprint):
        raise Refused("unlock", "not the pinned one")
    secrets = from_base64(document.members["unprotected"])
    if secrets is None:
        raise malformed("no base64url")
    ring = ring_of(document.lines, secrets, verify=True)
    floor.check(document)
    return ring
