"""14.1: the domains of range indexes, and the nodes of a question [IX-9] [IX-10]."""

from __future__ import annotations

import re
from dataclasses import dataclass

from . import cbor
from .errors import Refused

Node = tuple[int, int]  # level, number

MOST_BUCKETS = 2**48
MOST_PLACES = 17
_DECIMAL = re.compile(r"(-?)([0-9]+)(?:\.([0-9]+))?", re.ASCII)


def day(text: str) -> int:
    """Days since 1970-01-01, by adding up years and months."""
    if not cbor.is_date(text):
        raise Refused("invalid-input", "no day")
    year, month, of_month = int(text[:4]), int(text[5:7]), int(text[8:])

    def is_leap(year: int) -> bool:
        return year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)

    def days_before(year: int) -> int:
        """From 0000-01-01, itself the first day of a leap year."""
        before = year - 1
        leaps = before // 4 - before // 100 + before // 400 + 1
        return 365 * year + (leaps if year > 0 else 0)

    months = (31, 28 + is_leap(year), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)
    of_year = sum(months[: month - 1]) + of_month - 1
    return days_before(year) + of_year - days_before(1970)


def places_of(text: str) -> int:
    """How many decimal places the end of a domain is written with."""
    match = _DECIMAL.fullmatch(text)
    if match is None:
        raise Refused("invalid-input", "no decimal")
    return len(match[3] or "")


def digits_of(text: str) -> int:
    """The number that all digits make, without the point."""
    return int(text.replace(".", ""))


@dataclass(frozen=True)
class Domain:
    unit: str
    places: int
    least: int
    greatest: int
    step: int

    def __post_init__(self) -> None:
        right = self.unit in ("one", "day", "decimal") and 0 <= self.places <= MOST_PLACES
        if not right or self.step < 1 or self.least > self.greatest:
            raise Refused("invalid-input", "no domain")
        if self.buckets > MOST_BUCKETS:
            raise Refused("invalid-input", "too many buckets")

    @property
    def buckets(self) -> int:
        return (self.greatest - self.least) // self.step + 1

    @property
    def levels(self) -> int:
        h = 1
        while 2**h < self.buckets:
            h += 1
        return h

    def number(self, item: cbor.Item) -> int:
        is_integer = isinstance(item, int) and not isinstance(item, bool)
        if self.unit == "one" and is_integer:
            assert isinstance(item, int)
            return item
        if self.unit == "day" and isinstance(item, cbor.Date):
            return day(item.text)
        if self.unit == "decimal":
            if is_integer:
                assert isinstance(item, int)
                return item * 10**self.places
            if isinstance(item, cbor.Decimal):
                number, rest = divmod(item.mantissa * 10**self.places, 10**-item.exponent)
                if rest == 0:
                    return number
        raise Refused("invalid-input", "not a value of the domain's unit")

    def bucket(self, number: int) -> int:
        if not self.least <= number <= self.greatest:
            raise Refused("invalid-input", "outside of the domain")
        return (number - self.least) // self.step

    def nodes(self, low: int, high: int, kept: int, most: int) -> list[Node]:
        """[IX-10], by what it says of each node and its parent."""
        low, high = max(low, self.least), min(high, self.greatest)
        if high < low:
            return []
        first, last = self.bucket(low), self.bucket(high)

        def within(level: int, number: int) -> bool:
            return first <= number << level and ((number + 1) << level) - 1 <= last

        nodes = []
        for level in range(kept):
            is_top = level == kept - 1
            inside = range(-(-first >> level), ((last + 1) >> level))
            if is_top and len(inside) > most:
                raise Refused("invalid-input", "too many nodes")
            # Below the top, only the outermost can have a parent that is not inside.
            numbers = inside if is_top else sorted({*inside[:2], *inside[-2:]})
            for number in numbers:
                if within(level, number) and (is_top or not within(level + 1, number // 2)):
                    nodes.append((level, number))
        if len(nodes) > most:
            raise Refused("invalid-input", "too many nodes")
        return nodes
