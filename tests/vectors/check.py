"""Checks every vector of this directory with the second implementation.

    .venv/bin/python tests/vectors/check.py

The interpreter needs what tests/reference/requirements.txt lists; scripts/reference installs it and
runs this. Ends non-zero at the first file that differs.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE.parent / "reference"))

import check_changes  # noqa: E402
import check_ledgers  # noqa: E402
import check_pseudonyms  # noqa: E402
import check_rings  # noqa: E402
import check_terms  # noqa: E402
from fieldseal_ref import cbor, convert, crypto, envelope, field, hpke, serve  # noqa: E402
from fieldseal_ref.encoding import from_text, row_id, to_text, u32, utf8  # noqa: E402

Json = dict[str, Any]


def ask(op: str, **request: Any) -> Json:
    answered: Json = serve.answer(json.dumps({"op": op, **request}))
    assert "bug" not in answered, answered["bug"]
    return answered


def unhex(value: Any) -> bytes:
    """Hex, or a list of parts, each hex or {"byte": …, "times": …}."""
    if isinstance(value, str):
        return bytes.fromhex(value)
    if isinstance(value, list):
        return b"".join(unhex(part) for part in value)
    return bytes.fromhex(value["byte"]) * value["times"]


def same(what: str, ours: Any, theirs: Any) -> None:
    assert ours == theirs, f"{what}: {ours!r} is not {theirs!r}"


# --- positive files ---------------------------------------------------------


def check_envelope(file: Json, subject: bytes) -> envelope.Envelope:
    """Every intermediate value of the key envelope, and that it is parsed and written alike."""
    tenant = utf8(file["tenant"])
    ring = {key["id"]: convert.ring_key(key) for key in file["ring"]["keys"]}
    data = unhex(file["envelope"])
    same("subject_id", subject.hex(), file["subject_id"])
    same("text", to_text(data), file["text"])
    same("from text", from_text(file["text"]), data)
    parsed = envelope.parse(data)
    same("version", parsed.version, file["version"])
    same("entries", len(parsed.entries), len(file["entries"]))
    for entry, given in zip(parsed.entries, file["entries"]):
        check_entry(entry, given, ring, tenant, subject)
    secret = ring[parsed.key_id].form.secret
    same("mac_key", crypto.expand(secret, b"fieldseal/v1 envelope key", 32).hex(), file["mac_key"])
    body = envelope.body(parsed)
    label = b"fieldseal/v1 envelope" + bytes([len(tenant)]) + tenant + bytes([len(subject)])
    same("mac_input", (label + subject + body).hex(), file["mac_input"])
    same("mac", crypto.mac(secret, tenant, subject, body).hex(), file["mac"])
    same("envelope", body + unhex(file["mac"]), data)
    return parsed


def check_entry(
    entry: envelope.Entry, given: Json, ring: Json, tenant: bytes, subject: bytes
) -> None:
    states = {envelope.Live: "live", envelope.Erased: "erased"}
    same("state", states.get(type(entry), "erased subject"), given["state"])
    if not isinstance(entry, envelope.Live):
        same("erased_at", entry.erased_at, given["erased_at"])
        return
    terms = ("generation", "suite", "created_at", "expires_at")
    same("terms", [getattr(entry, name) for name in terms], [given[name] for name in terms])
    same("class", entry.cls, given["class"])
    same("commitment", entry.commitment.hex(), given["commitment"])
    same("tag", entry.tag.hex(), given["tag"])
    if entry.suite == crypto.SUITE:
        data_key = unhex(given["data_key"])
        expanded = crypto.expand(data_key, unhex(given["expand_info"]), 64)
        same("expanded", expanded.hex(), given["expanded"])
        keys = crypto.derive(data_key, 1, tenant, subject, entry.cls, entry.generation)
        same("keys", [keys.aead.hex(), keys.commitment.hex()], [given["aead_key"], given["commitment"]])
    for recipient, shown in zip(entry.recipients, given["recipients"], strict=True):
        same("recipient", [recipient.kind, recipient.key_id], [shown["kind"], shown["key_id"]])
        same("wrapped", recipient.wrapped.hex(), shown["wrapped"])
        if recipient.is_known_kind and entry.suite == crypto.SUITE:
            check_wrap(entry, recipient, shown, ring[recipient.key_id], tenant, subject, data_key)


def check_wrap(
    entry: envelope.Live,
    recipient: envelope.Recipient,
    shown: Json,
    key: Any,
    tenant: bytes,
    subject: bytes,
    data_key: bytes,
) -> None:
    """Made again, kind 2 from its private ephemeral key."""
    aad = envelope.aad_of(entry, recipient.kind, recipient.key_id, tenant, subject)
    same("wrap_aad", aad.hex(), shown["wrap_aad"])
    if recipient.kind == 1:
        wrap_key = crypto.expand(key.form.secret, b"fieldseal/v1 wrap key", 32)
        same("wrap_key", wrap_key.hex(), shown["wrap_key"])
        made = crypto.wrap(1, key, data_key, aad, nonce=unhex(shown["nonce"]))
    else:
        psk = crypto.expand(key.form.writer, b"fieldseal/v1 writer", 32)
        same("psk", psk.hex(), shown["psk"])
        same("psk_id", u32(recipient.key_id).hex(), shown["psk_id"])
        same("enc", hpke.public_of(unhex(shown["ephemeral"])).hex(), shown["enc"])
        made = crypto.wrap(2, key, data_key, aad, ephemeral=unhex(shown["ephemeral"]))
    same("wrapped again", made.hex(), shown["wrapped"])


def check_sealed(given: Json, keys: crypto.Keys, aad: bytes) -> bytes:
    item = cbor.encode(convert.value(given["value"]))
    padded = field.pad(item, given["pad"], given.get("hide_absence", False))
    sealed = field.sealed_bytes(keys, unhex(given["nonce"]), aad, padded)
    shown = [given[name] for name in ("aad", "item", "padded", "ciphertext", "sealed")]
    same("field", [x.hex() for x in (aad, item, padded, sealed[29:], sealed)], shown)
    same("field text", to_text(sealed), given["text"])
    if given.get("seed"):
        prefix = crypto.Generator(unhex(given["seed"])).take(16)
        same("nonce", (prefix + bytes(8)).hex(), given["nonce"])
    return sealed


def keys_of(file: Json, cls: str, generation: int) -> crypto.Keys:
    for entry in file["entries"]:
        if (entry.get("class"), entry.get("generation")) == (cls, generation):
            return crypto.Keys(unhex(entry["aead_key"]), unhex(entry["commitment"]))
    raise AssertionError(f"no generation {generation} of {cls}")


def common(file: Json) -> Json:
    names = ("ring", "tenant", "subject", "now", "rescue", "floor")
    return {name: file[name] for name in names if name in file}


def to_open(given: Json) -> Json:
    of = given["type"]
    kind = "any" if of.startswith(("array", "map", "structure")) else of
    return {**given, "type": kind}


def positive_envelope(file: Json) -> None:
    subject = convert.id_(file["subject"])
    check_envelope(file, row_id(subject))
    verified = ask("verify", envelope=file["envelope"], **common(file))
    assert "ok" in verified, verified
    for given in file["fields"]:
        cls = given.get("sealed_class") or given["class"]["name"]
        keys = keys_of(file, cls, given["generation"])
        row = row_id(convert.id_(given["row"]))
        same("row_id", row.hex(), given["row_id"])
        purpose = field.PURPOSE_MASK if given.get("mask") else field.PURPOSE_VALUE
        aad = field.aad(b"\xf5" + keys.tag, purpose, given["record"], given["field"], row)
        check_sealed(given, keys, aad)
        opened = ask("open", envelope=file["envelope"], fields=[to_open(given)], **common(file))
        same("opened", opened, {"ok": {"results": [{"ok": given["value"]}]}})
    if file.get("create") and all(r["kind"] == 1 for e in file["entries"] for r in e["recipients"]):
        created = ask("create", **common(file), **file["create"])
        same("created", created, {"ok": {"envelope": file["envelope"]}})


def positive_standalone(file: Json) -> None:
    check_envelope(file, b"")
    keys = keys_of(file, "standalone", 1)
    context = unhex(file["context"])
    aad = b"\xf5" + keys.tag + b"\x02" + len(context).to_bytes(2, "big") + context
    sealed = check_sealed(file["field"], keys, aad)
    inner = unhex(file["envelope"])
    whole = b"\xf7" + len(inner).to_bytes(2, "big") + inner + sealed
    same("standalone", whole.hex(), file["standalone"])
    same("standalone_text", to_text(whole), file["standalone_text"])
    opened = open_standalone(file)
    same("opened", opened, {"ok": {"bytes": file["field"]["value"]["v"]}})


def open_standalone(file: Json) -> Json:
    return ask(
        "standalone-open",
        context=unhex(file["context"]).hex(),
        envelope=file["standalone"],
        readers=file.get("readers"),
        **common(file),
    )


def positive_text(file: Json) -> None:
    same("text", to_text(unhex(file["bytes"])), file["text"])
    same("bytes", from_text(file["text"]).hex(), file["bytes"])


POSITIVE = {
    "envelope": positive_envelope,
    "standalone": positive_standalone,
    "text": positive_text,
}


# --- negative files ---------------------------------------------------------


def answer(file: Json) -> Json:
    operation = file["operation"]
    if operation == "from-text":
        return ask("from-text", text=file["text"])
    if operation == "open-standalone":
        return open_standalone(file)
    data = unhex(file["envelope"]).hex()
    inspected = ask("inspect", envelope=data)
    if operation == "inspect":
        return inspected
    verified = ask("verify", envelope=data, **common(file))
    if operation == "unwrap":
        if file.get("inspects_alike"):
            same("inspected", inspected, verified)
        return verified
    assert "ok" in verified, verified
    given = file["field"]
    if operation == "seal":
        return ask("seal", envelope=data, fields=[given], **common(file))
    opened = ask("open", envelope=data, fields=[to_open(given)], **common(file))
    result: Json = opened["ok"]["results"][0]
    return result


def main() -> None:
    files = sorted(HERE.glob("*.json"))
    assert files, "no vectors"
    for path in files:
        file = json.loads(path.read_text(encoding="utf-8"))
        try:
            if file["error"] is None:
                POSITIVE[file["kind"]](file)
            else:
                same("answer", answer(file), {"error": file["error"]})
        except Exception as failure:
            print(f"{path.name}: {failure}", file=sys.stderr)
            raise SystemExit(1) from failure
    try:
        others = check_changes.check() + check_rings.check() + check_ledgers.check() + check_terms.check() + check_pseudonyms.check()
    except AssertionError as failure:
        print(failure, file=sys.stderr)
        raise SystemExit(1) from failure
    print(f"{len(files) + others} vectors checked by the second implementation")


main()
