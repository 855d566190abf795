"""The negative vectors of tests/vectors/changes: one refused change each."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from fieldseal_ref import envelope

Json = dict[str, Any]


def refusals() -> dict[str, Json]:
    # This module is read before that one is through.
    import change_vectors as made

    contact = made.made(made.CONTACT)
    consented = made.changed(contact, made.GRANT)
    erased = made.changed(contact, made.do("erase-subject"))
    gone = made.changed(contact, made.do("erase-class", "contact"))
    live = made.entries_of(consented)[0]
    assert isinstance(live, envelope.Live)
    app_only = replace(live, recipients=live.recipients[:1])
    stranger = made.with_entries(
        [replace(live, recipients=(*live.recipients, envelope.Recipient(1, 0x7F000001, bytes(72))))]
    )
    later_suite = made.with_entries([replace(live, suite=2)])
    unproven = made.with_entries(
        [replace(live, recipients=(*live.recipients[:2], replace(live.recipients[2], wrapped=bytes(72))))]
    )
    last = made.with_entries([made._at(live, 65_534)])
    late = made.with_entries([live], version=8)
    grant_billing = made.do("grant", made.CONTACT, role="billing", history=True)
    withdraw = made.do("withdraw", made.CONTACT, role="marketing")
    nobody = {"name": "contact", "readers": []}
    compromised = made.ring(
        *made.IDS,
        keys=[made.key(made.ENVELOPE, "envelope", "envelope", "compromised"), made.key(made.NEW_ENVELOPE, "envelope", "envelope")],
    )
    without = made.ring(*made.IDS, keys=[made.key(made.ENVELOPE, "envelope", "envelope", "open-only")])
    roomless = made._filled([live], 61_000)

    def file(error: str, about: str, covers: list[str], before: str, *changes: Json, of: Json = made.ALL, now: int = made.NOW, **more: Any) -> Json:
        request = {**made.whose(of, now), "envelope": before, "seed": made.fixed(about), "changes": list(changes), **more}
        answered = made.ask("edit", **request)
        assert answered == {"error": error}, (about, answered)
        return {
            "about": about, "covers": ["ED-16", *covers], "kind": "refusal", "operation": "edit", "error": error,
            **request, "envelope": made.long_hex(before),
        }

    return {
        "ensure-erased-subject": file("erased", "nothing is begun of an erased subject", ["ED-5"], erased, made.do("ensure", made.NOTES)),
        "ensure-without-a-key": file("missing-key", "a reader has no key", ["ED-6", "GN-6"], contact, made.do("ensure", {"name": "health", "readers": ["medical"]})),
        "ensure-named-is-no-reader-with-consent": file("invalid-input", "who is named is not among the readers with consent", ["GN-10"], made.made(made.NOTES), made.do("ensure", made.named(made.CONTACT, "app"))),
        "ensure-without-room": file("exhausted", "the room that is kept for withdrawals", ["ED-19"], made._filled([live], 61_439), made.do("ensure", {"name": "zzz"})),
        "declarations-differ": file("invalid-input", "two declarations of one class", ["GN-12"], contact, made.RENEW, made.do("renew", made.named({**made.CONTACT, "readers": ["app"]}))),
        "renew-class-missing": file("missing-class", "there is none to follow", ["ED-7"], contact, made.do("renew", made.NOTES)),
        "renew-later-suite": file("unsupported", "the highest generation is of a later suite", ["ED-7"], later_suite, made.RENEW),
        "renew-consent-unknown": file("missing-key", "it cannot be told whose a recipient is", ["ED-7", "GN-10"], stranger, made.RENEW),
        "renew-consent-unproven": file("missing-key", "a consent that does not unwrap", ["GN-9", "GN-10"], unproven, made.RENEW),
        "renew-the-last-number": file("exhausted", "number 65,535 is not begun", ["ED-7", "GN-4"], last, made.RENEW),
        "renew-for-nobody": file("invalid-input", "a generation has a reader", ["ED-7", "GN-6"], contact, made.do("renew", nobody)),
        "renew-without-room": file("exhausted", "the room that is kept for withdrawals", ["ED-19"], made._filled([live], 61_439), made.RENEW),
        "grant-undeclared": file("invalid-input", "the role is in neither list", ["ED-10"], contact, made.do("grant", made.NOTES, role="marketing", history=True)),
        "grant-class-missing": file("missing-class", "the class has no entry", ["ED-10"], made.made(made.NOTES), grant_billing),
        "grant-without-a-key": file("missing-key", "the role has no primary key", ["ED-10"], contact, grant_billing, of=made.ring("app", "support")),
        "grant-history-of-nothing": file("erased", "no generation is live", ["ED-10"], gone, grant_billing),
        "grant-without-history-over-an-erased-generation": file("erased", "the highest generation is erased", ["ED-10"], gone, {**grant_billing, "history": False}),
        "grant-history-out-of-reach": file("not-permitted", "no recipient of ours counts", ["ED-10", "GN-13"], contact, grant_billing, of=made.ring("billing")),
        "grant-without-room": file("exhausted", "the room that is kept for withdrawals", ["ED-10", "ED-19"], made._filled([app_only], 61_439), grant_billing),
        "withdraw-a-declared-reader": file("invalid-input", "the next renewal would include it", ["ED-11"], consented, made.do("withdraw", made.CONTACT, role="support")),
        "withdraw-class-missing": file("missing-class", "the class has no entry", ["ED-11"], made.made(made.NOTES), withdraw),
        "withdraw-recipient-unknown": file("missing-key", "it cannot be told whose a recipient is", ["ED-11"], stranger, withdraw),
        "withdraw-who-remains": file("invalid-input", "the withdrawn role is named among those who remain", ["ED-11"], consented, made.do("withdraw", made.named(made.CONTACT, "marketing"), role="marketing")),
        "erase-class-missing": file("missing-class", "neither the class nor its mask has an entry", ["ED-13"], contact, made.do("erase-class", "notes")),
        "erase-class-reserved": file("invalid-input", "a class that cannot be declared", ["NM-2", "ED-13"], contact, made.do("erase-class", "standalone")),
        "erase-older-of-an-erased-class": file("erased", "the highest generation is erased", ["ED-18"], gone, made.do("erase-older", "contact")),
        "erase-older-class-missing": file("missing-class", "the class has no entry", ["ED-18"], contact, made.do("erase-older", "notes")),
        "compromised-envelope-key": file("not-permitted", "only rewrap is allowed under a compromised envelope key", ["ED-4"], contact, made.RENEW, of=compromised, rescue=True),
        "no-primary-envelope-key": file("missing-key", "nothing can be authenticated", ["MAC-2", "ED-17"], contact, made.RENEW, of=without),
        "one-refused-change": file("missing-class", "one change is refused, so none is made", ["ED-16"], contact, made.RENEW, made.do("renew", made.NOTES)),
        "below-the-floor": file("rolled-back", "the version is below the floor", ["KE-6", "ED-4"], late, made.RENEW, floor=9),
    }
