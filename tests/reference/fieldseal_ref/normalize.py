"""14.2: normalizers. Telephone numbers need tables of their own, and are left to the crate."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

import regex

from . import cbor
from .errors import Refused

_SPACES = regex.compile(r"\p{White_Space}+")
_REFUSED_IN_ADDRESS = regex.compile(r"[\p{White_Space}\p{Cc}]")
_BASIC_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)


@dataclass(frozen=True)
class Normalizer:
    """None at all, or what makes a text another one."""

    of_text: Callable[[str], str] | None

    def text(self, text: str) -> str:
        return text if self.of_text is None else self.of_text(text)

    def item(self, item: cbor.Item) -> cbor.Item:
        if self.of_text is None:
            return item
        if not isinstance(item, str):
            raise Refused("invalid-input", "normalizers take text")
        return self.of_text(item)


def _folded(text: str) -> str:
    once = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", text).casefold())
    return unicodedata.normalize("NFKC", once.casefold())


def of_text(text: str) -> str:
    return _SPACES.sub(" ", _folded(text)).strip(" ")


def without_accents(text: str) -> str:
    apart = unicodedata.normalize("NFD", of_text(text))
    kept = "".join(char for char in apart if unicodedata.category(char) != "Mn")
    return unicodedata.normalize("NFC", kept)


def email(text: str) -> str:
    local, at, domain = _SPACES.sub(" ", text).strip(" ").rpartition("@")
    if not at or not local or not domain or _REFUSED_IN_ADDRESS.search(local + domain):
        raise Refused("invalid-input", "no e-mail address")
    return of_text(local) + "@" + of_text(domain)


def digits(text: str) -> str:
    kept = "".join(str(unicodedata.decimal(c)) for c in text if unicodedata.decimal(c, -1) >= 0)
    if not kept:
        raise Refused("invalid-input", "no digits")
    return kept


def date(text: str) -> str:
    basic = _BASIC_DATE.fullmatch(text)
    spelled = "-".join(basic.groups()) if basic else text
    if not cbor.is_date(spelled):
        raise Refused("invalid-input", "no date")
    return spelled


NONE = Normalizer(None)
_NAMED = {
    "none": NONE,
    "text": Normalizer(of_text),
    "text without accents": Normalizer(without_accents),
    "email": Normalizer(email),
    "digits": Normalizer(digits),
    "date": Normalizer(date),
}


def normalizer(name: str) -> Normalizer:
    return _NAMED[name]
