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
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_NOT_IN_ADDRESSES = regex.compile(r"[\p{White_Space}\p{Cc}<>,;]")
_BASIC_DATE = re.compile(r"([0-9]{4})([0-9]{2})([0-9]{2})", re.ASCII)
_DOTLESS = str.maketrans("\u0131\u0237", "ij")


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


def _trimmed(text: str) -> str:
    return _SPACES.sub(" ", text).strip(" ")


def _folded(text: str) -> str:
    """D146 of the Unicode standard, decomposed."""
    once = unicodedata.normalize("NFD", _IGNORABLE.sub("", text)).casefold()
    return unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", once).casefold())


def of_text(text: str) -> str:
    return _trimmed(unicodedata.normalize("NFC", _folded(text)))


def without_accents(text: str) -> str:
    kept = (c for c in _folded(text) if not _is_accent(c))
    return _trimmed(unicodedata.normalize("NFC", "".join(kept)).translate(_DOTLESS))


def _is_accent(char: str) -> bool:
    combining = unicodedata.combining(char)
    return 10 <= combining <= 36 or 202 <= combining <= 240


def email(text: str) -> str:
    address = of_text(text)
    local, _, domain = address.rpartition("@")
    if not local or not domain or _NOT_IN_ADDRESSES.search(address):
        raise Refused("invalid-input", "no e-mail address")
    return address


def digits(text: str) -> str:
    kept = "".join(str(unicodedata.decimal(c)) for c in text if unicodedata.decimal(c, -1) >= 0)
    if not kept:
        raise Refused("invalid-input", "no digits")
    return kept


def date(text: str) -> str:
    trimmed = _trimmed(text)
    basic = _BASIC_DATE.fullmatch(trimmed)
    spelled = "-".join(basic.groups()) if basic else trimmed
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
