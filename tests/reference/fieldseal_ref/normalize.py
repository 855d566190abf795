"""14.2: normalizers. Telephone numbers need tables of their own, and are left to the crate."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Callable
from dataclasses import dataclass

import idna
import regex
import unicodedata2 as unicodedata

from . import cbor
from .errors import Refused

_SPACES = regex.compile(r"\p{White_Space}+")
_IGNORABLE = regex.compile(r"\p{Default_Ignorable_Code_Point}+")
_AROUND_ADDRESSES = regex.compile(r"[\p{White_Space}\p{Default_Ignorable_Code_Point}]+")
_NOT_IN_LOCAL_PARTS = regex.compile(
    r"[\p{White_Space}\p{Cc}]|(?![\u200c\u200d\ufe0f])\p{Default_Ignorable_Code_Point}"
)
_QUOTED_ONLY = regex.compile(r'[()<>\[\]:;@\\,"]')
_QUOTED = regex.compile(r'"((?:[^"\\]|\\.)+)"', regex.DOTALL)
_HOST = regex.compile(r"[a-z0-9-]{1,63}(\.[a-z0-9-]{1,63})*")
_ENCODED = regex.compile(r"(^|\.)xn--", regex.IGNORECASE)
_BIDI = {"R", "AL", "AN"}
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


def _is_known(char: str) -> bool:
    """[NO-9]: assigned in Unicode 16.0, of which these tables are."""
    return unicodedata.unidata_version == "16.0.0" and unicodedata.category(char) != "Cn"


def _by_runs(text: str, is_known: Callable[[str], bool], made: Callable[[str], str]) -> str:
    """[NO-9]: of each run of what is known; the rest as it is."""
    out, run = [], ""
    for char in text:
        if is_known(char):
            run += char
        else:
            out += [made(run), char]
            run = ""
    return "".join(out) + made(run)


# The pairs of Unicode 15 and 16: those that Python 3.11 has not.
_LATER_CASES = {0x1C89: 0x1C8A, 0xA7CB: 0x264, 0xA7CC: 0xA7CD, 0xA7DA: 0xA7DB, 0xA7DC: 0x19B}
_LATER_CASES |= {upper: upper + 0x20 for upper in range(0x10D50, 0x10D66)}


def _casefold(text: str) -> str:
    return text.translate(_LATER_CASES).casefold()


_ONE_SPELLING = (
    dict.fromkeys((0x2BB, 0x2BC, 0x2018, 0x2019, 0x201B, 0x2032), "'")
    | dict.fromkeys((0x2010, 0x2011, 0x2012, 0x2013, 0x2212), "-")
    | {0x640: None, 0x6A9: "\u0643", 0x6CC: "\u064a"}
)
_WITHOUT_ACCENTS = {0x649: "\u064a", 0x671: "\u0627", 0x6C1: "\u0647"}


def _folded(text: str) -> str:
    """D146 of the Unicode standard, decomposed, and in one spelling."""
    once = _casefold(unicodedata.normalize("NFD", text))
    twice = _casefold(unicodedata.normalize("NFKD", once))
    return unicodedata.normalize("NFKD", twice).translate(_ONE_SPELLING)


def _text(text: str, last: Callable[[str], str]) -> str:
    return _trimmed(_by_runs(_IGNORABLE.sub("", text), _is_known, last))


def of_text(text: str) -> str:
    return _text(text, lambda run: unicodedata.normalize("NFC", _folded(run)))


def without_accents(text: str) -> str:
    def run_without(run: str) -> str:
        kept = "".join(c for c in _folded(run) if not _is_accent(c))
        return unicodedata.normalize("NFC", kept.translate(_WITHOUT_ACCENTS)).translate(_DOTLESS)

    return _text(text, run_without)


def _is_accent(char: str) -> bool:
    combining = unicodedata.combining(char)
    return 10 <= combining <= 36 or 202 <= combining <= 240


def email(text: str) -> str:
    """[NO-3]"""
    start = _AROUND_ADDRESSES.match(text)
    text = text[start.end() :] if start else text
    end = regex.search(_AROUND_ADDRESSES.pattern + "$", text)
    text = text[: end.start()] if end else text
    local, _, domain = text.rpartition("@")
    if not local or not domain:
        raise Refused("invalid-input", "no e-mail address")
    host = _literal(domain) if domain.startswith("[") else _host(domain)
    return f"{_local_part(local)}@{host}"


def _local_part(text: str) -> str:
    if _NOT_IN_LOCAL_PARTS.search(text):
        raise Refused("invalid-input", "white space or what is invisible")
    local = _by_runs(text, lambda c: _is_known(c) and c not in "\u212a\u1fef", _lower)
    if local.startswith('"'):
        quoted = _QUOTED.fullmatch(local)
        if not quoted:
            raise Refused("invalid-input", "no quoted string")
        local = regex.sub(r"\\(.)", r"\1", quoted[1], flags=regex.DOTALL)
        if _QUOTED_ONLY.search(local):
            return '"' + regex.sub(r'(["\\])', r"\\\1", local) + '"'
    if _QUOTED_ONLY.search(local):
        raise Refused("invalid-input", "no local part")
    return local


def _lower(text: str) -> str:
    composed = unicodedata.normalize("NFC", text).translate(_LATER_CASES)
    return unicodedata.normalize("NFC", "".join(c.lower() for c in composed))


def _literal(domain: str) -> str:
    try:
        if domain[-1:] != "]" or "%" in domain:
            raise ValueError
        if domain[1:6].lower() != "ipv6:":
            return f"[{ipaddress.IPv4Address(domain[1:-1])}]"
        address = int(ipaddress.IPv6Address(domain[6:-1]))
    except ValueError:
        raise Refused("invalid-input", "no address of a host") from None
    return "[ipv6" + "".join(f":{address >> at & 0xFFFF:x}" for at in range(112, -1, -16)) + "]"


def _host(domain: str) -> str:
    if domain.isascii() and not _ENCODED.search(domain):
        name = domain.lower()
    else:
        name = _to_ascii(domain)
    name = name.removesuffix(".")
    if not _HOST.fullmatch(name) or len(name) > 253:
        raise Refused("invalid-input", "no name of a host")
    return name


def _to_ascii(domain: str) -> str:
    """UTS 46, 4: ToASCII, not transitional, CheckHyphens false."""
    try:
        labels = idna.uts46_remap(domain, std3_rules=True, transitional=False).split(".")
        shown = [_unicode_label(label) for label in labels]
        if not all(_is_known(char) for label in shown for char in label):
            raise ValueError
        is_bidi = any(unicodedata.bidirectional(c) in _BIDI for label in shown for c in label)
        for label in shown:
            if is_bidi and label and not idna.check_bidi(label, check_ltr=True):
                raise ValueError
    except (idna.IDNAError, ValueError):
        raise Refused("invalid-input", "no domain") from None
    return ".".join(
        label if label.isascii() else "xn--" + label.encode("punycode").decode("ascii")
        for label in shown
    )


def _unicode_label(label: str) -> str:
    """Step 4 of processing, with the validity criteria of UTS 46, 4.1."""
    if label.startswith("xn--"):
        if not label.isascii():
            raise ValueError
        decoded = label[4:].encode("ascii").decode("punycode")
        if not decoded or decoded.isascii():
            raise ValueError
        if decoded.encode("punycode").decode("ascii") != label[4:]:
            raise ValueError
        label = decoded
    if label and not label.isascii():
        valid = idna.uts46_remap(label, std3_rules=True, transitional=False) == label
        if not valid or label.startswith("xn--") or "." in label:
            raise ValueError
        if unicodedata.category(label[0])[0] == "M":
            raise ValueError
        for at, char in enumerate(label):
            if char in "\u200c\u200d" and not idna.valid_contextj(label, at):
                raise ValueError
    return label


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
