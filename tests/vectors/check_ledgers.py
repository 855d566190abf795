"""The part of check.py that is about `ledgers` and `receipts`."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

from fieldseal_ref import serve

import ledger_vectors
import replay_vectors
from replay_vectors import after, asked

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent


def ask(op: str, **request: Any) -> Json:
    answered: Json = serve.answer(json.dumps({"op": op, **request}))
    assert "bug" not in answered, answered["bug"]
    return answered


def same(what: str, ours: Any, theirs: Any) -> None:
    assert ours == theirs, f"{what}: {ours!r} is not {theirs!r}"


def stored(file: Json) -> bytes:
    """A ledger: its lines, each with a line feed, and what is behind; or bytes."""
    given = file["ledger"]
    if isinstance(given, dict):
        return bytes.fromhex(given["bytes"])
    lines = "".join(f"{line}\n" for line in given)
    return lines.encode("utf-8", "surrogatepass") + bytes.fromhex(file["behind"])


def receipt_of(file: Json) -> bytes:
    """A receipt: its lines, with a line feed between each two; or bytes; and the spaces behind it."""
    given = file["receipt"]
    data = "\n".join(given).encode() if isinstance(given, list) else bytes.fromhex(given["bytes"])
    return data + b" " * file.get("spaces_behind", 0)


def _reading(file: Json) -> Json:
    request = {"ledger": stored(file).hex(), "head": file.get("known")}
    return {**request, **{name: file[name] for name in ("ring", "keys") if name in file}}


# --- positive files ---------------------------------------------------------


def _ledger(file: Json) -> None:
    read = ask("ledger-read", **_reading(file))
    same("read", read, {"ok": {name: file[name] for name in ("id", "head", "torn", "entries")}})
    for line, parts in zip(file["ledger"], file["lines"], strict=True):
        same("parts", ask("ledger-parts", members=json.loads(line)), {"ok": parts})
    for of in file["of"]:
        whose = {"tenant": of["tenant"], "subject": of["subject"]}
        told = ask("ledger-of", **_reading(file), **whose)
        same("of", told, {"ok": {name: of[name] for name in ("numbers", "consents")}})
    if "calls" in file:
        of_ring = file.get("begun_by", file["ring"])
        made = ask("ledger-write", ring=of_ring, id=file["id"], at=file["at"], calls=file["calls"])
        same("lines", made["ok"]["lines"], file["ledger"])
        same("counts", made["ok"]["counts"], file["counts"])


def _replay(file: Json) -> None:
    answer = ask("replay", **asked(file))["ok"]
    data = bytes.fromhex(answer["envelope"])
    same("reported", answer["reported"], file.get("reported"))
    same("unchanged", data.hex() == file["envelope"], file["unchanged"])
    same("after", after(data), file["after"])
    again = ask("replay", **{**asked(file), "envelope": data.hex()})
    reported = None if file.get("settles") else file.get("reported")
    same("again", again, {"ok": {"envelope": data.hex(), "reported": reported}})


def _receipt(file: Json) -> None:
    read = ask("receipt-read", receipt=receipt_of(file).hex(), keys=file["keys"])
    same("read", read, {"ok": file["told"]})
    if "made" in file:
        made = ask("receipt", **file["made"])["ok"]
        same("made", made["members"], json.loads(receipt_of(file)))
        same("message", made["message"], file["message"])


POSITIVE: dict[str, Callable[[Json], None]] = {
    "ledger": _ledger,
    "replay": _replay,
    "receipt": _receipt,
}

# --- negative files ---------------------------------------------------------


def _answer(file: Json) -> Json:
    operation = file["operation"]
    if operation == "head":
        return ask("head", text=file["text"])
    if operation == "replay":
        return replay_vectors.refused(ask("replay", **asked(file)), file["envelope"])
    if operation == "receipt-read":
        return ask("receipt-read", receipt=receipt_of(file).hex(), keys=file["keys"])
    more = {name: file[name] for name in ("tenant", "subject") if name in file}
    return ask(operation, **_reading(file), **more)


def check() -> int:
    """How many files there are, once all are right."""
    count = 0
    for directory, rendered in ledger_vectors.rendered().items():
        paths = {path.name: path for path in (HERE / directory).glob("*.json")}
        same(f"the files of {directory}", sorted(paths), sorted(rendered))
        for name, path in paths.items():
            text = path.read_text(encoding="utf-8")
            assert text == rendered[name], f"{directory}/{name} differs from what is generated"
            file = json.loads(text)
            try:
                if file["error"] is None:
                    POSITIVE[file["kind"]](file)
                else:
                    same("answer", _answer(file), {"error": file["error"]})
            except Exception as failure:
                raise AssertionError(f"{directory}/{name}: {failure}") from failure
        count += len(paths)
    return count
