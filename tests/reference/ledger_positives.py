"""The positive vectors of ledgers: what is right, with every intermediate value."""

from __future__ import annotations

import json
from typing import Any

from ring_positives import (
    APP_KEY,
    ENVELOPE_KEY,
    NOW,
    SIGN,
    SIGN_KEY,
    Files,
    Json,
    ask,
    fixed,
    positive,
    public_half,
    reduced,
    ring,
    symmetric,
)

DAY = 86_400
LEDGER_ID = "00112233445566778899aabbccddeeff"
MARKETING, SUPPORT, OLD = 0x0C000001, 0x0F000001, SIGN - 1
MARKETING_KEY = symmetric(MARKETING, "wrap", "marketing")
SUPPORT_KEY = symmetric(SUPPORT, "wrap", "support")
WRAPS = (APP_KEY, ENVELOPE_KEY, MARKETING_KEY, SUPPORT_KEY)
RING = ring(*WRAPS, SIGN_KEY)
# Another key signed before.
OLD_KEY = symmetric(OLD, "sign", "sign")
OLD_RING = ring(*WRAPS, OLD_KEY)
ROTATED = ring(*WRAPS, symmetric(OLD, "sign", "sign", "open-only"), SIGN_KEY)
COMPROMISED = ring(*WRAPS, symmetric(OLD, "sign", "sign", "compromised"), SIGN_KEY)

NEWS: Json = {"name": "news", "consent": ["marketing", "support"]}
OFFERS: Json = {"name": "offers", "readers": [], "consent": ["marketing"]}
NOTES: Json = {"name": "notes"}
ADA = {"tenant": "", "subject": {"int": "42"}}
EVIDENCE = {"source": "form /preferences", "notice": "2026-11"}


def by(cls: Json, *roles: str) -> Json:
    """The class with those named who have consented [GN-10]."""
    return {**cls, "consented": list(roles)}


def ensure(cls: Json, *roles: str) -> Json:
    return {"do": "ensure", "class": by(cls, *roles)}


def renew(cls: Json) -> Json:
    return {"do": "renew", "class": cls}


def grant(cls: Json, role: str, history: bool) -> Json:
    return {"do": "grant", "class": cls, "role": role, "history": history}


def withdraw(cls: Json, role: str) -> Json:
    return {"do": "withdraw", "class": cls, "role": role}


def erase(cls: str) -> Json:
    return {"do": "erase-class", "class": cls}


ERASE: Json = {"do": "erase-subject"}


def call(*changes: Json, at: int = NOW, **of: Any) -> Json:
    return {**ADA, **EVIDENCE, "at": at, "changes": list(changes), **of}


def written(calls: list[Json], of_ring: Json = RING, ledger_id: str = LEDGER_ID) -> Json:
    """Of a ledger, and the envelopes that the calls leave; those are the same each time."""
    seeded = [{**one, "seed": fixed(f"call {number}").hex()} for number, one in enumerate(calls)]
    return ask("ledger-write", ring=of_ring, id=ledger_id, at=NOW, calls=seeded)


def stored(lines: list[str], behind: bytes = b"") -> bytes:
    return "".join(f"{line}\n" for line in lines).encode() + behind


def keys_of(of_ring: Json) -> list[str]:
    """What a ring's signatures are verified by."""
    return [
        ask("signing-key", id=key["id"], secret=key["secret"])["text"]
        for key in of_ring["keys"]
        if key["use"] == "sign" and key["state"] in ("primary", "open-only")
    ]


def key_text(key: Json) -> str:
    text: str = ask("signing-key", id=key["id"], secret=key["secret"])["text"]
    return text


def ledger(
    about: str,
    covers: list[str],
    calls: list[Json],
    *,
    lines: list[str] | None = None,
    of_ring: Json = RING,
    last_ring: Json | None = None,
    behind: bytes = b"",
    **more: Any,
) -> Json:
    """A ledger that the calls make, or one of these lines."""
    made = written(calls, of_ring) if lines is None else {"lines": lines}
    last = last_ring or of_ring
    keys = more.get("keys") or keys_of(last)
    data = stored(made["lines"], behind)
    asked = {"ring": last, "ledger": data.hex(), "keys": keys, "head": more.get("head")}
    shown = ask("ledger-read", **asked)
    subjects = {json.dumps([one["tenant"], one["subject"]]) for one in calls}
    of = []
    for text in sorted(subjects):
        tenant, subject = json.loads(text)
        told = ask("ledger-of", **asked, tenant=tenant, subject=subject)
        of.append({"tenant": tenant, "subject": subject, **told})
    assert lines is not None or sum(len(one["numbers"]) for one in of) == len(shown["entries"])
    file: Json = {**positive("ledger", about, ["LG-13", *covers]), "ring": last, "keys": keys}
    if lines is None:
        # Where another ring begins it, and the calls name theirs.
        file |= {"begun_by": of_ring} if last is not of_ring else {}
        file |= {"at": NOW, "calls": calls, "counts": made["counts"]}
    if more.get("head"):
        file["known"] = more["head"]
    parts = [ask("ledger-parts", members=json.loads(line)) for line in made["lines"]]
    return {
        **file,
        "ledger": made["lines"],
        "behind": behind.hex(),
        "lines": parts,
        **shown,
        "of": of,
    }


def _acts() -> Files:
    life = [
        call(ensure(NEWS, "marketing"), ensure(NOTES)),
        call(withdraw(NEWS, "marketing"), at=NOW + 60, actor="the customer", purpose="phone call"),
        call(grant(NEWS, "marketing", True), at=NOW + 120),
        call(grant(NEWS, "support", False), at=NOW + 180),
        call(withdraw(NEWS, "marketing"), at=NOW + 240),
        call(erase("news"), at=NOW + 300),
        call({"do": "renew", "class": by(NEWS, "marketing", "support")}, at=NOW + 360),
        call(ERASE, at=NOW + 420),
        call(ERASE, at=NOW + 480),
    ]
    quiet = [
        call(ensure(NEWS), ensure(NOTES)),
        call(renew(NEWS), {"do": "rewrap", "declared": [NEWS]}, {"do": "sweep"}),
    ]
    named = [
        call(ensure(NEWS, "support", "marketing")),
        call({**withdraw(by(NEWS), "support")}, at=NOW + 1),
    ]
    renamed = [
        call(ensure(NEWS, "marketing")),
        call({**withdraw(by(NEWS, "support"), "marketing")}, at=NOW + 1),
    ]
    together = [
        call(ensure(NEWS, "marketing")),
        call(
            ensure(OFFERS, "marketing"),
            withdraw(OFFERS, "marketing"),
            withdraw(NEWS, "marketing"),
            grant(NEWS, "support", True),
            erase("news"),
            ERASE,
        ),
    ]
    return {
        "begin": ledger("a ledger of its first line", ["LG-1", "LG-4", "LG-5"], []),
        "life": ledger("a subject from the first consent to its erasure", ["LG-3", "LG-7"], life),
        "quiet": ledger("changes that tell nothing", ["LG-7"], quiet),
        "withdrawn-by-name": ledger("nobody is named to remain", ["LG-7", "ED-11"], named),
        "withdrawn-for-another": ledger("another role is named to remain", ["LG-7"], renamed),
        "together": ledger("every act in one call", ["LG-7", "LG-9"], together),
    }


def _consents() -> Files:
    lost = [
        call(ensure(NEWS)),
        call(grant(NEWS, "marketing", True), at=NOW + 1),
        call(withdraw(NEWS, "marketing"), at=NOW + 2, **{"from": 0}),
        call(grant(NEWS, "support", True), at=NOW + 3),
    ]
    again = [
        call(ensure(OFFERS, "marketing")),
        call(withdraw(OFFERS, "marketing"), at=NOW + 1),
        call({"do": "renew", "class": by(OFFERS, "marketing")}, at=NOW + 2),
    ]
    stale = [
        call(ensure(NEWS, "marketing")),
        call(withdraw(NEWS, "marketing"), at=NOW + 1),
        call(grant(NEWS, "marketing", False), at=NOW + 2),
        call(grant(NEWS, "marketing", True), at=NOW + 3, **{"from": 0}),
    ]
    before = [
        call(ensure(NEWS, "marketing")),
        call(withdraw(NEWS, "marketing"), at=NOW + 100),
        call(grant(NEWS, "marketing", True), at=NOW + 99),
    ]
    same = [
        call(ensure(NEWS, "marketing")),
        call(withdraw(NEWS, "marketing"), at=NOW + 100),
        call(grant(NEWS, "marketing", True), at=NOW + 100),
    ]
    erased = [call(ensure(NEWS, "marketing")), call(erase("news"), at=NOW + 1)]
    covers = ["LG-8"]
    return {
        "grant-that-was-lost": ledger("told and not stored, then withdrawn", covers, lost),
        "consent-again": ledger("given again to a class that had no reader", covers, again),
        "stale-grant": ledger("a later grant from an older state does not stand", covers, stale),
        "grant-before-by-time": ledger("its time is earlier, so it does not stand", covers, before),
        "grant-at-the-time": ledger("its time is the same, so it stands", covers, same),
        "erasure-ends-no-consent": ledger("an erased class", covers, erased),
    }


def _subjects() -> Files:
    ids: list[Json] = [
        {"int": "0"},
        {"int": "-1"},
        {"text": "42"},
        {"uuid": "00112233445566778899aabbccddeeff"},
        {"bytes": "2a"},
        {"composite": [{"text": "shop"}, {"int": "42"}]},
    ]
    calls = [call(ERASE, subject=subject) for subject in ids]
    tenants = [call(ERASE, tenant=of) for of in ("", "acme", "\u00e9\u2028\U0001f980", "x" * 64)]
    return {
        "subjects": ledger("every form of id has a token of its own", ["LG-6"], calls),
        "tenants": ledger("one id under four tenants", ["LG-6", "NM-3"], tenants),
    }


def _texts() -> Files:
    escapes = '"\\/\b\t\n\f\r\x00\x1f \x7f\u00e9\u2028\U0001f980'
    longest = {name: "\x01" * 1_024 for name in ("actor", "purpose", "source", "notice")}
    wide = {name: "\U0001f980" * 256 for name in ("actor", "purpose", "source", "notice")}
    empty = dict.fromkeys(("actor", "purpose", "source", "notice"), "")
    times = [call(ERASE, at=at, subject={"int": str(at)}) for at in (253_402_207_200, 0, NOW)]
    said = [
        call(ERASE, subject={"int": str(n)}, **of) for n, of in enumerate([longest, wide, empty])
    ]
    return {
        "escapes": ledger(
            "characters that JSON escapes, and others", ["LG-4"], [call(ERASE, actor=escapes)]
        ),
        "longest-texts": ledger("texts of 1,024 bytes, and of none", ["LG-2"], said),
        "times": ledger("the first and the last time; times need not ascend", ["LG-3"], times),
    }


def _keys() -> Files:
    rotated = [call(ERASE), call(ERASE, subject={"int": "43"}, ring=ROTATED)]
    made = written(rotated, OLD_RING)
    head = ask("ledger-read", ring=ROTATED, ledger=stored(made["lines"][:2]).hex())["head"]
    last = ask("ledger-read", ring=ROTATED, ledger=stored(made["lines"]).hex())["head"]
    of = {"of_ring": OLD_RING, "last_ring": ROTATED}
    compromised = {"of_ring": OLD_RING, "last_ring": COMPROMISED, "head": head}
    lent = ring(*(reduced(key, "name-only") for key in WRAPS), public_half(SIGN_KEY))
    assert ask("ledger-read", ring=lent, ledger=stored(written([])["lines"]).hex())
    return {
        "rotated": ledger(
            "two keys signed it, and token by token", ["LG-5", "LG-6"], rotated, **of
        ),
        "compromised-before-a-known-head": ledger(
            "lines up to a known head need no key that counts", ["LG-6"], rotated, **compromised
        ),
        "known-to-the-end": ledger(
            "a known head at its end",
            ["LG-15"],
            rotated,
            **{**of, "head": last},
            keys=[key_text(SIGN_KEY)],
        ),
    }


def _torn() -> Files:
    calls = [call(ERASE, actor="Zo\u00eb")]
    line = written(calls)["lines"][1].encode()
    cut = line.index("\u00eb".encode()) + 1
    two = [call(ERASE), call(ERASE, subject={"int": "43"})]
    *begun, last = written(two)["lines"]
    return {
        "last-line-feed-lost": ledger(
            "a last line that lacks its line feed alone", ["LG-1"], two, lines=begun, behind=last.encode()
        ),
        "torn": ledger("half a line behind the last line feed", ["LG-1"], two, behind=line[:100]),
        "torn-in-a-character": ledger(
            "half a character at the end", ["LG-1"], two, behind=line[:cut]
        ),
    }


def chained(members: list[Json], of_ring: Json = RING) -> list[str]:
    """Lines of these members, numbered, chained and signed; what a line gives of these stays."""
    out: list[str] = []
    previous: str | None = None
    for number, one in enumerate(members, 1):
        told = {"number": number, "key": f"{SIGN:08x}", **one}
        if previous is not None:
            told = {"previous": previous, **told}
        absent = [name for name, of in told.items() if of is ...]
        made = ask(
            "ledger-line", ring=of_ring, members={n: told[n] for n in told if n not in absent}
        )
        out.append(made["line"])
        hashed = bytes.fromhex(made["hash"])
        previous = ask("head", text=f"1.{base64url(hashed)}")["text"][2:]
    return out


def base64url(data: bytes) -> str:
    import base64

    return base64.urlsafe_b64encode(data).rstrip(b"=").decode()


TIME = "2027-01-15T08:00:00Z"
BEGIN: Json = {"act": "begin", "at": TIME, "fieldseal": "ledger/1", "ledger": LEDGER_ID}
WHOSE: Json = {"at": TIME, "subject": base64url(bytes(range(16))), "tenant": ""}
OF_NEWS: Json = {**WHOSE, "class": "news", "generation": 1}
GRANT: Json = {**OF_NEWS, "act": "grant", "role": "marketing", "history": True}
WITHDRAW: Json = {**OF_NEWS, "act": "withdraw", "role": "marketing"}
ERASE_CLASS: Json = {**OF_NEWS, "act": "erase-class"}
ERASE_SUBJECT: Json = {**WHOSE, "act": "erase-subject"}


def _bounds() -> Files:
    longest = "c" + "-" * 63
    lines = [
        BEGIN,
        {**ERASE_CLASS, "generation": 65_535, "class": longest},
        {**ERASE_CLASS, "class": "mask.news"},
        {**GRANT, "generation": 65_535, "role": longest, "class": "standalone"},
        {**WITHDRAW, "generation": 0},
        {**WITHDRAW, "generation": 65_535},
    ]
    return {
        "bounds": ledger("names and numbers at their bounds", ["LG-3"], [], lines=chained(lines))
    }


def positives() -> Files:
    files: Files = {}
    for made in (_acts(), _consents(), _subjects(), _texts(), _keys(), _torn(), _bounds()):
        files |= made
    return files
