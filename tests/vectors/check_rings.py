"""The part of check.py that is about `rings`: ring documents, shares, slot keys, derived keys, keys that sign."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fieldseal_ref import serve
from fieldseal_ref.document import Document, read
from fieldseal_ref.jcs import canonical
from fieldseal_ref.slots import service_context
from fieldseal_ref.spelling import from_base64
from fieldseal_ref.unlock import document_keys

import ring_vectors

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent / "rings"


def ask(op: str, **request: Any) -> Json:
    answered: Json = serve.answer(json.dumps({"op": op, **request}))
    assert "bug" not in answered, answered["bug"]
    return answered


def same(what: str, ours: Any, theirs: Any) -> None:
    assert ours == theirs, f"{what}: {ours!r} is not {theirs!r}"


def stored(file: Json) -> bytes:
    """A document: its lines, or bytes; and the spaces behind it."""
    given = file["document"]
    data = "\n".join(given).encode() if isinstance(given, list) else bytes.fromhex(given["bytes"])
    return data + b" " * file.get("spaces_behind", 0)


# --- positive files ---------------------------------------------------------


def _told(file: Json, document: Document) -> None:
    told = {"id": document.id.hex(), "generation": document.generation}
    told["written_at"] = document.written_at
    same("master", document.master, file.get("master", 0))
    same("told", told, {name: file[name] for name in told})
    same("keys", [line.id for line in document.lines], [key["id"] for key in file["ring"]["keys"]])


def _document(file: Json) -> None:
    document = read(stored(file))
    _told(file, document)
    plain = {name: of for name, of in document.members.items() if name != "secrets"}
    same("aad", (b"fieldseal/v1 ring" + canonical(plain)).hex(), file["aad"])
    aead, commitment = document_keys(bytes.fromhex(file["master_key"]), document.id)
    same("keys of it", [aead.hex(), commitment.hex()], [file["aead_key"], file["commitment"]])
    secrets = from_base64(document.members["secrets"])
    assert secrets is not None
    same("commitment, nonce", secrets[:56].hex(), file["commitment"] + file["nonce"])
    length = len(bytes.fromhex(file["secret_bytes"]))
    same("length", len(secrets), 32 + 24 + length + 16)
    for slot, shown in zip(document.slots, file["slots"], strict=True):
        same("slot", [slot.id, slot.kind], [shown["id"], shown["kind"]])
        same("info", slot.info(document.id, file["master"]).hex(), shown["info"])
        slot_key = bytes.fromhex(shown["slot_key"])
        wrap_key, commitment = slot.keys(document.id, file["master"], slot_key)
        same("wrap key", wrap_key.hex(), shown["wrap_key"])
        same("commitment", commitment.hex(), shown["commitment"])
        master = bytes.fromhex(file["master_key"])
        nonce = bytes.fromhex(shown["nonce"])
        again = slot.wrap(document.id, file["master"], slot_key, master, nonce)
        same("wrapped", [again.wrapped.hex(), slot.wrapped], [shown["wrapped"], again.wrapped])
        if slot.kind == "service":
            same("context", service_context(document.id, slot.id).hex(), shown["context"])
        if shown["credential"] is not None:
            asked = {"document": stored(file).hex(), "credential": shown["credential"]}
            for floor in (file["generation"], f"{file['master']}.{file['generation']}"):
                opened = ask("ring-unlock", **asked, floor=floor)
                same("opened", opened, {"ok": {"ring": file["ring"], "slot": slot.id}})


def _unprotected(file: Json) -> None:
    data = stored(file)
    document = read(data)
    _told(file, document)
    same("canonical", canonical(document.members).hex(), file["canonical"])
    same("fingerprint", document.fingerprint.hex(), file["fingerprint"])
    for pin in (None, file["fingerprint"]):
        opened = ask("ring-open-unprotected", document=data.hex(), fingerprint=pin)
        same("opened", opened, {"ok": {"ring": file["ring"]}})


def _share(file: Json) -> None:
    shown = {name: file[name] for name in ("set", "threshold", "count", "index", "value")}
    made = ask("share", **shown)["ok"]
    same("share", made, {name: file[name] for name in made})
    for typed in (file["text"], *file["typed"]):
        same("read", ask("from-share", text=typed), {"ok": made})


def _slot_key(file: Json) -> None:
    same("text", ask("slot-key", key=file["key"]), {"ok": {"text": file["text"]}})
    for typed in (file["text"], *file["typed"]):
        same("read", ask("from-slot-key", text=typed), {"ok": {"key": file["key"]}})


def _derived_key(file: Json) -> None:
    made = ask("derived-key", use=file["use"], master=file["master"], scope=file["scope"])
    same("derived", made, {"ok": {"info": file["info"], "key": file["key"]}})


def _signing_key(file: Json) -> None:
    made = ask("signing-key", id=file["id"], secret=file["secret"])
    same("signing", made, {"ok": {name: file[name] for name in ("private", "id", "public", "text")}})
    told = {name: file[name] for name in ("id", "public", "text")}
    for typed in (file["text"], *file["typed"]):
        same("read", ask("from-verifying-key", text=typed), {"ok": told})
    for of in file["signatures"]:
        made = ask("sign", secret=file["secret"], message=of["message"])
        same("signature", made, {"ok": {"signature": of["signature"]}})
        good = ask("verify-signature", public=file["public"], **of)
        same("verified", good, {"ok": {"good": True}})
        altered = {**of, "message": of["message"] + "00"}
        good = ask("verify-signature", public=file["public"], **altered)
        same("verified", good, {"ok": {"good": False}})
    for of in file["tokens"]:
        whose = {"tenant": of["tenant"], "subject": of["subject"]}
        made = ask("token", secret=file["secret"], **whose)
        same("token", {**whose, **made["ok"]}, of)


POSITIVE: dict[str, Callable[[Json], None]] = {
    "ring document": _document,
    "unprotected ring document": _unprotected,
    "share": _share,
    "slot key": _slot_key,
    "derived key": _derived_key,
    "signing key": _signing_key,
}

# --- negative files ---------------------------------------------------------


def _answer(file: Json) -> Json:
    operation = file["operation"]
    if operation.startswith("from-"):
        return ask(operation, text=file["text"])
    document = stored(file).hex()
    was_read = ask("ring-read", document=document)
    if operation == "ring-read":
        return was_read
    assert "ok" in was_read, was_read
    given = {name: file[name] for name in ("credential", "fingerprint", "floor") if name in file}
    return ask(operation, document=document, **given)


def check() -> int:
    """How many files there are, once all are right."""
    rendered = ring_vectors.rendered()
    paths = {path.name: path for path in HERE.glob("*.json")}
    same("the files of rings", sorted(paths), sorted(rendered))
    for name, path in paths.items():
        text = path.read_text(encoding="utf-8")
        assert text == rendered[name], f"rings/{name} differs from what is generated"
        file = json.loads(text)
        try:
            if file["error"] is None:
                POSITIVE[file["kind"]](file)
            else:
                same("answer", _answer(file), {"error": file["error"]})
        except Exception as failure:
            raise AssertionError(f"rings/{name}: {failure}") from failure
    return len(paths)
