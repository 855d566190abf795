"""The operations of `serve` on ring documents, shares and slot keys (12.2 to 12.10)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import convert, ed25519, save
from .crypto import Generator, expand, scope_info
from .document import Document, read
from .encoding import check_tenant, subject_id
from .jcs import canonical
from .shares import Share, share_from_text, share_text, slot_key_from_text, slot_key_text
from .slots import service_context
from .spelling import to_base64
from .unlock import (
    LABEL_RING,
    Answer,
    Credential,
    Floor,
    Passphrase,
    RawKey,
    Shares,
    document_keys,
    open_unprotected,
    unlock,
)

Dict = dict[str, Any]


def _document(r: Dict) -> Document:
    return read(bytes.fromhex(r["document"]))


def credential(j: Dict) -> Credential:
    """`passphrase`; `key`; `shares`, as texts; or `service`, `service_key` and `slot_key`."""
    if "passphrase" in j:
        return Passphrase(j["passphrase"])
    if "key" in j:
        return RawKey(slot_key_from_text(j["key"]))
    if "shares" in j:
        return Shares(tuple(map(share_from_text, j["shares"])))
    return Answer(j["service"], j["service_key"], convert.exactly(32, j["slot_key"]))


def _floor(r: Dict) -> Floor:
    """`floor`: none, a generation, or the text of a floor."""
    return Floor.of(str(r.get("floor") or 0))


def _read(r: Dict) -> Dict:
    """What reading shows, without a credential."""
    document = _document(r)
    return {
        "id": document.id.hex(),
        "generation": document.generation,
        "master": document.master,
        "written_at": document.written_at,
        "protected": document.is_protected,
        "slots": [slot.members for slot in document.slots],
        "keys": [
            {
                "id": line.id,
                "use": line.use,
                "name": line.name,
                "state": line.state,
                "holds": line.holds,
                "created_at": line.created_at,
                "rotate_after_days": line.rotate_after_days,
            }
            for line in document.lines
        ],
    }


def _unlock(r: Dict) -> Dict:
    opened = unlock(_document(r), credential(r["credential"]), _floor(r))
    return {"ring": convert.json_ring(opened.ring), "slot": opened.slot}


def _open_unprotected(r: Dict) -> Dict:
    """`fingerprint` may be given."""
    given = r.get("fingerprint")
    fingerprint = None if given is None else convert.exactly(32, given)
    ring = open_unprotected(_document(r), fingerprint, _floor(r))
    return {"ring": convert.json_ring(ring)}


def _shown_slot(new: save.NewSlot, ring_id: bytes, number: int) -> Dict:
    slot = new.slot
    key, commitment = slot.keys(ring_id, number, new.slot_key)
    shown: Dict = {
        "id": slot.id,
        "kind": slot.kind,
        "slot_key": new.slot_key.hex(),
        "info": slot.info(ring_id, number).hex(),
        "wrap_key": key.hex(),
        "commitment": commitment.hex(),
        "nonce": slot.wrapped[32:56].hex(),
        "wrapped": slot.wrapped.hex(),
    }
    if slot.kind == "service":
        shown["context"] = service_context(ring_id, slot.id).hex()
    if new.shares:
        shown["shares"] = [share_text(share) for share in new.shares]
    return shown


def _write(r: Dict) -> Dict:
    """A document from `ring`, `id`, `generation`, `master` (1 if it is not there), `written_at` and
    the plans of `slots`; `seed`, or the system, gives what is drawn, and `master_key`, if it is
    there, the master key."""
    seed = r.get("seed")
    gen = Generator(None if seed is None else convert.exactly(32, seed))
    ring, ring_id = convert.ring(r["ring"]), convert.exactly(16, r["id"])
    number = r.get("master", 1)
    members = save.plain_members(ring, ring_id, r["generation"], r["written_at"])
    members = save.numbered(members, number)
    master = convert.exactly(32, r["master_key"]) if r.get("master_key") else gen.take(32)
    slots = [save.new_slot(plan, ring_id, number, master, gen) for plan in r["slots"]]
    secrets = save.secret_bytes(ring)
    nonce = gen.take(24)
    members = save.sealed(members, [new.slot for new in slots], master, secrets, nonce)
    aead, commitment = document_keys(master, ring_id)
    told = canonical({name: of for name, of in members.items() if name != "secrets"})
    return {
        "document": save.text(members),
        "slots": [_shown_slot(new, ring_id, number) for new in slots],
        "master_key": master.hex(),
        "aead_key": aead.hex(),
        "commitment": commitment.hex(),
        "nonce": nonce.hex(),
        "aad": (LABEL_RING + told).hex(),
        "secret_bytes": secrets.hex(),
    }


def _write_unprotected(r: Dict) -> Dict:
    ring, ring_id = convert.ring(r["ring"]), convert.exactly(16, r["id"])
    members = save.plain_members(ring, ring_id, r["generation"], r["written_at"])
    secrets = save.secret_bytes(ring)
    text = save.text({**members, "unprotected": to_base64(secrets)})
    fingerprint = read(text.encode("utf-8")).fingerprint
    return {"document": text, "fingerprint": fingerprint.hex(), "secret_bytes": secrets.hex()}


def _json_share(share: Share) -> Dict:
    return {
        "set": share.set.hex(),
        "threshold": share.threshold,
        "count": share.count,
        "index": share.index,
        "value": share.value.hex(),
        "checksum": share.checksum.hex(),
        "tag": share.tag.hex(),
        "text": share_text(share),
    }


def _share(r: Dict) -> Dict:
    value = convert.exactly(32, r["value"])
    parts = (r["threshold"], r["count"], r["index"], value)
    return _json_share(Share(convert.exactly(8, r["set"]), *parts))


def _derived_key(r: Dict) -> Dict:
    """[RK-7]"""
    info = scope_info(convert.scope(r["use"], r["scope"]))
    return {"info": info.hex(), "key": expand(convert.exactly(32, r["master"]), info, 32).hex()}


def _verifying_key(key_id: int, public: bytes) -> Dict:
    text = ed25519.verifying_key_text(key_id, public)
    return {"id": key_id, "public": public.hex(), "text": text}


def _signing_key(r: Dict) -> Dict:
    """[RK-8] [RF-30]"""
    secret = convert.exactly(32, r["secret"])
    shown = {"private": ed25519.private_key(secret).hex()}
    return {**shown, **_verifying_key(r["id"], ed25519.public_key(secret))}


def _sign(r: Dict) -> Dict:
    signature = ed25519.sign(convert.exactly(32, r["secret"]), bytes.fromhex(r["message"]))
    return {"signature": signature.hex()}


def _verify_signature(r: Dict) -> Dict:
    """[RK-10]"""
    of = (convert.exactly(32, r["public"]), bytes.fromhex(r["message"]))
    return {"good": ed25519.verify(*of, bytes.fromhex(r["signature"]))}


def _token(r: Dict) -> Dict:
    """[RK-9]"""
    secret = convert.exactly(32, r["secret"])
    subject = subject_id(convert.id_(r["subject"]))
    key = ed25519.token_key(secret, check_tenant(r["tenant"]))
    return {"token_key": key.hex(), "token": ed25519.token(key, subject).hex()}


OPS: dict[str, Callable[[Dict], Dict]] = {
    "ring-read": _read,
    "ring-unlock": _unlock,
    "ring-open-unprotected": _open_unprotected,
    "ring-write": _write,
    "ring-write-unprotected": _write_unprotected,
    "share": _share,
    "from-share": lambda r: _json_share(share_from_text(r["text"])),
    "slot-key": lambda r: {"text": slot_key_text(convert.exactly(32, r["key"]))},
    "from-slot-key": lambda r: {"key": slot_key_from_text(r["text"]).hex()},
    "derived-key": _derived_key,
    "signing-key": _signing_key,
    "sign": _sign,
    "verify-signature": _verify_signature,
    "token": _token,
    "from-verifying-key": lambda r: _verifying_key(*ed25519.verifying_key_from_text(r["text"])),
}
