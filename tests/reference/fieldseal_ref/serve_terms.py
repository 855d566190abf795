"""The operations of `serve` on index terms (section 14)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import convert, terms
from .normalize import NONE, normalizer
from .ranges import Domain, day, digits_of, places_of
from .errors import Refused

Dict = dict[str, Any]


def _domain(j: Dict) -> Domain:
    """`least` and `greatest` are texts: of integers, days, or decimals with the same places."""
    unit, ends = j["unit"], (j["least"], j["greatest"])
    places = 0
    if unit == "day":
        least, greatest = (day(end) for end in ends)
    elif unit == "decimal":
        places, other = (places_of(end) for end in ends)
        if places != other:
            raise Refused("invalid-input", "other decimal places")
        least, greatest = (digits_of(end) for end in ends)
    else:
        least, greatest = (convert.integer(end) for end in ends)
    return Domain(unit, places, least, greatest, j.get("step", 1))


def index(j: Dict) -> terms.Index:
    shape, given = j["shape"], j.get("normalizers", [])
    normalizers = [normalizer(name) for name in given]
    if not normalizers and shape != "range":
        normalizers = [NONE]
    return terms.Index(
        j["record"],
        j["index"],
        shape,
        tuple(normalizers),
        j.get("bits", terms.MOST_BITS),
        j.get("lenient", False),
        j.get("length", 0),
        None if j.get("domain") is None else _domain(j["domain"]),
        j.get("levels"),
    )


def question(r: Dict) -> terms.Question:
    """`values`, one a part; or `between`, two ends, each null or a `value`, that may be `left_out`."""
    if "between" not in r:
        return [convert.value(value) for value in r["values"]]

    def end(j: Dict | None) -> terms.End | None:
        return j and terms.End(convert.value(j["value"]), j.get("left_out", False))

    least, greatest = r["between"]
    return terms.Between(end(least), end(greatest))


def _shown(of: terms.Input) -> Dict:
    return {"kind": of.kind, "level": of.level, "item": of.item.hex()}


def _terms(r: Dict) -> Dict:
    of, values = index(r["index"]), [convert.value(value) for value in r["values"]]
    made = terms.terms(convert.ring(r["ring"]), of, r["tenant"], values)
    inputs = [_shown(one) for one in terms.inputs(of, values)]
    return {"inputs": inputs, "terms": [term.hex() for term in made]}


def _ask(r: Dict) -> Dict:
    of = index(r["index"])
    asked = terms.ask(of, question(r))
    groups = terms.groups(convert.ring(r["ring"]), of, r["tenant"], asked)
    return {
        "asked": [[_shown(one) for one in group] for group in asked.groups],
        "groups": [[term.hex() for term in group] for group in groups],
    }


def _matches(r: Dict) -> Dict:
    asked = terms.ask(index(r["index"]), question(r))
    return {"matches": asked.holds([convert.value(value) for value in r["found"]])}


OPS: dict[str, Callable[[Dict], Dict]] = {
    "terms": _terms,
    "ask": _ask,
    "matches": _matches,
}
