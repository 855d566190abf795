"""Makes tests/vectors/changes, the changes of section 9 and SA-7: `python3 change_vectors.py --write`.

Everything that is drawn follows from fixed names, so the files are the same each time.
`tests/vectors/check.py` compares them.
"""

from __future__ import annotations

import hashlib
import json
import sys
from pathlib import Path
from typing import Any

from fieldseal_ref import convert, crypto, envelope, serve
from fieldseal_ref.edit import Editor, is_empty_mark
from fieldseal_ref.encoding import check_tenant, subject_id

import change_refusals

Json = dict[str, Any]
VECTORS = Path(__file__).resolve().parent.parent / "vectors"

NOW = 1_800_000_000
DAY = 86_400
TENANT = "acme"
SUBJECT: Json = {"int": "42"}
IDS = {"app": 0x0A000001, "support": 0x0B000001, "marketing": 0x0C000001, "billing": 0x0D000001}
NEW_APP, ENVELOPE, NEW_ENVELOPE = 0x0A000002, 0x0E000001, 0x0E000002

CONTACT: Json = {"name": "contact", "readers": ["app", "support"], "consent": ["marketing", "billing"]}
NOTES: Json = {"name": "notes"}
FINANCIAL: Json = {"name": "financial", "retain_days": 365}


def fixed(name: str, length: int = 32) -> str:
    return hashlib.sha256(f"changes: {name}".encode()).digest()[:length].hex()


def key(number: int, use: str, name: str, state: str = "primary") -> Json:
    secret = fixed(f"secret {number}")
    return {"form": "symmetric", "id": number, "name": name, "secret": secret, "state": state, "use": use}


def ring(*roles: str, **more: Any) -> Json:
    keys = [key(IDS[role], "wrap", role) for role in roles]
    given = more.get("keys", [key(ENVELOPE, "envelope", "envelope")])
    return {"keys": sorted([*keys, *given], key=lambda one: int(one["id"]))}


ALL = ring(*IDS)
LACKING = ring(
    "app",
    "marketing",
    keys=[
        key(IDS["support"], "wrap", "support", "disabled"),
        key(ENVELOPE, "envelope", "envelope"),
    ],
)
ROTATED = ring(
    "support",
    "billing",
    keys=[
        key(IDS["app"], "wrap", "app", "open-only"),
        key(NEW_APP, "wrap", "app"),
        key(IDS["marketing"], "wrap", "marketing", "disabled"),
        key(ENVELOPE, "envelope", "envelope", "open-only"),
        key(NEW_ENVELOPE, "envelope", "envelope"),
    ],
)


def ask(op: str, **request: Any) -> Json:
    answered: Json = serve.answer(json.dumps({"op": op, **request}))
    assert "bug" not in answered, answered["bug"]
    return answered


def whose(of: Json, now: int = NOW) -> Json:
    return {"ring": of, "tenant": TENANT, "subject": SUBJECT, "now": now}


def made(*classes: Json, of: Json = ALL, now: int = NOW) -> str:
    answered = ask("create", classes=list(classes), seed=fixed("create"), **whose(of, now))
    data: str = answered["ok"]["envelope"]
    return data


def changed(before: str, *changes: Json, of: Json = ALL, now: int = NOW) -> str:
    answered = ask("edit", envelope=before, changes=list(changes), seed=fixed("before"), **whose(of, now))
    data: str = answered["ok"]["envelope"]
    return data


def with_entries(entries: list[envelope.Entry], version: int = 3) -> str:
    """An envelope of these entries, with a right MAC."""
    of = convert.ring(ALL)
    whose_ = check_tenant(TENANT), subject_id(convert.id_(SUBJECT))
    return envelope.write(version, entries, of, *whose_).hex()


def entries_of(data: str) -> list[envelope.Entry]:
    return list(envelope.parse(bytes.fromhex(data)).entries)


def long_hex(data: str) -> Any:
    """Hex, with the longest run of zeros counted where it is long."""
    for run in range(65_535, 255, -1):
        at = data.find("00" * run)
        if at >= 0 and at % 2 == 0:
            return [data[:at], {"byte": "00", "times": run}, data[at + 2 * run :]]
    return data


def drawn(before: str | None, after: str) -> Json:
    """What is new in the envelope: data keys, nonces of wraps, and tags that are random bytes."""
    known = [] if before is None else envelope.parse(bytes.fromhex(before)).classes
    everything = convert.ring(ring(*IDS, keys=[key(NEW_APP, "wrap", "new-app")]))
    tenant, subject = check_tenant(TENANT), subject_id(convert.id_(SUBJECT))
    had = {(e.cls, e.generation) for e in known}
    old = {(e.cls, e.generation, r) for e in known if isinstance(e, envelope.Live) for r in e.recipients}
    out: Json = {"data_keys": [], "nonces": [], "tags": []}
    for e in envelope.parse(bytes.fromhex(after)).classes:
        at = {"class": e.cls, "generation": e.generation}
        if isinstance(e, envelope.Erased):
            if (e.cls, e.generation) not in had and not is_empty_mark(e):
                out["tags"].append({**at, "tag": e.tag.hex()})
            continue
        if (e.cls, e.generation) not in had:
            tried = envelope.unwrap(e, everything, tenant, subject, False).all
            data_key = next(t.data_key for t in tried if t.data_key is not None)
            out["data_keys"].append({**at, "data_key": data_key.hex()})
        for r in e.recipients:
            if (e.cls, e.generation, r) not in old:
                nonce = r.wrapped[:24].hex()
                out["nonces"].append({**at, "key_id": r.key_id, "nonce": nonce})
    return out


def positive(
    about: str, covers: list[str], before: str, *changes: Json, of: Json = ALL, now: int = NOW, **more: Any
) -> Json:
    request = {**whose(of, now), "envelope": before, "seed": fixed(about), "changes": list(changes), **more}
    answered = ask("edit", **request)["ok"]
    after = answered["envelope"]
    return {
        "about": about,
        "covers": ["ED-15", "ED-16", *covers],
        "kind": "change",
        "error": None,
        **{**request, "envelope": long_hex(before)},
        "after": long_hex(after),
        "unchanged": after == before,
        "drawn": drawn(before, after),
        **{name: answered[name] for name in ("acts", "unproven", "not_lifted", "to_renew")},
    }


def do(what: str, cls: Json | str | None = None, **more: Any) -> Json:
    return {"do": what, **({} if cls is None else {"class": cls}), **more}


def named(cls: Json, *roles: str) -> Json:
    return {**cls, "consented": list(roles)}


GRANT = do("grant", CONTACT, role="marketing", history=True)
RENEW = do("renew", CONTACT)


def positives() -> dict[str, Json]:
    contact = made(CONTACT)
    consented = changed(contact, GRANT)
    two = changed(consented, RENEW, now=NOW + 10)
    both = changed(consented, do("grant", CONTACT, role="billing", history=True))
    withdraw = do("withdraw", CONTACT, role="marketing")
    stranger = entries_of(two)
    highest = stranger[-1]
    assert isinstance(highest, envelope.Live)
    unknown = envelope.Recipient(1, 0x7F000001, bytes(72))
    later_kind = envelope.Recipient(9, 0x7F000002, b"later")
    last = sorted([*highest.recipients, unknown, later_kind], key=lambda r: r.key_id)
    stranger[-1] = envelope.Live(**{**highest.__dict__, "recipients": tuple(last)})
    strange = with_entries(stranger)
    closed_at = with_entries(
        [_at(entries_of(consented)[0], 65_534)], version=9
    )
    gone = changed(made(CONTACT, NOTES), do("erase-class", "contact"))
    masked = made(CONTACT, {"name": "mask.contact", "readers": ["support"]}, NOTES)
    kept = made(FINANCIAL, NOTES)
    full = _filled(entries_of(consented), 65_535)
    case = positive
    return {
        "ensure": case("a class is begun for its readers", ["ED-6", "GN-6", "GN-7"], contact, do("ensure", NOTES)),
        "ensure-for-consented-readers": case(
            "a class is begun for a reader who has consented from the start",
            ["ED-6", "GN-7", "GN-10", "LG-7"],
            made(NOTES),
            do("ensure", named(CONTACT, "billing")),
        ),
        "ensure-what-is-there": case(
            "a class that has an entry, though erased, stays as it is", ["ED-6", "ED-17"], gone, do("ensure", CONTACT)
        ),
        "renew": case(
            "the next generation, for the readers and for those whose consent is proven",
            ["ED-7", "GN-4", "GN-6", "GN-9", "GN-10"], consented, RENEW, now=NOW + 5,
        ),
        "renew-for-named-readers": case(
            "who has consented is named, and nothing is read from the envelope for it",
            ["ED-7", "GN-10", "LG-7"], strange, do("renew", named(CONTACT, "billing")), of=ring("app", "support", "billing"),
        ),
        "renew-over-an-erased-generation": case(
            "over an erased generation nobody has consented", ["ED-7", "GN-5", "GN-10"], gone, RENEW
        ),
        "renew-with-retention": case(
            "created_at + P + R", ["ED-7", "RT-2", "RT-3"], kept, do("renew", FINANCIAL), now=NOW + 40 * DAY
        ),
        "rewrap": case(
            "wrapped again under newer ring keys; what is not proven stays and is reported",
            ["ED-8", "ED-9", "GN-9", "RK-5", "ST-2"], strange, do("rewrap", declared=[CONTACT]), of=ROTATED,
        ),
        "rewrap-without-classes": case(
            "no class is given: the MAC is made again, and every generation is reported",
            ["ED-8", "ED-9", "MAC-2"], two, do("rewrap", declared=[]), of=ROTATED,
        ),
        "rewrap-of-an-erased-subject": case(
            "the version grows and the MAC is made again, beside 0x03 too",
            ["ED-5", "ED-8"], changed(contact, do("erase-subject")), do("rewrap", declared=[CONTACT]), of=ROTATED,
        ),
        "grant-with-history": case(
            "the role is added to every live generation", ["ED-10", "LG-7"], two, do("grant", CONTACT, role="billing", history=True)
        ),
        "grant-without-history": case(
            "a generation is begun for the role, and for those who have consented",
            ["ED-10", "GN-10", "LG-7"], consented, do("grant", CONTACT, role="billing", history=False),
        ),
        "grant-without-history-for-named-readers": case(
            "the others who have consented are named",
            ["ED-10", "GN-10", "LG-7"], contact, do("grant", named(CONTACT, "marketing"), role="billing", history=False),
        ),
        "withdraw": case(
            "out of every generation, and the next is begun for those who remain",
            ["ED-11", "GN-10", "LG-7"], changed(both, RENEW), withdraw, now=NOW + 9,
        ),
        "withdraw-naming-who-remains": case(
            "all go that are not of a declared or named reader, unknown ids and kinds included",
            ["ED-11", "GN-10", "LG-7"], strange, do("withdraw", named(CONTACT), role="billing"),
        ),
        "withdraw-what-is-not-granted": case(
            "nothing is removed, and a ledger is told all the same", ["ED-11", "LG-7"], contact, withdraw
        ),
        "withdraw-the-last-reader": case(
            "without a reader the highest generation becomes erased, and none is begun",
            ["ED-11"],
            made({**CONTACT, "readers": [], "consented": ["marketing"]}),
            do("withdraw", {**CONTACT, "readers": []}, role="marketing"),
        ),
        "withdraw-where-a-reader-has-no-key": case(
            "the next generation cannot be wrapped, so the class is closed",
            ["ED-11", "GN-6"], consented, withdraw, of=LACKING,
        ),
        "withdraw-from-the-last-number": case(
            "number 65,535 is left to a withdrawal that closes the class", ["ED-11", "GN-4"], closed_at, withdraw
        ),
        "withdraw-from-a-full-envelope": case(
            "no room for the next generation, so the class is closed", ["ED-11", "ED-19", "KE-1"], full, withdraw
        ),
        "renew-a-closed-class": case(
            "a renewal opens a closed class again",
            ["ED-7", "ED-11"],
            changed(consented, withdraw, of=LACKING),
            RENEW,
        ),
        "erase-a-class-and-its-masks": case(
            "live entries become erased in their place", ["ED-12", "ED-13", "LG-7", "EE-1"], masked, do("erase-class", "contact")
        ),
        "erase-older-generations": case("all but the highest", ["ED-18"], two, do("erase-older", "contact")),
        "erase-what-was-resealed": case(
            "below the generation that is 25 hours old", ["ED-20"],
            changed(two, RENEW, now=NOW + 90_001), do("erase-resealed", "contact", generation=3), now=NOW + 90_010,
        ),
        "erase-a-subject": case("every entry, and the mark", ["ED-14", "EE-2", "LG-7"], two, do("erase-subject")),
        "erase-a-subject-again": case(
            "nothing changes, and a ledger is told all the same", ["ED-5", "ED-14", "LG-7"],
            changed(contact, do("erase-subject")), do("erase-subject"),
        ),
        "sweep": case("what has expired, and nothing else", ["RT-6", "ED-12"], kept, do("sweep"), now=NOW + 400 * DAY),
        "sweep-where-nothing-has-expired": case("nothing changes", ["RT-6"], kept, do("sweep"), now=NOW + 364 * DAY),
        "prune": case(
            "all before the mark that shows from what the class was begun", ["RT-7", "ED-21"],
            changed(changed(two, do("erase-class", "contact")), RENEW), do("prune"),
        ),
        "prune-what-was-resealed": case(
            "of what was erased above the mark, the last is kept", ["RT-7", "ED-21"],
            changed(changed(changed(two, do("erase-class", "contact")), RENEW, RENEW), RENEW, do("erase-older", "contact"), now=NOW + DAY),
            do("prune"), now=NOW + DAY,
        ),
        "several-changes": case(
            "each on the result of the one before, in one version", ["ED-2"],
            contact, GRANT, RENEW, do("withdraw", CONTACT, role="marketing"), do("ensure", NOTES), do("erase-class", "notes"),
        ),
        **_standalones(),
        **_resealings(),
    }


def _at(entry: envelope.Entry, generation: int) -> envelope.Entry:
    """The same readers, at another number."""
    assert isinstance(entry, envelope.Live)
    of = convert.ring(ALL)
    editor = Editor(of, check_tenant(TENANT), subject_id(convert.id_(SUBJECT)), NOW, crypto.Generator(bytes.fromhex(fixed("at"))))
    roles = [role for r in entry.recipients if (role := of.role_of(r.key_id))]
    editor._begin(entry.cls, generation, 0, roles)
    return editor.entries[0]


def _filled(entries: list[envelope.Entry], length: int) -> str:
    """With a class that takes what is left, by a recipient of a later kind."""
    def of(size: int) -> list[envelope.Entry]:
        filler = envelope.Recipient(9, 0x7F000001, bytes(size))
        commitment = bytes.fromhex(fixed("filler"))
        return [*entries, envelope.Live("zz", 1, 1, NOW, 0, commitment, (filler,))]

    return with_entries(of(length - envelope_len(of(0))))


def envelope_len(entries: list[envelope.Entry]) -> int:
    return len(bytes.fromhex(with_entries(entries)))


def _standalones() -> dict[str, Json]:
    def file(about: str, covers: list[str], readers: list[str], roles: list[str], of: Json) -> Json:
        sealed = ask(
            "standalone-seal", ring=ALL, tenant=TENANT, now=NOW, readers=roles, context="6e6f746520 37".replace(" ", ""),
            bytes=b"call back".hex(), seed=fixed("standalone"),
        )
        before = sealed["ok"]["envelope"]
        request = {"ring": of, "tenant": TENANT, "now": NOW + 5, "readers": readers, "envelope": before}
        answered = ask("standalone-rewrap", seed=fixed(about), **request)["ok"]
        return {
            "about": about, "covers": ["SA-7", *covers], "kind": "standalone-change", "error": None,
            **request, "seed": fixed(about), "after": answered["envelope"],
            "unproven": answered["unproven"], "not_lifted": answered["not_lifted"],
        }

    return {
        "standalone-rewrap": file("a standalone envelope under newer ring keys", ["ED-8"], [], ["app"], ROTATED),
        "standalone-rewrap-for-readers": file(
            "the readers that are named, one of whom the ring has not", ["ED-8", "ED-9"],
            ["app", "marketing"], ["app", "marketing"], ROTATED,
        ),
        "standalone-rewrap-not-lifted": file(
            "a ring that opens it as no reader makes the MAC again, and says so", ["ED-9"],
            ["marketing"], ["marketing"], ROTATED,
        ),
    }


def _resealings() -> dict[str, Json]:
    first = made(CONTACT)
    second = changed(first, RENEW, now=NOW + 10)
    spec = {
        "record": "customer", "field": "email", "row": {"int": "7"}, "class": CONTACT, "was": None,
        "pad": 16, "hide_absence": False, "type": "text",
    }

    def sealed(at: str, **more: Any) -> str:
        given = {**spec, **more, "value": {"t": "text", "v": "ada@example.com"}}
        answered = ask("seal", envelope=at, fields=[given], seed=fixed("value"), **whose(ALL))
        out: str = answered["ok"]["sealed"][0]
        return out

    def file(about: str, covers: list[str], at: str, value: str, now: int = NOW + 20, **more: Any) -> Json:
        field = {**spec, **more, "sealed": value}
        request = {**whose(ALL, now), "envelope": at, "field": field, "seed": fixed(about)}
        answered = ask("reseal", **request)["ok"]
        return {
            "about": about, "covers": ["GN-14", *covers], "kind": "reseal", "error": None, **request,
            "after": answered["sealed"],
        }

    moved = {**NOTES, "name": "address"}
    both = changed(first, do("ensure", moved))
    return {
        "reseal": file("a value under an older generation", ["RN-3"], second, sealed(first)),
        "reseal-of-the-newest": file("what lies under the highest generation stays", [], second, sealed(second)),
        "reseal-of-a-former-class": file(
            "a value of the former class moves", ["OP-2"], both, sealed(both), **{"class": moved, "was": CONTACT}
        ),
        "reseal-of-what-is-erased": file(
            "an erased value stays", ["OP-1"], changed(second, do("erase-older", "contact")), sealed(first)
        ),
    }


def all_files() -> dict[str, Json]:
    return {**positives(), **change_refusals.refusals()}


def rendered() -> dict[str, str]:
    return {
        f"{name}.json": json.dumps(file, indent=2, ensure_ascii=True) + "\n" for name, file in all_files().items()
    }


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: change_vectors.py --write: it writes its directory anew")
    folder = VECTORS / "changes"
    folder.mkdir(exist_ok=True)
    for path in folder.glob("*.json"):
        path.unlink()
    for name, text in rendered().items():
        (folder / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
