"""Writing ring documents (12.2 to 12.5, 12.10), everything drawn from one generator."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

from .crypto import Generator, aead_seal
from .document import (
    MAX_GENERATION,
    MAX_KEYS,
    MAX_MASTER,
    MAX_SLOTS,
    MAX_WORK,
    VERSION,
)
from .errors import Refused
from .jcs import canonical
from .ring import DerivedForm, PairForm, PublicForm, Ring, RingKey, SymmetricForm, WriterForm
from .shares import Share, split
from .slots import Slot, check_cost, check_label, check_service, stretched, work
from .spelling import time, to_base64
from .unlock import LABEL_RING, Passphrase, document_keys

Dict = dict[str, Any]


@dataclass(frozen=True)
class NewSlot:
    """A slot with its key; for custodians the shares too."""

    slot: Slot
    slot_key: bytes
    shares: tuple[Share, ...] = ()


def new_slot(plan: Dict, ring_id: bytes, number: int, master: bytes, gen: Generator) -> NewSlot:
    """[RF-26] `plan`: id, label, created_at in seconds, kind, and what the kind needs; `number` is
    that of the master key."""
    members: Dict = {
        "created_at": time(plan["created_at"]),
        "id": plan["id"],
        "kind": plan["kind"],
        "label": plan["label"],
    }
    if not check_label(plan["label"]) or not 1 <= plan["id"] <= 65_535:
        raise Refused("invalid-input", "id or label of a slot")
    shares: list[Share] = []
    kind = plan["kind"]
    if kind == "passphrase":
        cost = {name: plan[name] for name in ("memory_kib", "passes", "lanes")}
        if not check_cost(**cost):
            raise Refused("invalid-input", "cost")
        members |= {**cost, "salt": gen.take(16).hex()}
        if "slot_key" in plan:  # not tried: of any cost
            slot_key = bytes.fromhex(plan["slot_key"])
        else:
            passphrase = Passphrase(plan["passphrase"])
            # [RF-8] As slots were made before, for the vectors.
            form = passphrase.text if plan.get("as_given") else passphrase.of_a_new_slot
            slot_key = stretched(form, Slot(members))
    elif kind == "recovery":
        slot_key, set_ = gen.take(32), gen.take(8)
        shares = split(slot_key, set_, plan["threshold"], plan["count"], gen.take)
        members |= {
            "share_set": set_.hex(),
            "share_tags": [share.tag.hex() for share in shares],
            "threshold": plan["threshold"],
        }
    elif kind == "service":
        slot_key = bytes.fromhex(plan["slot_key"])
        wrapped = bytes.fromhex(plan["service_wrapped"])
        if not check_service(plan["service"], plan["service_key"]) or not 1 <= len(wrapped) <= 4096:
            raise Refused("invalid-input", "service")
        members |= {name: plan[name] for name in ("service", "service_key")}
        members["service_wrapped"] = to_base64(wrapped)
    else:
        slot_key = bytes.fromhex(plan["slot_key"])
    slot = Slot(members).wrap(ring_id, number, slot_key, master, gen.take(24))
    return NewSlot(slot, slot_key, tuple(shares))


def key_entry(key: RingKey) -> Dict:
    """12.3"""
    form = key.form
    entry: Dict = {"holds": "name-only"}
    if isinstance(form, SymmetricForm):
        entry = {"holds": "secret"}
    elif isinstance(form, PairForm):
        entry = {"holds": "key-pair", "public": to_base64(form.public)}
    elif isinstance(form, WriterForm):
        entry = {"holds": "writer-half", "public": to_base64(form.public)}
    elif isinstance(form, PublicForm):
        entry = {"holds": "public", "public": to_base64(form.public)}
    elif isinstance(form, DerivedForm):
        names = ("tenant", "record", "index") if key.use == "index" else ("tenant", "purpose")
        scopes = [dict(zip(names, scope.parts)) for scope, _ in _in_order(form)]
        entry = {"holds": "derived", "derived": scopes}
    if key.created_at is not None:
        entry["created_at"] = time(key.created_at)
    if key.rotate_after_days is not None:
        entry["rotate_after_days"] = key.rotate_after_days
    return entry | {
        "id": key.id.to_bytes(4, "big").hex(),
        "name": key.name,
        "state": key.state,
        "use": key.use,
    }


def _in_order(form: DerivedForm) -> list[Any]:
    """[RF-14]"""
    return sorted(form.keys, key=lambda pair: pair[0].encoded)


def secret_bytes(ring: Ring) -> bytes:
    """12.3, [RF-6]"""
    out = b""
    for key in ring.keys:
        form = key.form
        if isinstance(form, SymmetricForm):
            out += form.secret
        elif isinstance(form, PairForm):
            out += form.private + form.writer
        elif isinstance(form, WriterForm):
            out += form.writer
        elif isinstance(form, DerivedForm):
            out += b"".join(secret for _, secret in _in_order(form))
    return out


def plain_members(ring: Ring, ring_id: bytes, generation: int, written_at: int) -> Dict:
    """All members but `master`, `slots` and the secrets [RF-1]."""
    if not 1 <= generation <= MAX_GENERATION:
        raise Refused("exhausted", "generation")
    if len(ring.keys) > MAX_KEYS:
        raise Refused("invalid-input", "keys")
    return {
        "fieldseal": VERSION,
        "generation": generation,
        "id": ring_id.hex(),
        "keys": [key_entry(key) for key in ring.keys],
        "slots": [],
        "written_at": time(written_at),
    }


def numbered(members: Dict, number: int) -> Dict:
    """[RF-27]: those of a document under its master key of this number."""
    if not 1 <= number <= MAX_MASTER:
        raise Refused("exhausted", "master keys")
    return {**members, "master": number}


def sealed(members: Dict, slots: list[Slot], master: bytes, secrets: bytes, nonce: bytes) -> Dict:
    """[RF-5] [RF-6]: the members of a protected document."""
    if not 1 <= len(slots) <= MAX_SLOTS or sum(map(work, slots)) > MAX_WORK:
        raise Refused("invalid-input", "no slot, too many, or too much work")
    members = {**members, "slots": [slot.members for slot in slots]}
    key, commitment = document_keys(master, bytes.fromhex(members["id"]))
    out = commitment + nonce + aead_seal(key, nonce, LABEL_RING + canonical(members), secrets)
    return {**members, "secrets": to_base64(out)}


def text(members: Dict) -> str:
    """A document as it is stored: indented; any layout would do [RF-2]."""
    return json.dumps(members, sort_keys=True, indent=2, ensure_ascii=False) + "\n"
