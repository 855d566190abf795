"""The negative vectors of index terms: one fault each."""

from __future__ import annotations

from fieldseal_ref import serve
from ring_positives import Files, Json, derived, reduced, ring, symmetric
from term_positives import (
    FORMER,
    INDEX,
    LATER,
    NULL,
    PLAIN,
    between,
    bytes_,
    date,
    decimal,
    domain,
    index,
    integer,
    of,
    text,
)

FLOAT = {"t": "f64", "v": "3ff0000000000000"}
LIST = {"t": "array", "v": [text("a")]}
MAP = {"t": "map", "v": [[text("a"), integer(1)]]}
NOTHING: Json = {}


def _refused(
    kind: str,
    operation: str,
    about: str,
    covers: list[str],
    of_index: Json,
    request: Json,
    keys: Json = PLAIN,
    tenant: str = "",
) -> Json:
    return {
        "about": about,
        "covers": covers,
        "error": kind,
        "kind": "refusal",
        "operation": operation,
        "ring": keys,
        "tenant": tenant,
        "index": of_index,
        **request,
    }


def faults() -> Files:
    files: Files = {}

    def add(name: str, clause: str, operation: str, about: str, of_index: Json, request: Json) -> None:
        kind = "invalid-input"
        files[name] = _refused(kind, operation, about, [clause], of_index, request)

    exact = index("exact")
    for sort, value in (("float", FLOAT), ("array", LIST), ("map", MAP)):
        about = f"A value that is a {sort}."
        add(f"ix11-{sort}", "IX-11", "terms", about, exact, of(value))
        add(f"ix11-{sort}-asked", "IX-11", "ask", about, exact, of(value))
    f32 = {"t": "f32", "v": "3f800000"}
    add("ix11-float-of-32-bits", "IX-11", "terms", "A 32-bit float.", exact, of(f32))
    two = index("compound", normalizers=["none", "none"])
    about = "A part that is a float."
    add("ix11-float-in-a-compound", "IX-11", "ask", about, two, of(text("a"), FLOAT))
    about = "A question for what is absent."
    add("ix2-absent-asked", "IX-2", "ask", about, exact, of(NULL))
    add("ix2-absent-part-asked", "IX-2", "ask", about, two, of(NULL, text("a")))
    add("ix2-absent-number-asked", "IX-2", "ask", about, _points(), of(NULL))
    for shape, more, clause in (("prefix", {"length": 4}, "ix6"), ("words", NOTHING, "ix8")):
        takes = index(shape, **more)
        name = "IX-6" if shape == "prefix" else "IX-8"
        for sort, value in (("integer", integer(1)), ("bytes", bytes_("61")), ("date", date("1990-12-31"))):
            about = f"A {shape} index of what is no text."
            add(f"{clause}-{sort}", name, "terms", about, takes, of(value))
        lenient = index(shape, lenient=True, **more)
        about = "Lenient is so of texts only."
        add(f"{clause}-integer-lenient", "IX-7", "terms", about, lenient, of(integer(1)))
    add("ix6-empty", "IX-6", "ask", "An empty prefix.", index("prefix", length=4), of(text("")))
    many = " ".join(f"w{n}" for n in range(256))
    about = "A question for 256 different words."
    add("ix8-words-asked", "IX-8", "ask", about, index("words"), of(text(many)))
    about += " A lenient index does not take it as given."
    add("ix8-words-asked-lenient", "IX-8", "ask", about, index("words", lenient=True), of(text(many)))
    pairs = text("".join(chr(0x4E00 + n) for n in range(257)))
    add("ix8-pairs-asked", "IX-8", "ask", "A question for 256 pairs.", index("words"), of(pairs))
    about = "No word is asked for."
    add("ix8-no-word", "IX-8", "ask", about, index("words"), of(text(" ,.- ")))
    _ranges(add)
    _normalizers(add)
    _keys(files)
    for name, file in files.items():
        asked = {**file, "op": file["operation"]}
        answered = serve.OPS and _answer(asked)
        assert answered == file["error"], (name, answered)
    return files


def _answer(asked: Json) -> str | None:
    from fieldseal_ref.errors import Refused

    try:
        serve.OPS[asked["op"]](asked)
    except Refused as refused:
        return refused.kind
    return None


def _points() -> Json:
    return index("range", domain=domain("one", "-1000", "1000"))


def _ranges(add) -> None:  # type: ignore[no-untyped-def]
    points, days = _points(), index("range", domain=domain("day", "1900-01-01", "2099-12-31"))
    cents = index("range", domain=domain("decimal", "0.00", "99999.99"))
    outside = (
        ("below", points, integer(-1001)),
        ("above", points, integer(1001)),
        ("far-above", points, integer(2**64 - 1)),
        ("day-below", days, date("1899-12-31")),
        ("day-above", days, date("2100-01-01")),
        ("decimal-below", cents, decimal("-0.01")),
        ("decimal-above", cents, decimal("100000")),
        ("decimal-far-above", cents, {"t": "decimal", "e": 0, "m": str(2**96 - 1)}),
    )
    for name, of_index, value in outside:
        add(f"ix9-{name}", "IX-9", "terms", "A value outside of the domain.", of_index, of(value))
    others = (
        ("integer-of-text", points, text("1")),
        ("integer-of-boolean", points, {"t": "bool", "v": True}),
        ("integer-of-decimal", points, decimal("1")),
        ("integer-of-date", points, date("1970-01-02")),
        ("day-of-text", days, text("1990-12-31")),
        ("day-of-integer", days, integer(1)),
        ("day-of-instant", days, {"t": "instant", "s": "0", "n": 0}),
        ("decimal-of-text", cents, text("1.00")),
        ("decimal-of-float", cents, FLOAT),
        ("decimal-places", cents, decimal("1.001")),
    )
    for name, of_index, value in others:
        about = "What the unit does not take."
        add(f"ix9-{name}", "IX-9", "terms", about, of_index, of(value))
        add(f"ix9-{name}-asked", "IX-9", "ask", about, of_index, between(value, None))
    flat = index("range", domain=domain("one", "0", "4000"), levels=1)
    question = between(integer(1), integer(1025))
    add("ix10-1025-nodes", "IX-10", "ask", "More than 1,024 nodes.", flat, question)
    about = "An index of no range asked for what lies between."
    add("ix10-no-range", "IX-10", "ask", about, index("words"), between(integer(1), integer(2)))


_NO_ADDRESSES = (
    "", "ada", "@example.com", "ada@", "a b@c", "a@b, c@d", "Ada <ada@b>", "a@b;", "a@b@",
    "a@b@c", "@a@b", "a:b@c", "a(b)@c", "a\uff20b", "a\\b@c", '"a b"@c', '"a"b@c', '"a@c', '""@c', '"a"b"@c', 'a"b@c',
    "a\u200bb@c", "a\u00adb@c", "a\u202eb@c", "a\u037eb@c", "a\x00b@c",
    "a@.", "a@.b", "a@b..c", "a@b..", "a@b_c", "a@b:25", "a@b c", "a@" + "b" * 64, "a@" + "b." * 127 + "c",
    "a@[192.0.2.256]", "a@[192.0.02.1]", "a@[192.0.2.1", "a@[]", "a@[2001:db8::1]", "a@[IPv6:fe80::1%0]", "a@[x:y]",
    "a@\u00ad", "a@b.\u00ad.c", "a@b\u200dc", "a@b\u200cc", "a@1\u05d0", "a@b\u05d0", "a@\u0301b", "a@xn--a", "a@xn--",
    "a@xn--mu\u0308nchen", "a@\u2100", "a@b\u0378", "a@b\ue000", "a@" + "\u00fc" * 60, "a@b\u3000c",
)  # fmt: skip


def _normalizers(add) -> None:  # type: ignore[no-untyped-def]
    born = index("exact", normalizers=["date"])
    about = "A text that the normalizer refuses."
    add("ix7-refused", "IX-7", "terms", about, born, of(text("Spring 1990")))
    add("ix7-refused-asked", "IX-7", "ask", about, born, of(text("Spring 1990")))
    for name, clause, texts in (
        ("email", "NO-3", _NO_ADDRESSES),
        ("digits", "NO-5", ("", "none", "\u00b2\u00bd")),
        ("date", "NO-6", ("2023-02-29", "2024-2-9", "2024/02/29", "202402290", "2024-0229", "\uff12024-01-1")),
    ):
        takes = index("exact", normalizers=[name])
        for number, given in enumerate(texts, 1):
            about = f"What is no {name}, of those of the normalizer."
            add(f"{clause.replace('-', '').lower()}-{name}-{number}", clause, "terms", about, takes, of(text(given)))
        about = "A normalizer takes text."
        add(f"no1-{name}-of-integer", "NO-1", "terms", about, takes, of(integer(20240229)))
    both = index("compound", normalizers=["none", "date"])
    add("ix7-refused-part", "IX-7", "ask", about, both, of(text("a"), text("Spring 1990")))
    prefix = index("prefix", length=4, normalizers=["digits"])
    add("ix7-refused-prefix", "IX-7", "terms", about, prefix, of(text("none")))


def _keys(files: Files) -> None:
    email, ada = index("exact", "email"), of(text("ada@example.com"))
    scope = {"tenant": "", "record": "customer", "index": "email"}
    key = symmetric(INDEX, "index", "index")
    former = symmetric(FORMER, "index", "index", "open-only")

    def add(name: str, operation: str, about: str, keys: Json, tenant: str = "") -> None:
        covers = ["IX-2" if operation == "terms" else "IX-3"]
        files[name] = _refused("missing-key", operation, about, covers, email, ada, keys, tenant)

    none = ring(symmetric(LATER, "pseudonym", "pseudonym"))
    add("ix2-no-key", "terms", "A ring without an index key.", none)
    add("ix3-no-key", "ask", "A ring without an index key.", none)
    add("ix2-open-only", "terms", "A ring whose index key is open-only.", ring(former))
    for state in ("disabled", "compromised"):
        keys = ring(symmetric(INDEX, "index", "index", state))
        if state == "disabled":
            add(f"ix3-{state}", "ask", f"A ring whose only index key is {state}.", keys)
        add(f"ix2-{state}", "terms", f"A ring whose only index key is {state}.", keys)
    name_only = ring(reduced(key, "name-only"))
    add("ix3-name-only", "ask", "An index key of which the ring has the name.", name_only)
    about = "A ring that has of one of its index keys the name only."
    lacking = reduced(symmetric(LATER, "index", "index", "open-only"), "name-only")
    add("ix3-one-name-only", "ask", about, ring(key, lacking))
    about = "A ring that has of one of its index keys another index's derived key."
    lacking = derived(former, [{**scope, "index": "phone"}])
    add("ix3-one-of-another-index", "ask", about, ring(key, lacking))
    for part, value in (("tenant", "acme"), ("record", "order"), ("index", "phone")):
        keys = ring(derived(key, [{**scope, part: value}]))
        about = f"A derived key of another {part}."
        add(f"ix2-derived-of-another-{part}", "terms", about, keys)
        add(f"ix3-derived-of-another-{part}", "ask", about, keys)
    keys = ring(derived(key, [{**scope, "index": "phone"}]), former)
    about = "A primary key of another index beside an open-only one."
    add("ix2-primary-of-another-index", "terms", about, keys)
    about = "What the value is refused for is answered before a key that is missing."
    refused = {"covers": ["IX-2"], "of_index": index("exact"), "request": of(FLOAT)}
    files["ix2-float-and-no-key"] = _refused("invalid-input", "terms", about, keys=none, **refused)
    refused = {"covers": ["IX-3"], "of_index": index("prefix", length=4), "request": of(text(""))}
    files["ix3-empty-and-no-key"] = _refused("invalid-input", "ask", about, keys=none, **refused)
    long = {"covers": ["NM-3", "NM-4"], "of_index": email, "request": ada, "tenant": "t" * 65}
    files["nm4-tenant"] = _refused("invalid-input", "ask", "A tenant of 65 bytes.", **long)
