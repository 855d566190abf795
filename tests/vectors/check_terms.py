"""The part of check.py that is about `terms`: index terms, and the questions for values."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from fieldseal_ref import serve

import term_vectors

Json = dict[str, Any]
HERE = Path(__file__).resolve().parent / "terms"


def ask(op: str, **request: Any) -> Json:
    answered: Json = serve.answer(json.dumps({"op": op, **request}))
    assert "bug" not in answered, answered["bug"]
    return answered


def same(what: str, ours: Any, theirs: Any) -> None:
    assert ours == theirs, f"{what}: {ours!r} is not {theirs!r}"


def _positive(file: Json) -> None:
    request = {name: file[name] for name in ("ring", "tenant", "index")}
    for row in file["written"]:
        made = ask("terms", **request, values=row["values"])["ok"]
        same("terms", made["terms"], row["terms"])
        shown = [{name: one[name] for name in ("kind", "level", "item")} for one in row["inputs"]]
        same("inputs", made["inputs"], shown)
    for question in file["asked"]:
        of = {name: question[name] for name in ("values", "between") if name in question}
        made = ask("ask", **request, **of)["ok"]
        same("groups", made["groups"], question["groups"])
        same("asked", made["asked"], question["asked"])
        for number, row in enumerate(file["written"]):
            terms = set(row["terms"])
            found = all(terms & set(group) for group in question["groups"])
            same("found", found, number in question["found"])
            matches = ask("matches", **request, **of, found=row["values"])["ok"]["matches"]
            same("matching", matches, number in question["matching"])


def check() -> int:
    """How many files there are, once all are right."""
    generated = term_vectors.rendered()
    paths = sorted(HERE.glob("*.json"))
    same("the directory", {path.name for path in paths}, generated.keys())
    for path in paths:
        text = path.read_text(encoding="utf-8")
        file = json.loads(text)
        try:
            same("the file", text, generated[path.name])
            if file["error"] is None:
                _positive(file)
            else:
                same("answer", ask(file["operation"], **file).get("error"), file["error"])
        except Exception as failure:
            raise AssertionError(f"terms/{path.name}: {failure}") from failure
    return len(paths)
