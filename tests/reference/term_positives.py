"""The positive vectors of index terms: of each value its terms, of each question its groups."""

from __future__ import annotations

import hmac
from typing import Any

from fieldseal_ref import crypto
from fieldseal_ref.ring import Scope
from ring_positives import Files, Json, ask, derived, positive, reduced, ring, symmetric

INDEX, FORMER, LATER = 0x11000001, 0x11000002, 0x10000001

PLAIN = ring(symmetric(INDEX, "index", "index"))

Values = list[Json]


# --- values ----------------------------------------------------------------


def text(v: str) -> Json:
    return {"t": "text", "v": v}


def integer(v: int) -> Json:
    return {"t": "int", "v": str(v)}


def date(v: str) -> Json:
    return {"t": "date", "v": v}


def decimal(v: str) -> Json:
    """As it is written: 1.10 has two decimal places."""
    whole, _, places = v.partition(".")
    return {"t": "decimal", "e": -len(places), "m": str(int(whole + places))}


def bytes_(v: str) -> Json:
    return {"t": "bytes", "v": v}


NULL: Json = {"t": "null"}


def texts(*of: str) -> list[Values]:
    return [[text(v)] for v in of]


def integers(*of: int) -> list[Values]:
    return [[integer(v)] for v in of]


# --- indexes ---------------------------------------------------------------


def index(shape: str, name: str = "any", record: str = "customer", **more: Any) -> Json:
    return {"record": record, "index": name, "shape": shape, **more}


def domain(unit: str, least: str, greatest: str, step: int = 1) -> Json:
    return {"unit": unit, "least": least, "greatest": greatest, "step": step}


def between(
    least: Json | None, greatest: Json | None, above: bool = False, below: bool = False
) -> Json:
    def end(value: Json | None, left_out: bool) -> Json | None:
        if value is None:
            return None
        return {"value": value, "left_out": True} if left_out else {"value": value}

    return {"between": [end(least, above), end(greatest, below)]}


def of(*values: Json) -> Json:
    return {"values": list(values)}


# --- files -----------------------------------------------------------------


def file(
    about: str,
    covers: list[str],
    of_index: Json,
    written: list[Values],
    asked: list[Json] | None = None,
    keys: Json = PLAIN,
    tenant: str = "",
) -> Json:
    """Questions, if none are given, for each value that is written; what they find of those."""
    if asked is None:
        asked = [of(*values) for values in written if NULL not in values]
    made = {**positive("terms", about, covers), "ring": keys, "tenant": tenant}
    made["index"] = of_index
    made["keys"] = [_key(key, of_index, tenant) for key in keys["keys"] if _gives(key)]
    request = {"ring": keys, "tenant": tenant, "index": of_index}
    rows = []
    for values in written:
        told = ask("terms", **request, values=values)
        primary = next((key for key in made["keys"] if key["state"] == "primary"), None)
        for one in told["inputs"]:
            assert primary is not None
            message = bytes([one["kind"], one["level"]]) + bytes.fromhex(one["item"])
            one["mac"] = hmac.digest(bytes.fromhex(primary["key"]), message, "sha256").hex()
        rows.append({"values": values, **told})
    made["written"] = rows
    made["asked"] = [_question(request, question, rows) for question in asked]
    return made


def _gives(key: Json) -> bool:
    return key["form"] in ("symmetric", "derived") and key["use"] == "index"


def _key(key: Json, of_index: Json, tenant: str) -> Json:
    scope = Scope("index", (tenant, of_index["record"], of_index["index"]))
    info = crypto.scope_info(scope)
    told = {"id": key["id"], "state": key["state"], "info": info.hex()}
    if key["form"] == "symmetric":
        return {**told, "key": crypto.expand(bytes.fromhex(key["secret"]), info, 32).hex()}
    of_scope = {"tenant": tenant, "record": of_index["record"], "index": of_index["index"]}
    held = [one["key"] for one in key["derived"] if of_scope.items() <= one.items()]
    return {**told, "key": held[0] if held else None}


def _question(request: Json, question: Json, rows: list[Json]) -> Json:
    told = ask("ask", **request, **question)
    matching = [
        number
        for number, row in enumerate(rows)
        if ask("matches", index=request["index"], **question, found=row["values"])["matches"]
    ]
    found = [
        number
        for number, row in enumerate(rows)
        if all(set(group) & set(row["terms"]) for group in told["groups"])
    ]
    assert set(matching) <= set(found), (question, matching, found)
    return {**question, **told, "found": found, "matching": matching}


def positives() -> Files:
    return {**_exact(), **_compound(), **_prefix(), **_words(), **_range(), **_lenient(), **_keys(), **_normalizers()}


def _exact() -> Files:
    ada = texts("ada@example.com")
    files = {
        "exact-text": file(
            "Texts of every length of head, as they are.",
            ["IX-1", "IX-2", "IX-4", "IX-11"],
            index("exact", "email"),
            texts("ada@example.com", "Ada@example.com", "", "\u00e9", "e\u0301", "x" * 24, "x" * 256),
        ),
        "exact-sorts": file(
            "A value of each sort, none equal to another.",
            ["IX-4", "IX-11"],
            index("exact"),
            [
                *([{"t": "bool", "v": v}] for v in (False, True)),
                *integers(0, 1, 23, 24, 2**64 - 1, -1, -(2**63)),
                *texts("1", "1990-12-31"),
                [bytes_("31")],
                [bytes_("")],
                [{"t": "uuid", "v": "00112233445566778899aabbccddeeff"}],
                [bytes_("00112233445566778899aabbccddeeff")],
                [date("1990-12-31")],
                [{"t": "instant", "s": "0", "n": 0}],
                [{"t": "instant", "s": "-1", "n": 999999999}],
                [decimal("1")],
                [NULL],
            ],
        ),
        "exact-decimals": file(
            "Decimals in their lowest terms: equal ones have one term.",
            ["IX-11"],
            index("exact", "price"),
            [
                [decimal(v)]
                for v in ("1.1", "1.10", "1.1000", "100", "100.0", "-1.10", "0", "0.00", "0.01")
            ]
            + [
                [{"t": "decimal", "e": -1, "m": str(2**64 * 10)}],
                [{"t": "decimal", "e": 0, "m": str(2**64)}],
                [{"t": "decimal", "e": -2, "m": str(-(2**63) * 100)}],
                [{"t": "decimal", "e": -1, "m": str((-(2**63) - 1) * 10)}],
                [{"t": "decimal", "e": -28, "m": str(2**96 - 1)}],
                [{"t": "decimal", "e": -28, "m": str(10**28)}],
                [{"t": "decimal", "e": 0, "m": str(1 - 2**96)}],
            ],
        ),
        "tenant": file(
            "The same value of a tenant.",
            ["IX-1", "RK-7"],
            index("exact", "email"),
            ada,
            tenant="acme",
        ),
        "other-index": file(
            "The same value in another index.", ["IX-1", "RK-7"], index("exact", "backup_email"), ada
        ),
        "other-record": file(
            "The same value in another record.",
            ["IX-1", "RK-7"],
            index("exact", "email", "order"),
            ada,
        ),
    }
    for bits in (1, 3, 7, 8, 9, 64, 127, 128):
        files[f"bits-{bits}"] = file(
            f"Terms of {bits} bits.",
            ["IX-1", "IX-12"],
            index("exact", "email", bits=bits),
            texts("ada@example.com", "ada", "bob", "carl", "dora", "eve"),
        )
    return files


def _compound() -> Files:
    name = ["none", "none"]
    return {
        "compound-2": file(
            "Two parts, which do not run into each other.",
            ["IX-4", "IX-5", "IX-11"],
            index("compound", "name_birth", normalizers=name),
            [
                [text("ab"), text("c")],
                [text("a"), text("bc")],
                [text("lovelace"), date("1815-12-10")],
                [text("lovelace"), decimal("1.10")],
                [text("lovelace"), decimal("1.1")],
                [text("lovelace"), NULL],
                [NULL, text("lovelace")],
            ],
        ),
        "compound-3": file(
            "Three parts, cut to 20 bits.",
            ["IX-1", "IX-4", "IX-5"],
            index("compound", "place", normalizers=["none", "none", "none"], bits=20),
            [
                [text("a"), integer(1), bytes_("00")],
                [text("a"), integer(1), NULL],
                [text("a"), integer(-1), bytes_("00")],
            ],
        ),
    }


def _prefix() -> Files:
    return {
        "prefix": file(
            "Prefixes of up to 4 characters, some of several bytes.",
            ["IX-4", "IX-6", "IX-12"],
            index("prefix", "surname.prefix", length=4),
            [*texts("", "a", "love", "lovelace", "\u00e9t\u00e9s", "\U0001f980\u6f22a"), [NULL]],
            [of(text(v)) for v in ("l", "lov", "love", "lovel", "lovey", "\u00e9", "\U0001f980\u6f22")],
        ),
        "prefix-1": file(
            "The shortest of prefixes.",
            ["IX-6"],
            index("prefix", "initial", length=1),
            texts("lovelace", "l", "k"),
        ),
        "prefix-64": file(
            "The longest of prefixes.",
            ["IX-6"],
            index("prefix", "long", length=64, bits=32),
            texts("x" * 63, "x" * 64, "x" * 65),
        ),
    }


def _words() -> Files:
    most = " ".join(f"w{n}" for n in range(300))
    return {
        "words": file(
            "Words of letters and digits, each once.",
            ["IX-4", "IX-8", "IX-12"],
            index("words", "notes.words"),
            [
                *texts("to be or not to be", "be_or-not", "Be", "don't 42", " ,.- ", "", most),
                [NULL],
            ],
            [of(text(v)) for v in ("be", "be, or", "not be to", "or been", "42", "w299")],
        ),
        "words-unicode": file(
            "What is Alphabetic, a number or a mark is of a word; what Unicode 16.0 does not assign is not.",
            ["IX-8", "NO-9"],
            index("words", "notes.words"),
            texts(
                "\u6f22\u5b57\u3000\u304b\u306a",
                "\u2167\u00b2\u00bd\u0663",
                "\u24b6\u24d0 \u00aa",
                "caf\u00e9",
                "cafe\u0301 au",
                "\u0939\u093f\u0928\u094d\u0926\u0940",
                "a\u200db a\u00adb",
                "\U0001f980 x\U00020000",
                "\u0937\u094d\u091f cafe\u0301s",
                "a\u0378b \U00016ea0c",
            ),
        ),
        "words-unspaced": file(
            "Scripts without spaces are found by their characters and pairs, and match as a run.",
            ["IX-4", "IX-8", "IX-12"],
            index("words", "notes.words"),
            texts(
                "\u79c1\u306f\u6771\u4eac\u90fd\u306b\u4f4f\u3080",
                "\u4eac\u90fd \u6771\u4eac",
                "\u674e\u5c0f\u9f8d",
                "\uae40\ucca0\uc218\uc5d0\uac8c",
                "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35\u0e04\u0e23\u0e31\u0e1a",
                "iPhone15\u6771",
                "\u2f00\u3005\u30fc\uff71\U00020000\U0001b000",
            ),
            [
                of(text(v))
                for v in (
                    "\u6771\u4eac\u90fd",
                    "\u6771\u4eac",
                    "\u90fd",
                    "\u4eac\u6771",
                    "\u674e",
                    "\ucca0\uc218",
                    "\u0e2a\u0e27\u0e31\u0e2a\u0e14\u0e35",
                    "\u6771 iPhone15",
                    "iPhone",
                )
            ],
        ),
    }


def _range() -> Files:
    points = index("range", "points.range", domain=domain("one", "-1000", "1000"))
    days = index("range", "birth.range", domain=domain("day", "1900-01-01", "2099-12-31"))
    cents = index("range", "price.range", domain=domain("decimal", "-10.00", "99999.99"))
    five = index("range", "five", domain=domain("one", "0", "4"))
    largest = index("range", "large", domain=domain("one", "0", str(2**48 - 1)))
    steps = index("range", "steps", domain=domain("one", "-10", "93", 10))
    low = index("range", "low", domain=domain("one", "0", "199"), levels=3)
    return {
        "range-integers": file(
            "A domain of 2,001 integers: 11 levels.",
            ["IX-4", "IX-9", "IX-10"],
            points,
            [*integers(-1000, -999, -1, 0, 1, 24, 1000), [NULL]],
            [
                between(None, None),
                between(integer(-1000), integer(1000)),
                between(integer(-999), integer(999)),
                between(integer(0), None),
                between(None, integer(0), below=True),
                between(integer(-1), integer(1), above=True, below=True),
                between(integer(-5000), integer(-1000)),
                between(integer(1001), integer(2**64 - 1)),
                between(integer(10), integer(9)),
                between(integer(9), integer(9), above=True),
                of(integer(24)),
                of(integer(-(2**63))),
            ],
        ),
        "range-five": file(
            "A domain of five: no node stands for what the domain has not.",
            ["IX-9", "IX-10"],
            five,
            integers(0, 1, 2, 3, 4),
            [between(integer(a), integer(b)) for a in range(5) for b in range(a, 5)],
        ),
        "range-one-bucket": file(
            "A domain of one bucket has one level.",
            ["IX-9", "IX-10"],
            index("range", "one", domain=domain("one", "7", "9", 3)),
            integers(7, 9),
            [between(None, None), between(integer(8), integer(8)), of(integer(10))],
        ),
        "range-two-buckets": file(
            "A domain of two buckets has one level, too.",
            ["IX-9", "IX-10"],
            index("range", "two", domain=domain("one", "7", "9", 2)),
            integers(7, 8, 9),
            [between(None, None), of(integer(8)), of(integer(9))],
        ),
        "range-steps": file(
            "Steps of 10, the last one cut short: a question finds more than lies in it.",
            ["IX-9", "IX-10", "IX-12"],
            steps,
            integers(-10, -1, 0, 9, 10, 89, 90, 93),
            [
                between(integer(-1), integer(0)),
                between(integer(5), integer(89)),
                between(integer(-10), integer(93)),
                of(integer(91)),
            ],
        ),
        "range-levels": file(
            "The lowest three levels of eight.",
            ["IX-9", "IX-10"],
            low,
            integers(0, 3, 4, 199),
            [
                between(integer(0), integer(3)),
                between(integer(1), integer(14)),
                between(integer(3), integer(150)),
                between(integer(0), integer(199)),
            ],
        ),
        "range-cut": file(
            "Nodes whose terms are equal stand once.",
            ["IX-1", "IX-3", "IX-10"],
            {**points, "bits": 2},
            integers(-1000, 0, 1000),
            [between(None, None), between(integer(-999), integer(999))],
        ),
        "range-largest": file(
            "The largest domain: 48 levels.",
            ["IX-9", "IX-10"],
            largest,
            integers(0, 2**47, 2**48 - 1),
            [between(integer(1), integer(2**48 - 2)), between(None, None)],
        ),
        "range-dates": file(
            "Days of two centuries.",
            ["IX-9", "IX-10"],
            days,
            [[date(v)] for v in ("1900-01-01", "1969-12-31", "1970-01-01", "2000-02-29", "2099-12-31")],
            [
                between(date("1990-01-01"), date("1990-12-31")),
                between(None, date("1970-01-01"), below=True),
                between(date("0000-01-01"), date("9999-12-31")),
                of(date("2000-02-29")),
            ],
        ),
        "range-decimals": file(
            "Two decimal places, however many are written; integers are taken too.",
            ["IX-9", "IX-10"],
            cents,
            [
                *([decimal(v)] for v in ("-10.00", "1.1", "1.1000", "99999.99")),
                *integers(-10, 1),
            ],
            [
                between(decimal("1"), decimal("1.10")),
                between(integer(1), decimal("1.1"), above=True, below=True),
                between({"t": "decimal", "e": 0, "m": str(1 - 2**96)}, None),
                of(decimal("1.100")),
            ],
        ),
        "range-decimals-of-17-places": file(
            "The most decimal places, and ends of a question far outside.",
            ["IX-9", "IX-10"],
            index("range", "fine", domain=domain("decimal", "0." + "0" * 17, "0.00000000000" + "9" * 6)),
            [[decimal("0")], [decimal("0.00000000000" + "9" * 6)]],
            [
                between(None, {"t": "decimal", "e": 0, "m": str(2**96 - 1)}),
                between({"t": "decimal", "e": 0, "m": str(1 - 2**96)}, integer(0)),
            ],
        ),
    }


def _lenient() -> Files:
    many = " ".join(f"w{n}" for n in range(256))
    return {
        "lenient": file(
            "What is no date is kept as given, and found by the same text alone.",
            ["IX-4", "IX-7", "IX-12"],
            index("exact", "born", normalizers=["date"], lenient=True),
            texts("1990-12-31", "19901231", "Spring 1990", "spring 1990", ""),
        ),
        "lenient-prefix": file(
            "A text kept as given has no prefixes.",
            ["IX-6", "IX-7", "IX-12"],
            index("prefix", "born.prefix", length=4, normalizers=["digits"], lenient=True),
            texts("19 90", "none", "1"),
            [of(text(v)) for v in ("1", "1.9", "none", "no")],
        ),
        "lenient-words": file(
            "A text of many words is found by each; one that is refused is kept as given.",
            ["IX-7", "IX-8", "IX-12"],
            index("words", "notes.words", normalizers=["digits"], lenient=True),
            texts("1 2", "none", "none "),
            [of(text(v)) for v in ("1 2", "12", "none", "none ")],
        ),
        "lenient-words-many": file(
            "A text of many words is found by each of them, in a lenient index too.",
            ["IX-7", "IX-8", "IX-12"],
            index("words", "notes.words", lenient=True),
            texts("w1 w2", many),
            [of(text(v)) for v in ("w1", "w255 w0")],
        ),
    }


def _normalizers() -> Files:
    def of_normalizer(name: str, about: str, clauses: list[str], *values: str) -> Json:
        normalized = index("exact", name.replace(" ", "_"), normalizers=[name])
        return file(about, clauses, normalized, texts(*values))

    return {
        "normalized-text": of_normalizer(
            "text",
            "Spellings that are one text, and some that are not.",
            ["NO-1", "NO-2"],
            "M\u00dcLLER", "Mu\u0308ller", "mueller", "Stra\u00dfe", "STRASSE", "STRA\u1e9eE",
            "\u039f\u0394\u039f\u03a3", "\u03bf\u03b4\u03bf\u03c2", "\u03bf\u03b4\u03bf\u03c3",
            "\uff21\uff22\uff23\uff11\uff12", "abc12", "\uff76\uff9e", "\u30ac", "\ufb01x\u00b2", "fix2",
            "ISPARTA", "\u0131sparta", "\u0130sparta", "i\u0307sparta", "\u0663", "3",
            " a \t\u00a0\u3000b\n", "a b", "a\u00adb", "a\u200bb", "ab", "", " ",
            "\u0345\u0300", "\u0300\u0345", "\u1fb3\u0301", "\u1fb4",
            "O'Brien", "O\u2019Brien", "O\u02bcBRIEN", "o\u2018brien", "obrien",
            "a-b", "a\u2010b", "a\u2011b", "a\u2013b", "a\u2212b", "a\u2014b",
            "\u0645\u062d\u0645\u062f", "\u0645\u062d\u0640\u0640\u0645\u062f",
            "\u06a9\u0631\u06cc\u0645", "\u0643\u0631\u064a\u0645", "\u0643\u0631\u0649\u0645",
        ),
        "normalized-unassigned": of_normalizer(
            "text",
            "What Unicode 16.0 does not assign is left as it is, and what is beside it is normalized alone.",
            ["NO-2", "NO-9"],
            "A\U00016ea0\u00c9", "a\U00016ea0\u00e9", "a\U00016ebb\u00e9", "e\U00016ea0\u0301", "\u209dw", "ww",
            "e\U000e0fff\u0301", "\u00e9", "\U00010d50", "\U00010d70",
        ),
        "normalized-text-without-accents": of_normalizer(
            "text without accents",
            "Without accents, but with what makes another letter.",
            ["NO-1", "NO-4"],
            "\u00e9t\u00e9", "ete", "\u00c5", "a", "\u0451", "\u0435", "\u0142", "l", "\u00f8", "o",
            "\u0131", "\u0130", "i", "I", "\u0237", "j", "\u304b", "\u304c", "\u0939\u093f\u0928\u094d",
            "\u05e9\u05b8\u05c1", "\u05e9", "\u1ec7", "e\u0323", "\u00bd", "\u0710\u0711", "\u0710", "a\u05b0", "a\u0c55", "a\u20dd",
            "\u0671\u062d\u0645\u062f", "\u0623\u062d\u0645\u062f", "\u0627\u062d\u0645\u062f",
            "\u0639\u0644\u0649", "\u0639\u0644\u064a", "\u06c1\u0645\u0627", "\u0647\u0645\u0627",
        ),
        "normalized-email": of_normalizer(
            "email",
            "Addresses, whose dots and tags stay.",
            ["NO-1", "NO-3"],
            " Ada@Example.COM\n", "ada@example.com", "a.d.a+x@example.com", "\ufeffada@example.com.",
            '"ada"@example.com', '"A\\da"@example.com', '"a@b"@example.com', '"a\\@b"@example.com',
            '"a\\"b"@example.com', "a..b@example.com", '"a..b"@example.com', "a%b@example.com",
            "a@[192.0.2.1]", "a@[IPv6:2001:DB8::1]", "a@[ipv6:2001:db8:0:0:0:0:0:1]", "a@[IPv6:::ffff:192.0.2.1]",
        ),
        "normalized-email-local": of_normalizer(
            "email",
            "Before the @: lower case and composed, and nothing else.",
            ["NO-3", "NO-9"],
            "stra\u00dfe@b.c", "STRA\u1e9eE@b.c", "strasse@b.c", "\u03bf\u03c2@b.c", "\u03bf\u03c3@b.c",
            "\u039f\u03a3@b.c", "s@b.c", "\u017f@b.c", "k@b.c", "K@b.c", "\u212a@b.c", "`@b.c", "\u1fef@b.c",
            "a2@b.c", "a\u00b2@b.c", "\u0130@b.c", "i\u0307@b.c", "i@b.c", "\u0131@b.c", "\u00c5@b.c", "A\u030a@b.c",
            "\u212b@b.c", "\uff41@b.c", "\uff21@b.c", "\u13e3@b.c", "\uabb3@b.c", "o\u2019h@b.c", "o'h@b.c",
            "a\u200db@b.c", "ab@b.c", "\u2615\ufe0f@b.c", "\u2615@b.c", "A\U00016ea0@b.c", "a\U00016ea0@b.c",
        ),
        "normalized-email-domain": of_normalizer(
            "email",
            "After the @: UTS 46, ToASCII.",
            ["NO-3"],
            "a@m\u00fcnchen.example", "a@M\u00dcNCHEN.example", "a@mu\u0308nchen.example",
            "a@xn--mnchen-3ya.example", "a@XN--MNCHEN-3YA.EXAMPLE.", "a@m\u00fcnchen\u3002example",
            "a@m\u00fcnchen\uff0eexample\uff61", "a@munchen.example", "a@stra\u00dfe.example",
            "a@STRA\u1e9eE.example", "a@xn--strae-oqa.example", "a@strasse.example", "a@\u017ftrasse.example",
            "a@\u03b2\u03cc\u03bb\u03bf\u03c2.example", "a@\u03b2\u03cc\u03bb\u03bf\u03c3.example",
            "a@\u0392\u038c\u039b\u039f\u03a3.example", "a@a\u00b2.example", "a@a2.example", "a@exam\u00adple",
            "a@example", "a@\u0646\u0627\u0645\u0647\u200c\u0627\u06cc.example",
            "a@xn--mgba3gch31f060k.example", "a@i\u2764.example", "a@xn--i-7iq.example",
            "a@\u13e3\u13b3.example", "a@\uabb3\uab83.example", "a@-a--b-.example",
        ),
        "normalized-digits": of_normalizer(
            "digits",
            "Digits of any script, and nothing else.",
            ["NO-1", "NO-5"],
            "DE12 3456-78", "12345678", "\uff11\u0662\u09693", "1233", "\u00b21", "1",
        ),
        "normalized-date": of_normalizer(
            "date",
            "Days by ISO 8601, in either form.",
            ["NO-1", "NO-6"],
            "2024-02-29", "20240229", "\u00a02024-02-29\n", "0000-01-01",
        ),
    }


def _keys() -> Files:
    of_index = index("exact", "email")
    ada = texts("ada@example.com")
    states = ring(
        symmetric(LATER, "index", "index", "open-only"),
        symmetric(INDEX, "index", "index"),
        symmetric(FORMER, "index", "index", "compromised"),
        symmetric(FORMER + 1, "index", "index", "disabled"),
        reduced(symmetric(FORMER + 2, "index", "index", "disabled"), "name-only"),
        symmetric(FORMER + 3, "pseudonym", "pseudonym"),
    )
    scopes = [
        {"tenant": "", "record": "customer", "index": "email"},
        {"tenant": "acme", "record": "customer", "index": "email"},
    ]
    parts = ring(
        derived(symmetric(LATER, "index", "index", "open-only"), scopes),
        derived(symmetric(INDEX, "index", "index"), scopes[:1]),
        derived(symmetric(FORMER, "index", "index", "compromised"), scopes),
    )
    return {
        "states": file(
            "Terms are made under the primary key, and asked for under all that are not disabled.",
            ["IX-2", "IX-3"],
            of_index,
            ada,
            keys=states,
        ),
        "compromised": file(
            "A ring whose only index key is compromised asks, and makes no terms.",
            ["IX-2", "IX-3"],
            of_index,
            [],
            [of(text("ada@example.com"))],
            keys=ring(symmetric(INDEX, "index", "index", "compromised")),
        ),
        "states-words": file(
            "Each word under each key.",
            ["IX-3", "IX-8"],
            index("words", "notes.words"),
            texts("to be", "not to be"),
            keys=states,
        ),
        "derived": file(
            "Derived keys in place of index keys.",
            ["IX-2", "IX-3", "RK-4"],
            of_index,
            ada,
            keys=parts,
        ),
        "open-only": file(
            "A ring without a primary key asks, and makes no terms; of what is absent it needs none.",
            ["IX-2", "IX-3"],
            of_index,
            [[NULL]],
            [of(text("ada@example.com"))],
            keys=ring(symmetric(FORMER, "index", "index", "open-only")),
        ),
    }
