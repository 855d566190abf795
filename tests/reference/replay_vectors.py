"""The vectors of replays: an envelope before, ledgers, and what the envelope is after [LG-14]."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import Any

from fieldseal_ref import convert, crypto, envelope, serve
from fieldseal_ref.encoding import check_tenant, subject_id
from ledger_positives import (
    ADA,
    DAY,
    MARKETING_KEY,
    NEWS,
    NOTES,
    OFFERS,
    OLD_RING,
    RING,
    ROTATED,
    SUPPORT_KEY,
    BEGIN,
    ERASE,
    ERASE_CLASS,
    GRANT,
    WITHDRAW,
    ask,
    base64url,
    by,
    call,
    chained,
    ensure,
    erase,
    grant,
    key_text,
    renew,
    stored,
    withdraw,
    written,
)
from ring_positives import (
    APP,
    APP_KEY,
    ENVELOPE,
    ENVELOPE_KEY,
    NOW,
    SIGN_KEY,
    Files,
    Json,
    positive,
    ring,
    symmetric,
)

LATER = NOW + 100 * DAY
AGAIN = [NEWS, NOTES, OFFERS]


def after(data: bytes) -> Json:
    """What inspecting shows of an envelope, but for what is drawn."""
    parsed = envelope.parse(data)
    entries: list[Json] = []
    erased_at = None
    for entry in parsed.entries:
        if isinstance(entry, envelope.Live):
            times = {"created_at": entry.created_at, "expires_at": entry.expires_at}
            ids = [r.key_id for r in entry.recipients]
            shown: Json = {"state": "live", "suite": entry.suite, **times, "recipients": ids}
        elif isinstance(entry, envelope.Erased):
            shown = {"state": "erased", "erased_at": entry.erased_at}
        else:
            erased_at = entry.erased_at
            continue
        entries.append({"class": entry.cls, "generation": entry.generation, **shown})
    return {"version": parsed.version, "entries": entries, "subject_erased_at": erased_at}


def asked(file: Json) -> Json:
    ledgers = [{"ledger": stored(lines).hex()} for lines in file["ledgers"]]
    given = {
        name: file[name] for name in ("ring", "tenant", "subject", "now", "classes", "envelope")
    }
    return {
        **given,
        "ledgers": ledgers,
        "keys": file.get("keys"),
        "rescue": file.get("rescue", False),
    }


def replay(
    about: str, ledgers: list[list[str]], before: str, covers: list[str], **more: Any
) -> Json:
    given = {"ring": RING, **ADA, "now": LATER, "classes": AGAIN, "ledgers": ledgers, **more}
    file = {**positive("replay", about, ["LG-14", *covers]), **given, "envelope": before}
    answer = ask("replay", **asked(file))
    made, reported = bytes.fromhex(answer["envelope"]), answer["reported"]
    again = ask("replay", **{**asked(file), "envelope": made.hex()})
    assert again["envelope"] == made.hex(), about
    if reported is not None:
        file["reported"] = reported
        # What is reported once is settled by it; the rest is reported until somebody settles it.
        file["settles"] = again["reported"] is None
    assert again["reported"] in (None, reported), about
    return {**file, "unchanged": made.hex() == before, "after": after(made)}


def told(calls: list[Json], at: int, about: str, covers: list[str], **more: Any) -> Json:
    """A replay of what the calls tell over what the call of this number left."""
    made = written(calls)
    return replay(about, [made["lines"]], made["envelopes"][at], covers, **more)


def _erasures() -> Files:
    begin = call(ensure(NEWS, "marketing"), ensure(NOTES))
    erased = [begin, call(ERASE, at=NOW + 60)]
    of_class = [
        begin,
        call(renew(NEWS), at=NOW + 60),
        call(renew(NEWS), at=NOW + 120),
        call(erase("news"), at=NOW + 180),
        call(renew(NEWS), at=NOW + 240),
        call(erase("news"), at=NOW + 300),
        call({"do": "renew", "class": by(NEWS, "marketing")}, at=NOW + 360),
    ]
    late = NOW + 180 + DAY
    afresh = [begin, call(erase("news"), at=NOW + 180)]
    restored = {"from": 0}
    day = [*afresh, call(renew(NEWS), erase("notes"), at=late, **restored)]
    beyond = [*afresh, call(renew(NEWS), at=late + 1, **restored)]
    covers = ["LG-11"]
    files = {
        "erased-subject": told(erased, 0, "a subject that was erased", ["LG-10"]),
        "erased-subject-still": told(erased, 1, "one that is erased here", ["LG-10", "ED-5"]),
        "erased-class": told(of_class, 1, "a class erased at 3 and 4, restored at 2", covers),
        "erased-class-from-the-start": told(of_class, 0, "the same, restored at 1", covers),
        "erased-class-between": told(
            of_class, 4, "the same, restored between the erasures", covers
        ),
        "erased-class-begun-again": told(of_class, 6, "the same, begun again since", covers),
        "erased-class-here": told(of_class, 5, "the same, erased here", covers),
    }
    # Restored, renewed before the replay: the numbers are those that were erased.
    lines = written(
        [begin, *(call(renew(NEWS), at=NOW + n) for n in (1, 2)), call(erase("news"), at=NOW + 180)]
    )["lines"]
    before = written(day)["envelopes"][2]
    files["begun-a-day-after"] = replay("made a day after the erasure", [lines], before, covers)
    before = written(beyond)["envelopes"][2]
    files["begun-later-than-a-day-after"] = replay(
        "made a second later: it stays", [lines], before, covers
    )
    other = written([call(ensure(OFFERS, "marketing"))])["envelopes"][0]
    files["erased-class-absent"] = replay(
        "a class that the envelope has not", [lines], other, covers
    )
    mask = chained([BEGIN, {**ERASE_CLASS, **whose(), "class": "mask.news", "generation": 3}])
    files["erased-mask"] = replay(
        "the name of a mask's class", [mask], written([begin])["envelopes"][0], covers
    )
    last = chained([BEGIN, {**ERASE_CLASS, **whose(), "generation": 65_535}])
    files["erased-at-the-last"] = replay(
        "generation 65,535", [last], written([begin])["envelopes"][0], covers
    )
    return files


def whose(at: str = "2027-01-15T08:10:00Z") -> Json:
    """What a line says of the subject, when it is made by hand."""
    token = ask("token", secret=SIGN_KEY["secret"], **ADA)["token"]
    return {"at": at, "subject": base64url(bytes.fromhex(token))}


def _withdrawals() -> Files:
    both = call(ensure(NEWS, "marketing", "support"), ensure(NOTES))
    once = [
        both,
        call(renew(NEWS), at=NOW + 60),
        call(withdraw(NEWS, "marketing"), at=NOW + 120),
        call(renew(NEWS), at=NOW + 180),
    ]
    twice = [
        both,
        call(withdraw(NEWS, "support"), at=NOW + 60),
        call(withdraw(NEWS, "marketing"), at=NOW + 120),
    ]
    other = [
        both,
        call(withdraw(NEWS, "marketing"), at=NOW + 60),
        call(withdraw(NEWS, "support"), at=NOW + 120),
    ]
    named = [both, call(withdraw(by(NEWS), "support"), at=NOW + 60)]
    again = [
        both,
        call(withdraw(NEWS, "marketing"), at=NOW + 60),
        call(grant(NEWS, "marketing", False), at=NOW + 120),
    ]
    history = [*again[:2], call(grant(NEWS, "marketing", True), at=NOW + 120)]
    alone = [call(ensure(OFFERS, "marketing")), call(withdraw(OFFERS, "marketing"), at=NOW + 60)]
    alone_again = [*alone, call({"do": "renew", "class": by(OFFERS, "marketing")}, at=NOW + 120)]
    nothing = [call(ensure(NEWS)), call(withdraw(NEWS, "marketing"), at=NOW + 60)]
    erased = [
        both,
        call(withdraw(NEWS, "marketing"), at=NOW + 60),
        call(erase("news"), at=NOW + 120),
    ]
    lost = [
        both,
        call(erase("news"), at=NOW + 60),
        call(withdraw(NEWS, "marketing"), at=NOW + 120, **{"from": 0}),
    ]
    # Restored and renewed, and the clock put back: the number of the erasure is above that of the withdrawal.
    numbers = [
        both,
        *(call(renew(NEWS), at=NOW + number) for number in (1, 2, 3)),
        call(erase("news"), at=NOW + 60),
        call(withdraw(NEWS, "marketing"), at=NOW + 120, **{"from": 0}),
        call(renew(NEWS), at=NOW + 200 * DAY, **{"from": 0}),
    ]
    renewed = call(ensure(NEWS, "marketing"), at=NOW + 200 * DAY)
    covers = ["LG-12"]
    reader = {**NEWS, "readers": ["app", "marketing"], "consent": ["support"]}
    no_longer = {**NEWS, "consent": ["support"]}
    retained = {**NEWS, "retain_days": 30}
    return {
        "withdrawn": told(once, 0, "a role withdrawn at 2, restored at 1", covers),
        "withdrawn-at-the-number": told(once, 1, "the same, restored at 2", covers),
        "withdrawn-here": told(once, 2, "the same, withdrawn here", covers),
        "withdrawn-and-renewed": told(once, 3, "the same, renewed since", covers),
        "withdrawn-one-after-the-other": told(
            twice, 0, "two roles, the later one first by name", covers
        ),
        "withdrawn-one-after-the-other-by-name": told(other, 0, "two roles, by name", covers),
        "withdrawn-between": told(twice, 1, "two roles, restored in between", covers),
        "withdrawn-by-name": told(named, 0, "nobody was named to remain", covers),
        "granted-again": told(again, 0, "granted again without history", [*covers, "LG-8"]),
        "granted-again-with-history": told(
            history, 0, "granted again with history", [*covers, "LG-8"]
        ),
        "granted-again-here": told(again, 2, "granted again, and so here", [*covers, "LG-8"]),
        "granted-again-no-longer-declared": told(
            again,
            0,
            "granted again, and no reader with consent by now",
            covers,
            classes=[no_longer],
        ),
        "withdrawn-from-the-last-reader": told(
            alone, 0, "nobody is left: the class is erased", covers
        ),
        "granted-again-to-the-last-reader": told(alone_again, 0, "and granted again", covers),
        "withdrawn-a-reader-by-now": told(
            once, 0, "a declared reader by now", covers, classes=[reader, NOTES]
        ),
        "withdrawn-under-retention": told(
            once, 0, "with retention by now", [*covers, "RT-3"], classes=[retained]
        ),
        "withdrawn-of-nothing": told(nothing, 0, "there was nothing to take", covers),
        "withdrawn-and-erased": told(erased, 0, "withdrawn, then erased", [*covers, "LG-11"]),
        "erased-and-withdrawn": told(
            lost, 0, "erased, and withdrawn behind it", [*covers, "LG-11"]
        ),
        "withdrawn-below-an-erasure": replay(
            "erased at 4, withdrawn at 1, made later than both",
            [written(numbers)["lines"]],
            written([renewed])["envelopes"][0],
            [*covers, "LG-11"],
        ),
        "withdrawn-absent": replay(
            "a class that the envelope has not",
            [written(once)["lines"]],
            written([call(ensure(NOTES))])["envelopes"][0],
            covers,
        ),
        "withdrawn-from-what-is-erased-here": replay(
            "erased here, at a lower number",
            [written(once)["lines"]],
            written([both, call(erase("news"))])["envelopes"][1],
            covers,
        ),
    }


def _long_before() -> Files:
    """Of generations with numbers above those of the entries: their time tells."""
    both = call(ensure(NEWS, "marketing"), ensure(NOTES))
    numbers = [both, *(call(renew(NEWS), at=NOW + number) for number in (1, 2))]
    before = written(numbers)["envelopes"][2]
    files = {}
    for name, at in (("a-day", NOW + 2 + DAY), ("more-than-a-day", NOW + 3 + DAY)):
        for act, change in (("erased", erase("news")), ("withdrawn", withdraw(NEWS, "marketing"))):
            # Told of an older envelope.
            lines = written([*numbers, call(change, at=at, **{"from": 0})])["lines"]
            covers = ["LG-11" if act == "erased" else "LG-12"]
            about = f"made {name.replace('-', ' ')} before it was {act}, above its number"
            files[f"{act}-{name}-after"] = replay(about, [lines], before, covers)
    found = call(withdraw(NEWS, "support"), at=NOW + 3 + DAY)
    lines = written([*numbers, found])["lines"]
    other = written([call(ensure(NEWS, "support"))])["envelopes"][0]
    about = "there was nothing to take, and here is"
    files["withdrawn-of-nothing-that-is-here"] = replay(about, [lines], other, ["LG-12"])
    lines = written([*numbers, call(erase("news"), at=NOW + 9 * DAY, **{"from": 0})])["lines"]
    files["erased-by-a-clock-ahead"] = replay(
        "the entry is of a time to come: what is made now is not before it",
        [lines],
        before,
        ["LG-11"],
        now=NOW + DAY,
    )
    return files


def _several() -> Files:
    both = call(ensure(NEWS, "marketing"))
    end = call(withdraw(NEWS, "marketing"), at=NOW + 60)
    back = call(grant(NEWS, "marketing", True), at=NOW + 120)
    early = {**back, "at": NOW + 59}
    made = written([both, end, back])
    before = made["envelopes"][0]
    withdrawn = written([both, end])["lines"]
    granted = chained_like(written([both, {**end, "at": NOW}, back])["lines"], 3)
    granted_early = chained_like(written([both, end, early])["lines"], 3)
    covers = ["LG-8", "LG-12"]
    both_rings = [call(ERASE, subject={"int": "7"}), call(ERASE, ring=ROTATED)]
    rotated = written(both_rings, OLD_RING)["lines"]
    envelope_42 = written([both], ROTATED)["envelopes"][0]
    many = {"keys": None}
    return {
        "granted-in-another-ledger": replay(
            "its number there says nothing", [withdrawn, granted], before, covers
        ),
        "granted-in-another-ledger-earlier": replay(
            "its time is earlier: it does not stand", [withdrawn, granted_early], before, covers
        ),
        "of-another-subject": replay(
            "entries about another subject",
            [written([call(ERASE, subject={"int": "43"})])["lines"]],
            before,
            ["LG-6"],
        ),
        "of-another-tenant": replay(
            "entries about another tenant",
            [written([call(ERASE, tenant="acme")])["lines"]],
            before,
            ["LG-6"],
        ),
        "grants-alone": replay(
            "grants are not played back", [written([both])["lines"]], before, []
        ),
        "no-ledgers": replay("no ledger at all", [], before, []),
        "under-two-keys": replay(
            "erased under the second key that signs",
            [rotated],
            envelope_42,
            ["LG-6", "LG-10"],
            ring=ROTATED,
            **many,
        ),
    }


def _not_stored() -> Files:
    """Told to the ledger and lost, and the envelope went on."""
    both = call(ensure(NEWS, "marketing"), ensure(NOTES))
    offers = call(ensure(OFFERS, "marketing"))
    end, again = call(withdraw(NEWS, "marketing"), at=NOW + 60), call(renew(NEWS), at=NOW + 120)
    gone = call(erase("news"), at=NOW + 60)
    late = {**again, "at": NOW + 61 + DAY}
    lost = {"from": 0}
    nothing = call(withdraw(NEWS, "support"), at=NOW + 60)
    back = call(grant(NEWS, "support", True), at=NOW + 60 + DAY)
    no_news = [call(ensure(NOTES)), call(ensure(NEWS), at=NOW + 62 + DAY)]
    e, w = ["LG-11"], ["LG-12"]

    def over(calls: list[Json], of: int, about: str, covers: list[str], **more: Any) -> Json:
        made = written(calls)
        return replay(about, [made["lines"]], made["envelopes"][of], covers, **more)

    found = written([both, nothing, back])
    at_last = chained_like(written([both, nothing, {**back, "at": NOW + 61 + DAY}])["lines"], 3)
    within = chained_like(found["lines"], 3)
    alone = [offers, call(withdraw(OFFERS, "marketing"), at=NOW + 60)]
    on = call({"do": "renew", "class": by(OFFERS, "marketing")}, at=NOW + 120)
    older = written([both, end])["lines"]
    longer = written([both, end, call(erase("notes"), at=NOW + 120)])
    return {
        "erased-and-not-stored": over(
            [both, gone, {**again, **lost}], 2, "an erasure that was lost, and a renewal", e
        ),
        "erased-and-not-stored-renewed-late": over(
            [both, gone, {**late, **lost}], 2, "the same, renewed more than a day later", e
        ),
        "erased-and-not-stored-erased-again": over(
            [both, gone, {**again, **lost}, call(erase("news"), at=NOW + 180)],
            3,
            "the same, and erased again: it is seen, and settles the first",
            e,
        ),
        "erased-and-not-stored-then-begun-afresh": over(
            [both, gone, {**again, **lost}, call(erase("news"), at=NOW + 180), call(renew(NEWS), at=NOW + 240)],
            4,
            "the same, and begun afresh",
            e,
        ),
        "erased-where-nothing-is-live": over(
            [both, gone, call(erase("news"), at=NOW + 120), call(renew(NEWS), at=NOW + 180)],
            3,
            "erased twice: each is seen",
            [*e, "ED-13", "ED-21"],
        ),
        "erased-before-it-was-begun-here": replay(
            "a class of which the backup had nothing, begun more than a day later",
            [written([both, gone])["lines"]],
            written(no_news)["envelopes"][1],
            e,
        ),
        "withdrawn-and-not-stored": over(
            [both, end, {**again, **lost}],
            2,
            "a withdrawal that was lost, and a renewal that went on with the role",
            w,
        ),
        "withdrawn-and-not-stored-from-the-only-reader": over(
            [*alone, {**on, **lost}],
            2,
            "the same, where nobody else reads what was begun since",
            w,
        ),
        "withdrawn-from-an-undeclared-class": over(
            [both, end], 0, "a class that is not declared any more", w, classes=[NOTES]
        ),
        "withdrawn-from-an-undeclared-class-here": over(
            [both, end], 1, "the same, where nothing is left to do", w, classes=[NOTES]
        ),
        "withdrawn-of-nothing-and-granted-elsewhere-within-a-day": replay(
            "a grant in another ledger, a day after a withdrawal that found nothing",
            [written([both, nothing])["lines"], within],
            found["envelopes"][2],
            ["LG-8", *w],
        ),
        "withdrawn-of-nothing-and-granted-elsewhere-later": replay(
            "the same, a second later: it stands",
            [written([both, nothing])["lines"], at_last],
            found["envelopes"][2],
            ["LG-8", *w],
        ),
        "granted-above-what-is-here": over(
            [both, *(call(renew(NEWS), at=NOW + n) for n in (1, 2)), call(grant(NEWS, "support", True), at=NOW + 60)],
            0,
            "no withdrawal, and a grant that names a higher generation",
            w,
        ),
        "an-older-copy-of-a-ledger": replay(
            "one ledger twice, once as it was before",
            [older, longer["lines"]],
            longer["envelopes"][0],
            ["LG-14"],
        ),
    }


def chained_like(lines: list[str], at: int) -> list[str]:
    """A ledger of another id that has the entry of this place alone."""
    members = json.loads(lines[at])
    for name in ("signature", "previous", "number"):
        del members[name]
    return chained([{**BEGIN, "ledger": "ab" * 16}, members])


def positives() -> Files:
    return {
        f"replay-{n}": f
        for made in (
            _erasures(),
            _withdrawals(),
            _long_before(),
            _several(),
            _not_stored(),
            _closed(),
        )
        for n, f in made.items()
    }


def _closed() -> Files:
    """What keeps a class from going on closes it; the role is out all the same."""
    both = call(ensure(NEWS, "marketing", "support"))
    made = written([both, call(withdraw(NEWS, "marketing"), at=NOW + 60)])
    lines, before = made["lines"], made["envelopes"][0]
    lost = {**call({"do": "renew", "class": by(OFFERS, "marketing")}, at=NOW + 120), "from": 0}
    offers = written(
        [call(ensure(OFFERS, "marketing")), call(withdraw(OFFERS, "marketing"), at=NOW + 60), lost]
    )
    empty = {**NEWS, "readers": [], "consent": ["marketing"]}
    no_support = ring(APP_KEY, ENVELOPE_KEY, MARKETING_KEY, SIGN_KEY)
    app_open_only = symmetric(APP, "wrap", "app", "open-only")
    no_app = ring(app_open_only, ENVELOPE_KEY, MARKETING_KEY, SUPPORT_KEY, SIGN_KEY)
    disabled = {**SUPPORT_KEY, "state": "disabled"}
    support_disabled = ring(APP_KEY, disabled, ENVELOPE_KEY, MARKETING_KEY, SIGN_KEY)
    unknown = changed(before, _with_unknown)
    last = chained([BEGIN, {**WITHDRAW, **whose(), "generation": 65_535}])
    found_nothing = {**WITHDRAW, **whose(), "role": "billing", "generation": 0}
    granted = chained([BEGIN, found_nothing, {**GRANT, **whose(), "generation": 7}])
    absent = written([call(ensure(NOTES))])["envelopes"][0]
    w = ["LG-12"]
    return {
        "recipient-unknown": replay("a recipient of an unknown key", [lines], unknown, w),
        "recipient-unknown-of-an-undeclared-class": replay(
            "a recipient of an unknown key", [lines], unknown, w, classes=[NOTES]
        ),
        "recipient-unknown-beside-the-only-reader": replay(
            "a recipient of an unknown key is no reader that a generation is left to",
            [offers["lines"]],
            changed(offers["envelopes"][2], _with_unknown),
            w,
        ),
        "consent-of-another-unproven": replay(
            "it cannot be told who else consented", [lines], before, [*w, "GN-10"], ring=no_support
        ),
        "consent-of-another-by-a-disabled-key": replay(
            "the same, by a key that is known",
            [lines],
            before,
            [*w, "GN-10"],
            ring=support_disabled,
        ),
        "reader-without-key": replay(
            "a declared reader has no key",
            [lines],
            before,
            [*w, "GN-6"],
            classes=[{**NEWS, "readers": ["app", "billing"]}],
        ),
        "reader-without-primary": replay(
            "a declared reader has no primary key", [lines], before, w, ring=no_app
        ),
        "reader-without-primary-of-a-class-that-is-not-there": replay(
            "a declared reader has no primary key, and the class has no entry",
            [lines],
            absent,
            w,
            ring=no_app,
        ),
        "reader-without-primary-and-nothing-found": replay(
            "a declared reader has no primary key; the withdrawal found nothing",
            [granted],
            before,
            w,
            ring=no_app,
        ),
        "none-follows": replay("generation 65,535 was covered", [last], before, [*w, "GN-4"]),
        "unknown-suite": replay(
            "the highest generation is of an unknown suite",
            [lines],
            changed(before, lambda e: replace(e, suite=9)),
            w,
            classes=[{**empty, "readers": ["app"]}],
        ),
    }


# --- refusals ---------------------------------------------------------------


def refusal(
    error: str, about: str, ledgers: list[list[str]], before: str, covers: list[str], **more: Any
) -> Json:
    file = {"about": about, "covers": ["LG-14", *covers], "error": error, "kind": "refusal"}
    given = {"ring": RING, **ADA, "now": LATER, "classes": AGAIN, "ledgers": ledgers, **more}
    return {**file, "operation": "replay", **given, "envelope": before}


def refused(answer: Json, before: str) -> Json:
    """A replay that changes nothing and reports why, as a refusal [LG-14]."""
    told = answer.get("ok", {})
    if told.get("reported") is not None and told["envelope"] == before:
        return {"error": told["reported"]}
    return answer


def changed(data: str, change: Any) -> str:
    """The envelope with its entries changed, and a right MAC."""
    parsed = envelope.parse(bytes.fromhex(data))
    entries = tuple(change(entry) for entry in parsed.entries)
    of = envelope.Envelope(parsed.version, entries, parsed.key_id)
    body = envelope.body(of)
    subject = subject_id(convert.id_(ADA["subject"]))
    secret = bytes.fromhex(ENVELOPE_KEY["secret"])
    return (body + crypto.mac(secret, check_tenant(""), subject, body)).hex()


def _with_unknown(entry: Any) -> Any:
    """One more recipient, whose key no ring knows."""
    if not isinstance(entry, envelope.Live) or entry.cls == "notes":
        return entry
    recipients = (*entry.recipients, envelope.Recipient(1, 0x7FFFFFFF, bytes(72)))
    return replace(entry, recipients=recipients)


def refusals() -> Files:
    both = call(ensure(NEWS, "marketing", "support"))
    once = [both, call(withdraw(NEWS, "marketing"), at=NOW + 60)]
    made = written(once)
    lines, before = made["lines"], made["envelopes"][0]
    erased = written([both, call(ERASE)])["lines"]
    compromised = ring(
        APP_KEY,
        symmetric(ENVELOPE, "envelope", "envelope", "compromised"),
        symmetric(ENVELOPE + 1, "envelope", "envelope"),
        MARKETING_KEY,
        SUPPORT_KEY,
        SIGN_KEY,
    )
    files = {
        "classes-contradict": refusal(
            "invalid-input",
            "a class is declared in two ways",
            [],
            before,
            ["GN-12"],
            classes=[NEWS, {**NEWS, "readers": []}],
        ),
        "contradiction-before-a-missing-key": refusal(
            "invalid-input",
            "two declarations, and no key",
            [lines],
            before,
            [],
            classes=[NEWS, {**NEWS, "readers": []}],
            ring=no_sign(),
        ),
        "no-secret": refusal(
            "missing-key",
            "the secret that names subjects is not there",
            [lines],
            before,
            ["LG-6"],
            ring=no_sign(),
        ),
        "missing-key-before-a-class-not-given": refusal(
            "missing-key",
            "no secret, and a class not declared",
            [lines],
            before,
            ["LG-6"],
            ring=no_sign(),
            classes=[],
        ),
        "compromised-envelope-key": refusal(
            "not-permitted",
            "in rescue mode",
            [erased],
            before,
            ["ED-4"],
            ring=compromised,
            rescue=True,
        ),
        "compromised-envelope-key-of-a-withdrawal": refusal(
            "not-permitted",
            "in rescue mode",
            [lines],
            before,
            ["ED-4"],
            ring=compromised,
            rescue=True,
        ),
    }
    out = {f"replay-{name}": {**file, "keys": [key_text(SIGN_KEY)]} for name, file in files.items()}
    for name, file in out.items():
        answer = serve.answer(json.dumps({"op": "replay", **asked(file)}))
        assert refused(answer, file["envelope"]) == {"error": file["error"]}, (name, answer)
    return out


def no_sign() -> Json:
    return ring(APP_KEY, ENVELOPE_KEY, MARKETING_KEY, SUPPORT_KEY)
