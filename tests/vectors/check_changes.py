"""The part of check.py that is about `changes`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fieldseal_ref import serve

import change_vectors

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent
OPERATIONS = {"change": "edit", "standalone-change": "standalone-rewrap", "reseal": "reseal", "refusal": "edit"}


def ask(file: Json) -> Json:
    request = {**file, "op": OPERATIONS[file["kind"]]}
    if isinstance(file["envelope"], list):
        request["envelope"] = "".join(unfolded(part) for part in file["envelope"])
    answered: Json = json.loads(json.dumps(serve.answer(json.dumps(request))))
    assert "bug" not in answered, answered["bug"]
    return answered


def unfolded(part: Any) -> str:
    if isinstance(part, str):
        return part
    out: str = part["byte"] * part["times"]
    return out


def one(file: Json) -> None:
    answered = ask(file)
    if file["error"] is not None:
        assert answered == {"error": file["error"]}, answered
        return
    made = answered["ok"]
    if file["kind"] == "reseal":
        assert made == {"sealed": file["after"]}, made
        return
    assert change_vectors.long_hex(made["envelope"]) == file["after"], "the envelope after it"
    for name in ("acts", "unproven", "not_lifted", "to_renew"):
        if name in file:
            assert made[name] == file[name], name


def check() -> int:
    stored = {path.name: path.read_text(encoding="utf-8") for path in (HERE / "changes").glob("*.json")}
    assert stored == change_vectors.rendered(), "changes: not what the generator makes"
    for name, text in sorted(stored.items()):
        try:
            one(json.loads(text))
        except AssertionError as failure:
            raise AssertionError(f"changes/{name}: {failure}") from failure
    return len(stored)
