"""The JSON lines of section 16."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import convert
from .encoding import subject_id
from .pseudonym import FORMS, Pseudonyms, mac_of, shown

Dict = dict[str, Any]


def _of(r: Dict) -> tuple[Pseudonyms, bytes]:
    """In the order of [PS-5]."""
    ring = convert.ring(r["ring"])
    of = Pseudonyms(ring, r["tenant"], r["purpose"], bool(r.get("rescue", False)))
    return of, subject_id(convert.id_(r["subject"]))


def _pseudonym(r: Dict) -> Dict:
    """[PS-3], in each form."""
    of, subject = _of(r)
    return {form: of.one(form, subject) for form in FORMS}


def _pseudonyms(r: Dict) -> Dict:
    """[PS-4], in each form."""
    of, subject = _of(r)
    return {form: of.all(form, subject) for form in FORMS}


def _pseudonym_of(r: Dict) -> Dict:
    """[PS-1] [PS-2], by a derived key."""
    key, subject = convert.exactly(32, r["key"]), subject_id(convert.id_(r["subject"]))
    macs = {form: mac_of(key, number, subject) for form, number in FORMS.items()}
    made = {form: {"mac": mac.hex(), "made": shown(form, mac)} for form, mac in macs.items()}
    return {"subject_id": subject.hex(), **made}


OPS: dict[str, Callable[[Dict], Dict]] = {
    "pseudonym": _pseudonym,
    "pseudonyms": _pseudonyms,
    "pseudonym-of": _pseudonym_of,
}
