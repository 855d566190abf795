"""14.1: index terms, the questions for values, and what was asked for of what they find."""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Callable
from dataclasses import dataclass
from typing import Union

import regex
import unicodedata2 as unicodedata

from . import cbor, crypto
from .encoding import U32_MAX, check_name, check_tenant, u8, u32
from .errors import Refused
from .normalize import Normalizer
from .ranges import Domain, Node
from .ring import DerivedForm, Ring, RingKey, Scope, SymmetricForm

EXACT, COMPOUND, PREFIX, WORD, RANGE, AS_GIVEN = range(6)  # [IX-4]
SHAPES = ("exact", "compound", "prefix", "words", "range")
LONGEST_PREFIX = 64
MOST_WORDS = 65_535
MOST_WORDS_ASKED = 255
MOST_NODES = 1024
MOST_BITS = 128

_WORD = regex.compile(r"[\p{Alphabetic}\p{N}\p{M}]+")
_UNSPACED_CLASS = (
    r"\u0E00-\u0EFF\u1000-\u109F\u1780-\u17FF\u1950-\u19FF\u1A20-\u1AAF\uA9E0-\uA9FF\uAA60-\uAADF"
    r"\u1100-\u11FF\u3130-\u318F\uA960-\uA97F\uAC00-\uD7FF"
    r"\u2E80-\u2FDF\u3005-\u3007\u3021-\u3029\u3031-\u3035\u3038-\u312F\u31A0-\u31BF\u31F0-\u31FF"
    r"\u3400-\u4DBF\u4E00-\uA4CF\uF900-\uFAFF\uFF66-\uFF9F"
    r"\U00016FE0-\U00018DFF\U0001AFF0-\U0001B16F\U0001F200\U00020000-\U0003FFFF"
)
_UNSPACED = regex.compile(f"[{_UNSPACED_CLASS}]")
_RUN = regex.compile(f"[{_UNSPACED_CLASS}]+|[^{_UNSPACED_CLASS}]+")

Item = cbor.Item


@dataclass(frozen=True)
class Input:
    """What one term is made of."""

    kind: int
    level: int
    item: bytes


@dataclass(frozen=True)
class Index:
    record: str
    name: str
    shape: str
    normalizers: tuple[Normalizer, ...]
    bits: int = MOST_BITS
    lenient: bool = False
    length: int = 0
    domain: Domain | None = None
    levels: int | None = None

    def __post_init__(self) -> None:
        """[IX-13]"""
        check_name(self.record)
        check_name(self.name)
        parts = len(self.normalizers)
        right = {
            "exact": parts == 1,
            "compound": 2 <= parts <= 255 and not self.lenient,
            "prefix": parts == 1 and 1 <= self.length <= LONGEST_PREFIX,
            "words": parts == 1,
            "range": parts == 0 and not self.lenient and self.domain is not None,
        }
        if not right.get(self.shape) or not 1 <= self.bits <= MOST_BITS:
            raise Refused("invalid-input", "no declaration of an index")
        if self.levels is not None and (
            self.domain is None or not 1 <= self.levels <= self.domain.levels
        ):
            raise Refused("invalid-input", "levels that the domain does not have")

    @property
    def kept(self) -> int:
        assert self.domain is not None
        return self.domain.levels if self.levels is None else self.levels


# --- items and inputs --------------------------------------------------------


def lowest_terms(item: Item) -> Item:
    """[IX-11]"""
    if isinstance(item, cbor.Decimal):
        exponent, mantissa = item.exponent, item.mantissa
        while exponent < 0 and mantissa % 10 == 0:
            exponent, mantissa = exponent + 1, mantissa // 10
        return cbor.Decimal(exponent, mantissa)
    return item


def _check_sort(item: Item) -> None:
    if isinstance(item, (cbor.F32, cbor.F64, list, cbor.Map)):
        raise Refused("invalid-input", "no terms of such")


def _encoded(item: Item) -> bytes:
    _check_sort(item)
    return cbor.encode(lowest_terms(item))


def runs(text: str) -> list[str]:
    """[IX-8]: runs of word characters, cut where scripts with and without spaces meet."""
    return [run for word in _WORD.findall(_known(text)) for run in _RUN.findall(word)]


def _known(text: str) -> str:
    """[NO-9]: what Unicode 16.0 does not assign is of no word."""
    return "".join(c if unicodedata.category(c) != "Cn" else " " for c in text)


def _is_unspaced(run: str) -> bool:
    return _UNSPACED.match(run) is not None


def _pairs(run: str) -> list[str]:
    return [run[at : at + 2] for at in range(len(run) - 1)]


def words(text: str) -> list[str]:
    """[IX-8]: what a value is found by, each once, in order."""
    found = set()
    for run in runs(text):
        found |= {*run, *_pairs(run)} if _is_unspaced(run) else {run}
    return sorted(found)


def asked_words(text: str) -> list[str]:
    """[IX-8]: what a question is asked by."""
    asked = set()
    for run in runs(text):
        asked |= set(_pairs(run) if _is_unspaced(run) and len(run) > 1 else [run])
    return sorted(asked)


def _have(of_value: list[str], run: str) -> bool:
    """[IX-12]"""
    if not _is_unspaced(run):
        return run in of_value
    return any(_is_unspaced(other) and run in other for other in of_value)


def _text(index: Index, item: Item) -> str | None:
    """The normalized text of a prefix or words index; None where it is kept as given [IX-7]."""
    if not isinstance(item, str):
        raise Refused("invalid-input", "takes text")
    try:
        return index.normalizers[0].text(item)
    except Refused:
        if index.lenient:
            return None
        raise


def inputs(index: Index, values: list[Item]) -> list[Input]:
    """[IX-2] [IX-4]: none of what is absent."""
    if len(values) != (len(index.normalizers) or 1):
        raise Refused("invalid-input", "another number of parts")
    if any(value is None for value in values):
        return []
    if index.shape == "compound":
        parts = [lowest_terms(n.item(value)) for n, value in zip(index.normalizers, values)]
        for part in parts:
            _check_sort(part)
        return [Input(COMPOUND, len(parts), cbor.encode(parts))]
    (value,) = values
    _check_sort(value)
    if index.shape == "range":
        assert index.domain is not None
        bucket = index.domain.bucket(index.domain.number(value))
        return [Input(RANGE, level, cbor.encode(bucket >> level)) for level in range(index.kept)]
    if index.shape == "exact":
        try:
            return [Input(EXACT, 0, _encoded(index.normalizers[0].item(value)))]
        except Refused:
            if not index.lenient or not isinstance(value, str):
                raise
            return [_as_given(value)]
    text = _text(index, value)
    if text is None:
        return [_as_given(value)]
    if index.shape == "prefix":
        most = min(index.length, len(text))
        return [Input(PREFIX, n, cbor.encode(text[:n])) for n in range(1, most + 1)]
    found_by = words(text)
    if len(found_by) > MOST_WORDS:
        raise Refused("invalid-input", "too many words")
    return [Input(WORD, 0, cbor.encode(word)) for word in found_by]


def _as_given(value: Item) -> Input:
    return Input(AS_GIVEN, 0, cbor.encode(value))


# --- keys and terms ----------------------------------------------------------


def _key(ring_key: RingKey, scope: Scope) -> bytes | None:
    """[RK-7]: the key of an index, if this ring key gives it."""
    if isinstance(ring_key.form, SymmetricForm):
        return crypto.expand(ring_key.form.secret, crypto.scope_info(scope), 32)
    if isinstance(ring_key.form, DerivedForm):
        return dict(ring_key.form.keys).get(scope)
    return None


def _keys(ring: Ring, index: Index, tenant: str, states: set[str]) -> list[tuple[int, bytes]]:
    scope = Scope("index", (tenant, index.record, index.name))
    found = []
    for ring_key in ring.keys:
        if ring_key.use == "index" and ring_key.state in states:
            found.append((ring_key.id, _key(ring_key, scope)))
    if not found or any(key is None for _, key in found):
        raise Refused("missing-key", "index")
    return [(key_id, key) for key_id, key in found if key is not None]


def make(key_id: int, key: bytes, bits: int, of: Input) -> bytes:
    """[IX-1]"""
    assert 1 <= key_id <= U32_MAX
    mac = hmac.new(key, u8(of.kind) + u8(of.level) + of.item, hashlib.sha256).digest()
    length = (bits + 7) // 8
    whole = int.from_bytes(mac[:length], "big")
    spare = 8 * length - bits
    return u32(key_id) + (whole >> spare << spare).to_bytes(length, "big")


def terms(ring: Ring, index: Index, tenant: str, values: list[Item]) -> list[bytes]:
    """[IX-2]: the terms of a value, in order."""
    made = inputs(index, values)
    if not made:
        return []
    check_tenant(tenant)
    ((key_id, key),) = _keys(ring, index, tenant, {"primary"})
    return sorted({make(key_id, key, index.bits, of) for of in made})


# --- questions ---------------------------------------------------------------


@dataclass(frozen=True)
class End:
    value: Item
    left_out: bool = False


@dataclass(frozen=True)
class Between:
    """Both ends may be missing."""

    least: End | None
    greatest: End | None


Question = Union[list[Item], Between]


@dataclass(frozen=True)
class Asked:
    """Groups of inputs, and what a value must be besides being found by them [IX-12]."""

    groups: list[list[Input]]
    holds: Callable[[list[Item]], bool]


def ask(index: Index, question: Question) -> Asked:
    if isinstance(question, Between):
        return _between(index, question)
    if index.shape == "range" and len(question) == 1 and question[0] is not None:
        return _between(index, Between(End(question[0]), End(question[0])))
    if any(value is None for value in question):
        raise Refused("invalid-input", "an absent value has no terms")
    if index.shape == "prefix" and len(question) == 1:
        text = _text(index, question[0])
        if text is not None:
            return _beginning_with(index, text)
    if index.shape == "words" and len(question) == 1:
        text = _text(index, question[0])
        if text is not None:
            return _having(index, text)
    asked = inputs(index, question)
    groups = [[one] for one in asked]

    def holds(values: list[Item]) -> bool:
        return set(asked) <= set(inputs(index, values))

    return Asked(groups, holds)


def _beginning_with(index: Index, prefix: str) -> Asked:
    """[IX-6]"""
    if not prefix:
        raise Refused("invalid-input", "an empty prefix")
    kept = prefix[: index.length]

    def holds(values: list[Item]) -> bool:
        if values[0] is None:
            return False
        text = _text(index, values[0])
        return text is not None and text.startswith(prefix)

    return Asked([[Input(PREFIX, len(kept), cbor.encode(kept))]], holds)


def _having(index: Index, text: str) -> Asked:
    """[IX-8]"""
    words_, runs_ = asked_words(text), runs(text)
    if not words_ or len(words_) > MOST_WORDS_ASKED:
        raise Refused("invalid-input", "no word, or too many")

    def holds(values: list[Item]) -> bool:
        of_value = None if values[0] is None else _text(index, values[0])
        return of_value is not None and all(_have(runs(of_value), run) for run in runs_)

    return Asked([[Input(WORD, 0, cbor.encode(word))] for word in words_], holds)


def _between(index: Index, question: Between) -> Asked:
    """[IX-10]"""
    domain = index.domain
    if domain is None:
        raise Refused("invalid-input", "no range index")
    low = high = None
    if question.least is not None:
        low = domain.number(question.least.value) + question.least.left_out
    if question.greatest is not None:
        high = domain.number(question.greatest.value) - question.greatest.left_out
    first = domain.least if low is None else low
    last = domain.greatest if high is None else high
    nodes: list[Node] = domain.nodes(first, last, index.kept, MOST_NODES)
    group = [Input(RANGE, level, cbor.encode(number)) for level, number in nodes]

    def holds(values: list[Item]) -> bool:
        if values[0] is None:
            return False
        number = domain.number(values[0])
        return (low is None or low <= number) and (high is None or number <= high)

    return Asked([group], holds)


def groups(ring: Ring, index: Index, tenant: str, asked: Asked) -> list[list[bytes]]:
    """[IX-3]: in an order of their own."""
    check_tenant(tenant)
    keys = _keys(ring, index, tenant, {"primary", "open-only", "compromised"})
    of_group = (
        sorted({make(key_id, key, index.bits, of) for of in group for key_id, key in keys})
        for group in asked.groups
    )
    return sorted(of_group)
