"""The part of check.py that is about `pseudonyms`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fieldseal_ref import serve

import pseudonym_vectors

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent / "pseudonyms"


def ask(op: str, **request: Any) -> Json:
    answered: Json = serve.answer(json.dumps({"op": op, **request}))
    assert "bug" not in answered, answered["bug"]
    return answered


def same(what: str, ours: Any, theirs: Any) -> None:
    assert ours == theirs, f"{what}: {ours!r} is not {theirs!r}"


def asking(file: Json) -> Json:
    return {name: file[name] for name in ("ring", "tenant", "purpose", "rescue") if name in file}


def _positive(file: Json) -> None:
    for of in file["of"]:
        request = {**asking(file), "subject": of["subject"]}
        told = ask("pseudonyms", **request)["ok"]
        for form, made in told.items():
            expected = [under[form]["made"] for under in of["under"]]
            same(f"{form}, all", sorted(made), sorted(expected))
            if of["primary"]:
                same(f"{form}, first", made[0], expected[0])
        one = ask("pseudonym", **request)
        if of["primary"]:
            same("by the primary key", one, {"ok": {form: made[0] for form, made in told.items()}})
        else:
            same("by the primary key", one, {"error": "missing-key"})


def check() -> int:
    """How many files there are, once all are right."""
    rendered = pseudonym_vectors.rendered()
    paths = {path.name: path for path in HERE.glob("*.json")}
    same("the files of pseudonyms", sorted(paths), sorted(rendered))
    for name, path in paths.items():
        text = path.read_text(encoding="utf-8")
        assert text == rendered[name], f"pseudonyms/{name} differs from what is generated"
        file = json.loads(text)
        try:
            if file["error"] is None:
                _positive(file)
            else:
                given = {**asking(file), "subject": file["subject"]}
                same("answer", ask(file["operation"], **given), {"error": file["error"]})
        except Exception as failure:
            raise AssertionError(f"pseudonyms/{name}: {failure}") from failure
    return len(paths)
