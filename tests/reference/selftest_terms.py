"""The self-test of index terms: ranges against counting, and the questions against their values."""

from __future__ import annotations

import datetime
import random

from fieldseal_ref import cbor, terms
from fieldseal_ref.normalize import NONE, normalizer
from fieldseal_ref.ranges import Domain, day
from fieldseal_ref.errors import Refused
from selftest_support import Case, J

KEY: J = {"id": 7, "use": "index", "name": "index", "state": "primary", "form": "symmetric"}
RING: J = {"keys": [{**KEY, "secret": "11" * 32}]}
EMAIL: J = {"record": "customer", "index": "email", "shape": "exact"}


class Terms(Case):
    def test_days(self) -> None:
        start = datetime.date(1970, 1, 1)
        for year in (1, 4, 99, 100, 101, 400, 401, 1600, 1899, 1900, 1970, 1972, 2000, 2100, 9999):
            for month, of_month in ((1, 1), (2, 28), (3, 1), (12, 31)):
                expected = (datetime.date(year, month, of_month) - start).days
                self.assertEqual(day(f"{year:04}-{month:02}-{of_month:02}"), expected)
        self.assertEqual(day("0000-03-01") - day("0000-01-01"), 60)
        self.assertEqual(day("0001-01-01") - day("0000-01-01"), 366)

    def test_nodes(self) -> None:
        """[IX-10], against sets of buckets: each once, and no node's parent would do."""
        draw = random.Random(14)
        for _ in range(2000):
            buckets = draw.randint(1, 70)
            domain = Domain("one", 0, 0, buckets - 1, 1)
            kept = draw.randint(1, domain.levels)
            low, high = draw.randint(-5, 75), draw.randint(-5, 75)
            nodes = domain.nodes(low, high, kept, terms.MOST_NODES)
            wanted = set(range(max(low, 0), min(high, buckets - 1) + 1))

            def held(level: int, number: int) -> set[int]:
                return set(range(number << level, (number + 1) << level))

            covered = [bucket for node in nodes for bucket in held(*node)]
            self.assertEqual((sorted(covered)), sorted(wanted))
            fewest = {
                (level, number)
                for level in range(kept)
                for number in range(buckets + 1)
                if held(level, number) <= wanted
                and not (level + 1 < kept and held(level + 1, number // 2) <= wanted)
            }
            self.assertEqual(set(nodes), fewest)
            if kept == domain.levels:
                self.assertLessEqual(len(nodes), 2 * kept)

    def test_most_nodes(self) -> None:
        domain = Domain("one", 0, 0, 5000, 1)
        self.assertEqual(len(domain.nodes(1, 1024, 1, terms.MOST_NODES)), 1024)
        with self.assertRaises(Refused):
            domain.nodes(1, 1025, 1, terms.MOST_NODES)

    def test_lowest_terms(self) -> None:
        for exponent, mantissa, lowest in (
            (-2, 110, (-1, 11)),
            (-2, -110, (-1, -11)),
            (-28, 0, (0, 0)),
            (0, 100, (0, 100)),
            (-1, 1000, (0, 100)),
        ):
            got = terms.lowest_terms(cbor.Decimal(exponent, mantissa))
            self.assertEqual(got, cbor.Decimal(*lowest))

    def test_cut(self) -> None:
        whole = self.ok("terms", ring=RING, tenant="", index=EMAIL, values=[_text("ada")])["terms"]
        for bits in range(1, 129):
            index = {**EMAIL, "bits": bits}
            cut = self.ok("terms", ring=RING, tenant="", index=index, values=[_text("ada")])["terms"]
            self.assertEqual(len(cut[0]), 8 + 2 * ((bits + 7) // 8))
            width = 4 * (len(cut[0]) - 8)
            kept = int(whole[0][8 : len(cut[0])], 16) >> (width - bits)
            self.assertEqual(int(cut[0][8:], 16), kept << (width - bits))

    def test_declarations(self) -> None:
        """[IX-13]"""
        day_of = {"unit": "day", "least": "1990-01-01", "greatest": "1990-01-05"}
        for bad in (
            {"record": "Customer"},
            {"index": ""},
            {"bits": 0},
            {"bits": 129},
            {"shape": "prefix", "length": 0},
            {"shape": "prefix", "length": 65},
            {"shape": "compound", "normalizers": ["none"]},
            {"shape": "compound", "normalizers": ["none", "none"], "lenient": True},
            {"shape": "range", "domain": day_of, "levels": 4},
            {"shape": "range", "domain": day_of, "lenient": True},
            {"shape": "range", "domain": {**day_of, "greatest": "1989-12-31"}},
            {"shape": "range", "domain": {**day_of, "step": 0}},
            {"shape": "range", "domain": {"unit": "one", "least": "0", "greatest": str(2**48)}},
        ):
            index = {**EMAIL, **bad}
            self.refused("invalid-input", "ask", ring=RING, tenant="", index=index, values=[])

    def test_words(self) -> None:
        self.assertEqual(terms.words("to be, or_not to_be"), ["be", "not", "or", "to"])
        self.assertEqual(terms.words("cafe\u0301s"), ["cafe\u0301s"])
        self.assertEqual(terms.words("a\u6771\u4eac"), ["a", "\u4eac", "\u6771", "\u6771\u4eac"])
        self.assertEqual(terms.asked_words("a\u6771\u4eac"), ["a", "\u6771\u4eac"])
        self.assertEqual(terms.words("\u2167\u00b2"), ["\u2167\u00b2"])

    def test_none_takes_what_it_is_given(self) -> None:
        self.assertEqual(NONE.item(5), 5)
        with self.assertRaises(Refused):
            normalizer("digits").item(5)


def _text(v: str) -> J:
    return {"t": "text", "v": v}
