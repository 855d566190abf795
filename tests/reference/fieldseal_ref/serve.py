"""JSON lines: one request a line on stdin, one answer a line on stdout."""

from __future__ import annotations

import json
import sys
import traceback
from collections.abc import Callable
from typing import Any

from . import (
    cbor,
    convert,
    crypto,
    field,
    serve_ledgers,
    serve_pseudonyms,
    serve_rings,
    serve_terms,
    standalone,
)
from .classes import Declarations
from .crypto import Generator
from .edit import Editor, create
from .encoding import (
    U64_MAX,
    check_name,
    check_tenant,
    encode_id,
    from_text,
    row_id,
    subject_id,
    to_text,
)
from .envelope import Envelope, Erased, Live, Verified, parse, unwrap, verify
from .errors import Refused
from .ring import Ring

Request = dict[str, Any]
Answer = dict[str, Any]


def _hex(r: Request, name: str) -> bytes:
    return bytes.fromhex(r[name])


def _generator(r: Request) -> Generator:
    seed = r.get("seed")
    return Generator(None if seed is None else convert.exactly(32, seed))


def _now(r: Request) -> int:
    now: int = r["now"]
    if not 0 <= now <= U64_MAX:
        raise Refused("invalid-input", "time")
    return now


def _rescue(r: Request) -> bool:
    return bool(r.get("rescue", False))


def _whose(r: Request) -> tuple[bytes, bytes]:
    return check_tenant(r["tenant"]), subject_id(convert.id_(r["subject"]))


def _verified(r: Request, ring: Ring) -> Verified:
    tenant, subject = _whose(r)
    return verify(_hex(r, "envelope"), ring, tenant, subject, _rescue(r), r.get("floor") or 0)


# --- envelopes -------------------------------------------------------------


def _create(r: Request) -> Answer:
    ring = convert.ring(r["ring"])
    tenant, subject = _whose(r)
    seen = Declarations(with_consented=True)
    declarations = [seen.add(convert.class_(c)) for c in r["classes"]]
    out = create(ring, tenant, subject, _now(r), declarations, _generator(r))
    return {"envelope": out.hex()}


def _describe(envelope: Envelope, ring: Ring | None, reach: Callable[[Live], str] | None) -> Answer:
    entries: list[Answer] = []
    for e in envelope.entries:
        if isinstance(e, Live):
            shown: Answer = {
                "kind": "live",
                "class": e.cls,
                "generation": e.generation,
                "suite": e.suite,
                "created_at": e.created_at,
                "expires_at": e.expires_at,
                "tag": e.tag.hex(),
            }
            if reach is not None:
                shown["reach"] = reach(e)
            names = [ring.role_of(x.key_id) for x in e.recipients] if ring else []
            shown["roles"] = [name for name in names if name is not None]
        elif isinstance(e, Erased):
            shown = {
                "kind": "erased",
                "class": e.cls,
                "generation": e.generation,
                "tag": e.tag.hex(),
                "erased_at": e.erased_at,
            }
        else:
            shown = {"kind": "subject", "erased_at": e.erased_at}
        entries.append(shown)
    return {"version": envelope.version, "entries": entries}


def _verify(r: Request) -> Answer:
    ring = convert.ring(r["ring"])
    v = _verified(r, ring)

    def reach(e: Live) -> str:
        return unwrap(e, ring, v.tenant, v.subject, _rescue(r)).judged(None).reach

    return _describe(v.envelope, ring, reach)


def _inspect(r: Request) -> Answer:
    ring = convert.ring(r["ring"]) if r.get("ring") else None
    return _describe(parse(_hex(r, "envelope")), ring, None)


def _edit(r: Request) -> Answer:
    ring = convert.ring(r["ring"])
    verified = _verified(r, ring)
    editor = Editor(
        ring,
        verified.tenant,
        verified.subject,
        _now(r),
        _generator(r),
        verified,
        _rescue(r),
    )
    editor.has_evidence = r.get("evidence", True)
    seen = Declarations(with_consented=False)
    for change in r["changes"]:
        _apply(editor, seen, change)
    return {
        "envelope": editor.finish().hex(),
        "unproven": editor.unproven,
        "not_lifted": editor.not_lifted,
        "acts": [act.members for act in editor.acts],
        "to_renew": editor.to_renew,
    }


def _apply(editor: Editor, seen: Declarations, change: Answer) -> None:
    """[ED-16]: what the caller gave is looked at after `allow`."""
    do = change["do"]
    if do == "rewrap":
        given = [seen.add(convert.class_(c)) for c in change.get("declared") or []]
        editor.rewrap({c.name: c for c in given})
        return
    changing_readers = do in ("ensure", "renew", "grant", "withdraw")
    editor.allow(erased_refuses=changing_readers)
    if changing_readers:
        decl = seen.add(convert.class_(change["class"]))
        if do == "ensure":
            editor.ensure(decl)
        elif do == "renew":
            editor.renew(decl)
        elif do == "grant":
            editor.grant(decl, change["role"], change["history"])
        else:
            editor.withdraw(decl, change["role"])
    elif do == "erase-class":
        editor.erase_class(change["class"])
    elif do == "erase-subject":
        editor.erase_subject()
    elif do == "erase-older":
        editor.erase_older(change["class"])
    elif do == "erase-resealed":
        editor.erase_resealed(change["class"], change["generation"])
    elif do == "sweep":
        editor.sweep()
    elif do == "prune":
        editor.prune()
    else:
        raise ValueError(f"change {do}")


def _erase_absent(r: Request) -> Answer:
    """[ED-14]: the 0x03 entry alone, where no envelope is stored."""
    tenant, subject = _whose(r)
    editor = Editor(convert.ring(r["ring"]), tenant, subject, _now(r), _generator(r))
    editor.erase_subject()
    return {"envelope": editor.finish().hex()}


# --- fields ----------------------------------------------------------------


def _seal(r: Request) -> Answer:
    ring = convert.ring(r["ring"])
    verified = _verified(r, ring)
    fields = (  # one at a time, as [SF-3] checks them
        field.ToSeal(
            check_name(f["record"]),
            check_name(f["field"]),
            row_id(convert.id_(f["row"])),
            convert.class_(f["class"]),
            f["pad"],
            f["hide_absence"],
            cbor.present(_hex(f, "item")) if "item" in f else convert.value(f["value"]),
            _field_purpose(f),
        )
        for f in r["fields"]
    )
    sealed, envelope = field.seal(verified, ring, _now(r), fields, _generator(r))
    return {"sealed": [s.hex() for s in sealed], "envelope": envelope.hex()}


def _reseal(r: Request) -> Answer:
    """[GN-14]: null where the column stays as it is."""
    ring = convert.ring(r["ring"])
    verified, now, rescue = _verified(r, ring), _now(r), _rescue(r)
    f = r["field"]
    sealed = _hex(f, "sealed")
    decl = convert.class_(f["class"])
    was = None if f.get("was") is None else convert.class_(f["was"])
    entries = verified.envelope.of_class(decl.name)
    to_open = field.ToOpen(
        f["record"], f["field"], row_id(convert.id_(f["row"])), decl, was, f["hide_absence"],
        f["type"], sealed, field.PURPOSE_VALUE,
    )
    try:
        if entries and entries[-1].tag == sealed[1:5]:
            return {"sealed": None}
        item = field.open_(verified, ring, now, rescue, to_open)
    except Refused as refused:
        if refused.kind in ("erased", "expired"):
            return {"sealed": None}
        raise
    again = field.ToSeal(
        f["record"], f["field"], to_open.row, decl, f["pad"], f["hide_absence"], item,
        field.PURPOSE_VALUE,
    )
    out, envelope = field.seal(verified, ring, now, [again], _generator(r))
    if envelope != verified.data:
        raise Refused("not-permitted", "resealing begins no generation")
    return {"sealed": out[0].hex()}


def _field_purpose(f: Request) -> int:
    return field.PURPOSE_MASK if f.get("mask") else field.PURPOSE_VALUE


def _open(r: Request) -> Answer:
    ring = convert.ring(r["ring"])
    verified = _verified(r, ring)
    now = _now(r)
    results: list[Answer] = []
    for f in r["fields"]:
        try:
            item = field.open_(
                verified,
                ring,
                now,
                _rescue(r),
                field.ToOpen(
                    f["record"],
                    f["field"],
                    row_id(convert.id_(f["row"])),
                    convert.class_or_name(f["class"]),
                    None if f.get("was") is None else convert.class_or_name(f["was"]),
                    f["hide_absence"] and f.get("optional", True),
                    f["type"],
                    _hex(f, "sealed"),
                    _field_purpose(f),
                ),
            )
            results.append({"ok": convert.json_value(item)})
        except Refused as refused:
            results.append({"error": refused.kind})
    return {"results": results}


# --- standalone envelopes --------------------------------------------------


def _standalone_seal(r: Request) -> Answer:
    out = standalone.seal(
        convert.ring(r["ring"]),
        check_tenant(r["tenant"]),
        _now(r),
        r.get("readers") or [],
        r.get("retain_days") or 0,
        _hex(r, "context"),
        _hex(r, "bytes"),
        _generator(r),
    )
    return {"envelope": out.hex()}


def _standalone_open(r: Request) -> Answer:
    item = standalone.open_(
        convert.ring(r["ring"]),
        check_tenant(r["tenant"]),
        _now(r),
        _rescue(r),
        r.get("readers") or [],
        _hex(r, "context"),
        "bytes",
        _hex(r, "envelope"),
    )
    assert isinstance(item, bytes)
    return {"bytes": item.hex()}


def _standalone_rewrap(r: Request) -> Answer:
    out, unproven, not_lifted = standalone.rewrap(
        convert.ring(r["ring"]),
        check_tenant(r["tenant"]),
        _now(r),
        _rescue(r),
        r.get("readers") or [],
        _hex(r, "envelope"),
        _generator(r),
    )
    return {"envelope": out.hex(), "unproven": unproven, "not_lifted": not_lifted}


# --- parts, for vectors ----------------------------------------------------


def _derive(r: Request) -> Answer:
    tenant, subject = check_tenant(r["tenant"]), _part_subject(r)
    keys = crypto.derive(
        _hex(r, "data_key"), r["suite"], tenant, subject, check_name(r["class"]), r["generation"]
    )
    return {"aead_key": keys.aead.hex(), "commitment": keys.commitment.hex()}


def _part_subject(r: Request) -> bytes:
    """The subject of a part: empty for a standalone envelope's [ID-6]."""
    return row_id(convert.id_(r["subject"]))


def _expand(r: Request) -> Answer:
    return {"out": crypto.expand(_hex(r, "key"), _hex(r, "info"), r["n"]).hex()}


def _aad(r: Request) -> Answer:
    row = row_id(convert.id_(r["row"]))
    record, name = check_name(r["record"]), check_name(r["field"])
    return {"aad": field.aad(_hex(r, "head"), r["purpose"], record, name, row).hex()}


def _wrap_aad(r: Request) -> Answer:
    out = crypto.wrap_aad(
        check_tenant(r["tenant"]),
        _part_subject(r),
        check_name(r["class"]),
        r["generation"],
        r["suite"],
        r["created_at"],
        r["expires_at"],
        convert.exactly(32, r["commitment"]),
        r["kind"],
        r["key_id"],
    )
    return {"aad": out.hex()}


def _wrap(r: Request) -> Answer:
    """`nonce` (kind 1) or `ephemeral` (kind 2, the private key) may be given."""
    key, data_key, aad = convert.ring_key(r["key"]), _hex(r, "data_key"), _hex(r, "aad")
    if r.get("nonce") is not None:
        out = crypto.wrap(r["kind"], key, data_key, aad, nonce=convert.exactly(24, r["nonce"]))
    elif r.get("ephemeral") is not None:
        ephemeral = convert.exactly(32, r["ephemeral"])
        out = crypto.wrap(r["kind"], key, data_key, aad, ephemeral=ephemeral)
    else:
        out = crypto.wrap_fresh(r["kind"], key, data_key, aad, _generator(r))
    return {"wrapped": out.hex()}


def _unwrap(r: Request) -> Answer:
    out = crypto.unwrap(r["kind"], convert.ring_key(r["key"]), _hex(r, "wrapped"), _hex(r, "aad"))
    if out is None:
        raise Refused("tampered")
    return {"data_key": out.hex()}


def _mac(r: Request) -> Answer:
    ring = convert.ring(r["ring"])
    secret, _ = ring.verifying_envelope_key(r["key_id"], _rescue(r))
    out = crypto.mac(secret, check_tenant(r["tenant"]), _part_subject(r), _hex(r, "bytes"))
    return {"mac": out.hex()}


def _aead(r: Request) -> Answer:
    """One XChaCha20-Poly1305 sealing with everything given."""
    out = crypto.aead_seal(
        convert.exactly(32, r["key"]),
        convert.exactly(24, r["nonce"]),
        _hex(r, "aad"),
        _hex(r, "plaintext"),
    )
    return {"out": out.hex()}


def _id(r: Request) -> Answer:
    value = convert.id_(r["id"])
    return {"bytes": (b"" if value is None else encode_id(value)).hex()}


OPS: dict[str, Callable[[Request], Answer]] = {
    "create": _create,
    "verify": _verify,
    "inspect": _inspect,
    "edit": _edit,
    "erase-absent": _erase_absent,
    "seal": _seal,
    "open": _open,
    "reseal": _reseal,
    "standalone-seal": _standalone_seal,
    "standalone-open": _standalone_open,
    "standalone-rewrap": _standalone_rewrap,
    "text": lambda r: {"text": to_text(_hex(r, "bytes"))},
    "from-text": lambda r: {"bytes": from_text(r["text"]).hex()},
    "derive": _derive,
    "expand": _expand,
    "cbor": lambda r: {"item": cbor.encode(convert.value(r["value"])).hex()},
    "uncbor": lambda r: {"value": convert.json_value(cbor.decode(_hex(r, "item")))},
    "id": _id,
    "aad": _aad,
    "wrap-aad": _wrap_aad,
    "wrap": _wrap,
    "unwrap": _unwrap,
    "mac": _mac,
    "aead": _aead,
    **serve_rings.OPS,
    **serve_ledgers.OPS,
    **serve_terms.OPS,
    **serve_pseudonyms.OPS,
    "ledger-write": lambda r: serve_ledgers.write(r, _apply),
    "receipt": lambda r: serve_ledgers.make_receipt(r, _apply),
}


def answer(line: bytes | str) -> Answer:
    try:
        request = json.loads(line)
        return {"ok": OPS[request["op"]](request)}
    except Refused as refused:
        return {"error": refused.kind}
    except Exception:
        return {"bug": traceback.format_exc()}


def main() -> None:
    for line in sys.stdin.buffer:
        if line.strip():
            sys.stdout.write(json.dumps(answer(line)) + "\n")
            sys.stdout.flush()
