"""The negative vectors of ring documents that reading refuses [RF-10]: one fault each."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

from fieldseal_ref import save
from fieldseal_ref.spelling import to_base64
from ring_positives import (
    EVERY_STATE,
    KMS,
    PASSPHRASE,
    SEARCHING,
    SMALL,
    VERIFYING,
    Files,
    Json,
    by_key,
    by_passphrase,
    by_service,
    by_shares,
    document,
    fixed,
    lines,
    unprotected,
)

Change = Callable[[Json], Any]

# One slot of each kind: a passphrase, a key, custodians, a service.
BASE = document(
    "what the faults are made of",
    [],
    SMALL,
    [
        by_passphrase(1, PASSPHRASE),
        by_key(2),
        by_shares(3, 2, 3),
        by_service(4, *KMS, fixed("what the service gave")),
    ],
    generation=5,
)
SHORT = document("one slot", [], SMALL, [by_key(1)])
STATES = document("every state", [], EVERY_STATE, [by_key(1)])
PUBLIC = document("public halves", [], VERIFYING, [by_key(1)])
SCOPED = document("derived keys", [], SEARCHING, [by_key(1)])


def text_of(file: Json) -> str:
    return "\n".join(file["document"])


def members_of(file: Json) -> Json:
    out: Json = json.loads(text_of(file))
    return out


def changed(file: Json, change: Change) -> str:
    """The document with its members changed."""
    members = copy.deepcopy(members_of(file))
    change(members)
    return save.text(members)


def refusal(operation: str, error: str, about: str, covers: list[str], text: str) -> Json:
    file = {"about": about, "covers": covers, "error": error, "kind": "refusal"}
    return {**file, "operation": operation, "document": lines(text)}


class Faults:
    """Faults of one clause, named after it."""

    def __init__(self, clause: str, of: Json = SHORT) -> None:
        self.clause, self.of = clause, of
        self.files: Files = {}

    def text(self, name: str, text: str, error: str = "malformed") -> None:
        about = f"a document that breaks {self.clause}: {name.replace('-', ' ')}"
        covers = ["RF-10", self.clause]
        named = f"{self.clause.lower().replace('-', '')}-{name}"
        assert named not in self.files, named
        self.files[named] = refusal("ring-read", error, about, covers, text)

    def spelled(self, name: str, old: str, new: str, error: str = "malformed") -> None:
        text = text_of(self.of)
        assert old in text, (name, old)
        self.text(name, text.replace(old, new, 1), error)

    def change(self, name: str, change: Change, error: str = "malformed") -> None:
        self.text(name, changed(self.of, change), error)

    def key(self, name: str, at: int, /, **of: Any) -> None:
        self.change(name, lambda m: m["keys"][at].update(of))

    def slot(self, name: str, at: int, error: str = "malformed", /, **of: Any) -> None:
        self.change(name, lambda m: m["slots"][at].update(of), error)


def _of_json() -> Files:
    """[RF-1]: JSON, the object, its version."""
    faults = Faults("RF-1")
    text = text_of(SHORT)
    for name, of in (
        ("empty", ""),
        ("white-space", " \n"),
        ("cut", text[: len(text) // 2]),
        ("cut-before-the-end", text[:-2]),
        ("byte-order-mark", "\ufeff" + text),
        ("list", f"[{text}]"),
        ("list-of-members", json.dumps(list(members_of(SHORT).values()))),
        ("number", "1"),
        ("null", "null"),
        ("twice", text + text),
        ("more-behind-it", text + "x"),
        ("comment", text.replace("{", "{ // what it is\n", 1)),
        ("comma-behind-the-last", text.replace('Z"\n}', 'Z",\n}')),
        ("single-quotes", text.replace('"ring/1"', "'ring/1'")),
        ("control-character", text.replace('"server"', '"ser\tver"')),
        ("no-escape", text.replace('"server"', '"ser\\x76er"')),
        ("other-white-space", text.replace("{", "{\u00a0", 1)),
    ):
        assert of != text, name
        faults.text(name, of)
    for name, version, error in (
        ("version-0", "ring/0", "unsupported"),
        ("version-2", "ring/2", "unsupported"),
        ("version-11", "ring/11", "unsupported"),
        ("version-without-number", "ring/", "unsupported"),
        ("version-behind-white-space", " ring/1", "malformed"),
        ("version-upper-case", "Ring/1", "malformed"),
        ("version-of-something-else", "backup/1", "malformed"),
        ("version-empty", "", "malformed"),
        ("version-number", 1, "malformed"),
        ("version-null", None, "malformed"),
    ):
        faults.change(name, lambda m, v=version: m.update(fieldseal=v), error)  # type: ignore[misc]
    faults.spelled("version-with-a-lone-surrogate", '"ring/1"', '"ring/\\ud800"')
    twice = '"fieldseal": "ring/1"'
    faults.spelled("version-twice", twice, f"{twice}, {twice}")

    def later(members: Json) -> None:
        members["fieldseal"] = "ring/2"
        members["sealing"] = {"by": [1.5e3, None]}
        del members["secrets"]

    faults.change("version-2-with-other-members", later, "unsupported")
    members = members_of(SHORT)
    for name in sorted(set(members) - {"secrets"}):
        faults.change(f"no-{name.replace('_', '-')}", lambda m, n=name: m.pop(n))  # type: ignore[misc]
    faults.change("no-secrets", lambda m: m.pop("secrets"))
    faults.change("more", lambda m: m.update(more=1))
    faults.change("generation-0", lambda m: m.update(generation=0))
    faults.change("generation-2-to-the-53", lambda m: m.update(generation=2**53))
    faults.change("master-0", lambda m: m.update(master=0))
    bare = unprotected("an unprotected ring", [], SMALL)
    faults.text("master-of-an-unprotected", changed(bare, lambda m: m.update(master=1)))
    faults.text("master-0-of-an-unprotected", changed(bare, lambda m: m.update(master=0)))
    faults.change("slots-none", lambda m: m.update(slots=[]))
    faults.change("unprotected-too", lambda m: m.update(unprotected=""))
    faults.change("unprotected-with-slots", lambda m: m.update(unprotected=m.pop("secrets")))
    return faults.files


def _of_spelling() -> Files:
    """[RF-2]"""
    faults = Faults("RF-2", BASE)
    for name, of in (
        ("fraction", "5.0"),
        ("exponent", "5e0"),
        ("sign", "-5"),
        ("zero-with-sign", "-0"),
        ("zero-in-front", "05"),
        ("too-wide", "18446744073709551616"),
        ("text", '"5"'),
        ("list", "[5]"),
        ("null", "null"),
        ("constant", "NaN"),
    ):
        faults.spelled(f"integer-{name}", '"generation": 5', f'"generation": {of}')
    for name, old in (
        ("document", '"generation": 5'),
        ("key", '"holds": "secret"'),
        ("slot", '"label": "server"'),
    ):
        faults.spelled(f"twice-in-a-{name}", old, f"{old}, {old}")
    faults.spelled(
        "twice-and-escaped", '"holds": "secret"', '"holds": "secret", "\\u0068olds": "x"'
    )
    scoped = Faults("RF-2", SCOPED)
    scoped.spelled("twice-in-a-scope", '"tenant": ""', '"tenant": "", "tenant": ""')
    scoped.change("more-in-a-scope", lambda m: m["keys"][2]["derived"][0].update(more=1))
    scoped.change("null-in-a-scope", lambda m: m["keys"][2]["derived"][0].update(purpose=None))
    scoped.change("scope-is-a-text", lambda m: m["keys"][2]["derived"].insert(0, "all"))
    faults.files |= scoped.files
    faults.change("more-in-a-key", lambda m: m["keys"][0].update(secret="00"))
    faults.change("more-in-a-slot", lambda m: m["slots"][1].update(passphrase="00"))
    for name, change in (
        ("null-beside-secrets", lambda m: m.update(unprotected=None)),
        ("null-time-of-a-key", lambda m: m["keys"][0].update(created_at=None)),
        ("null-hint-of-a-key", lambda m: m["keys"][0].update(rotate_after_days=None)),
        ("null-scopes-of-a-key", lambda m: m["keys"][0].update(derived=None)),
        ("null-public-of-a-key", lambda m: m["keys"][0].update(public=None)),
        ("null-salt-of-a-key-slot", lambda m: m["slots"][1].update(salt=None)),
        ("null-wrapped", lambda m: m["slots"][1].update(wrapped=None)),
        ("master-null", lambda m: m.update(master=None)),
        ("master-is-a-text", lambda m: m.update(master="1")),
        ("master-too-wide", lambda m: m.update(master=2**32)),
        ("master-too-wide-by-its-low-bits", lambda m: m.update(master=2**32 + 1)),
        ("master-with-sign", lambda m: m.update(master=-1)),
        ("keys-are-an-object", lambda m: m.update(keys={})),
        ("slots-are-an-object", lambda m: m.update(slots={"1": m["slots"][0]})),
        ("key-is-a-text", lambda m: m["keys"].insert(0, "0a000000")),
        ("secrets-are-a-list", lambda m: m.update(secrets=[m["secrets"]])),
        ("label-is-a-number", lambda m: m["slots"][1].update(label=1)),
        ("slot-id-is-a-text", lambda m: m["slots"][1].update(id="2")),
        ("name-is-true", lambda m: m["keys"][0].update(name=True)),
        ("hint-too-wide", lambda m: m["keys"][0].update(rotate_after_days=2**32)),
        ("slot-id-too-wide", lambda m: m["slots"][3].update(id=65_536)),
        ("threshold-too-wide", lambda m: m["slots"][2].update(threshold=258)),
        ("passes-too-wide", lambda m: m["slots"][0].update(passes=2**32 + 1)),
        ("id-upper-case", lambda m: m.update(id=m["id"].upper())),
        ("id-too-short", lambda m: m.update(id=m["id"][2:])),
        ("id-too-long", lambda m: m.update(id=m["id"] + "00")),
        ("id-odd", lambda m: m.update(id=m["id"] + "0")),
        ("id-no-hex", lambda m: m.update(id="g" * 32)),
        ("id-with-hyphens", lambda m: m.update(id="8badf00d-0011-2233-4455-66778899")),
    ):
        faults.change(name, change)
    for name, of in (
        ("lone-surrogate", "\\ud800"),
        ("surrogates-turned", "\\udc00\\ud800"),
        ("cut-escape", "\\u00"),
    ):
        faults.spelled(name, '"server"', f'"{of}"')
    for name, time in (
        ("empty", ""),
        ("of-a-day", "2027-01-15"),
        ("without-zone", "2027-01-15T08:00:00"),
        ("of-another-zone", "2027-01-15T09:00:00+01:00"),
        ("with-zone-spelled", "2027-01-15T08:00:00+00:00"),
        ("lower-case", "2027-01-15t08:00:00z"),
        ("with-a-space", "2027-01-15 08:00:00Z"),
        ("with-fraction", "2027-01-15T08:00:00.5Z"),
        ("with-zero-fraction", "2027-01-15T08:00:00.0Z"),
        ("without-seconds", "2027-01-15T08:00Z"),
        ("of-no-day", "2027-02-29T08:00:00Z"),
        ("of-no-hour", "2027-01-15T24:00:00Z"),
        ("leap-second", "2016-12-31T23:59:60Z"),
        ("before-1970", "1969-12-31T23:59:59Z"),
        ("too-late", "9999-12-30T22:00:01Z"),
        ("of-five-digits", "+10000-01-01T00:00:00Z"),
    ):
        faults.change(f"time-{name}", lambda m, t=time: m.update(written_at=t))  # type: ignore[misc]
    faults.key("time-of-a-key", 0, created_at="yesterday")
    faults.slot("time-of-a-slot", 1, created_at="yesterday")
    # 104 bytes leave two bits over.
    for name, change in (
        ("padding", lambda of: of + "="),
        ("spare-bits", lambda of: of[:-1] + chr(ord(of[-1]) + 1)),
        ("other-alphabet", lambda of: "+" + of[1:]),
        ("white-space", lambda of: of[:70] + "\n" + of[70:]),
        ("length-1-modulo-4", lambda of: of + "AA"),
    ):

        def respell(members: Json, change: Callable[[str], str] = change) -> None:
            slot = members["slots"][1]
            assert slot["wrapped"][-1] in "AEIMQUYcgkosw048"
            slot["wrapped"] = change(slot["wrapped"])

        faults.change(f"base64url-{name}", respell)
    return faults.files


def _of_limits() -> Files:
    """[RF-3]"""
    faults = Faults("RF-3")

    def slots(members: Json) -> None:
        members["slots"] = [{**members["slots"][0], "id": number} for number in range(1, 18)]

    faults.change("slots-17", slots)
    faults.text("too-long", text_of(SHORT))
    text = text_of(SHORT).encode()
    faults.files["rf3-too-long"]["spaces_behind"] = 64 * 2**20 + 1 - len(text)
    return faults.files


def _of_keys() -> Files:
    """12.3, [RF-13]"""
    faults = Faults("RF-13", STATES)
    keys = members_of(STATES)["keys"]
    at = {(key["use"], key["name"], key["state"]): number for number, key in enumerate(keys)}
    pair = at["wrap", "doctor", "primary"]
    destroyed = at["wrap", "app", "destroyed"]
    envelope = at["envelope", "envelope", "primary"]
    index = at["index", "index", "primary"]
    sign = at["sign", "sign", "primary"]
    other_key = to_base64(fixed("other public key"))
    for name, number, of in (
        ("id-0", 0, {"id": "00000000"}),
        ("id-upper-case", 0, {"id": "0A000001"}),
        ("id-too-short", 0, {"id": "0a0001"}),
        ("id-too-long", 0, {"id": "000a000001"}),
        ("use-unknown", 0, {"use": "seal"}),
        ("use-signs", sign, {"use": "signs"}),
        ("use-upper-case", 0, {"use": "Wrap"}),
        ("state-unknown", 0, {"state": "retired"}),
        ("state-open_only", 1, {"state": "open_only"}),
        ("holds-unknown", 0, {"holds": "everything"}),
        ("name-empty", 0, {"name": ""}),
        ("name-upper-case", 0, {"name": "App"}),
        ("name-with-a-digit-first", 0, {"name": "1app"}),
        ("name-too-long", 0, {"name": "a" * 65}),
        ("name-of-another-use", envelope, {"name": "app"}),
        ("name-fixed-of-another-use", index, {"name": "pseudonym"}),
        ("pair-of-another-use", envelope, {"holds": "key-pair", "public": other_key}),
        ("writer-half-of-another-use", index, {"holds": "writer-half", "public": other_key}),
        ("pair-that-signs", sign, {"holds": "key-pair", "public": other_key}),
        ("writer-half-that-signs", sign, {"holds": "writer-half", "public": other_key}),
        ("derived-that-signs", sign, {"holds": "derived", "derived": []}),
        ("name-of-a-role-that-signs", sign, {"name": "app"}),
        ("destroyed-with-a-secret", destroyed, {"holds": "secret"}),
        ("public-of-a-secret", 0, {"public": other_key}),
        ("public-of-a-name", destroyed, {"public": other_key}),
        ("public-too-short", pair, {"public": other_key[:-2]}),
        ("public-too-long", pair, {"public": to_base64(bytes(33))}),
        ("public-padded", pair, {"public": other_key + "="}),
        ("public-spare-bits", pair, {"public": "A" * 42 + "B"}),
        ("public-hex", pair, {"public": fixed("other public key").hex()}),
        ("scopes-of-a-secret", index, {"derived": []}),
        ("primary-twice", at["wrap", "app", "open-only"], {"state": "primary"}),
        ("primary-twice-one-by-name", destroyed, {"state": "primary"}),
    ):
        faults.key(name, number, **of)
    faults.change("public-missing", lambda m: m["keys"][pair].pop("public"))
    faults.change("order", lambda m: m["keys"].insert(0, m["keys"].pop(1)))
    faults.change("id-twice", lambda m: m["keys"][1].update(id=m["keys"][0]["id"]))
    faults.change("key-twice", lambda m: m["keys"].insert(destroyed, m["keys"][destroyed]))
    for name in ("holds", "id", "name", "state", "use"):
        faults.change(f"no-{name}", lambda m, n=name: m["keys"][0].pop(n))  # type: ignore[misc]
    return faults.files


# Encodings of the points whose order divides 8, canonical and not.
SMALL_ORDER = {
    "1": "01" + "00" * 31,
    "2": "ec" + "ff" * 30 + "7f",
    "4": "00" * 32,
    "4-negative": "00" * 31 + "80",
    "8": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05",
    "8-negative": "26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc85",
    "8-other": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac037a",
    "8-other-negative": "c7176a703d4dd84fba3c0b760d10670f2a2053fa2c39ccc64ec7fd7792ac03fa",
}
NO_POINT = {
    "off-the-curve": "02" + "00" * 31,
    "y-unreduced": "f0" + "ff" * 30 + "7f",
    "y-unreduced-of-order-1": "ee" + "ff" * 30 + "7f",
    "y-unreduced-of-order-4": "ed" + "ff" * 30 + "7f",
    "x-0-with-a-sign": "01" + "00" * 30 + "80",
    "x-0-with-a-sign-of-order-2": "ec" + "ff" * 31,
    "all-ones": "ff" * 32,
}
BAD_POINTS = {**{f"order-{name}": of for name, of in SMALL_ORDER.items()}, **NO_POINT}


def _of_public_halves() -> Files:
    """[RF-31] [RK-10]"""
    faults = Faults("RF-31", PUBLIC)
    keys = members_of(PUBLIC)["keys"]
    at = next(n for n, key in enumerate(keys) if key["holds"] == "public")
    good = bytes.fromhex(VERIFYING["keys"][at]["public"])
    for name, bad in BAD_POINTS.items():
        faults.key(name, at, public=to_base64(bytes.fromhex(bad)))
    faults.key("too-short", at, public=to_base64(good[:-1]))
    faults.key("too-long", at, public=to_base64(good + b"\0"))
    faults.key("padded", at, public=to_base64(good) + "=")
    faults.key("hex", at, public=good.hex())
    faults.key("of-a-secret", at, holds="secret")
    faults.key("of-a-name", at, holds="name-only")
    faults.key("of-a-destroyed-key", at, state="destroyed")
    faults.key("of-an-index-key", at, use="index", name="index")
    faults.key("of-an-envelope-key", at, use="envelope", name="envelope")
    faults.key("of-a-role", at, use="wrap", name="app")
    faults.change("missing", lambda m: m["keys"][at].pop("public"))
    faults.change("primary-twice", lambda m: m["keys"][at + 1].update(state="primary"))
    faults.change("scopes-too", lambda m: m["keys"][at].update(derived=[]))
    secret = Faults("RF-31", STATES)
    signing = next(n for n, key in enumerate(members_of(STATES)["keys"]) if key["use"] == "sign")
    secret.key("of-a-key-that-signs", signing, public=to_base64(good))
    secret.key("in-place-of-a-secret", signing, holds="public")
    assert not faults.files.keys() & secret.files.keys()
    return {**faults.files, **secret.files}


def _of_scopes() -> Files:
    """[RF-14]"""
    faults = Faults("RF-14", SCOPED)
    numbers = [n for n, key in enumerate(members_of(SCOPED)["keys"]) if key["holds"] == "derived"]
    index, pseudonym = numbers[0], numbers[2]

    def scopes(name: str, change: Callable[[list[Json]], Any], at: int = index) -> None:
        faults.change(name, lambda m: change(m["keys"][at]["derived"]))

    scopes("none", lambda of: of.clear())
    scopes("order", lambda of: of.insert(0, of.pop()))
    scopes("twice", lambda of: of.insert(1, of[0]))
    scopes("prefix-second", lambda of: of.insert(2, of.pop(3)))
    scopes("order-of-purposes", lambda of: of.reverse(), pseudonym)
    scopes("index-missing", lambda of: of[0].pop("index"))
    scopes("record-missing", lambda of: of[0].pop("record"))
    scopes("tenant-missing", lambda of: of[0].pop("tenant"))
    scopes("purpose-too", lambda of: of[0].update(purpose="analytics"))
    scopes("of-the-other-use", lambda of: of.__setitem__(0, {"tenant": "", "purpose": "p"}))
    scopes("record-of-a-purpose", lambda of: of[0].update(record="customer"), pseudonym)
    scopes("tenant-too-long", lambda of: of[-1].update(tenant="\u00e9" * 33))
    scopes("index-no-name", lambda of: of[0].update(index="E-mail"))
    scopes("record-empty", lambda of: of[0].update(record=""))
    scopes("purpose-no-name", lambda of: of[0].update(purpose="a b"), pseudonym)
    faults.change("missing", lambda m: m["keys"][index].pop("derived"))
    faults.key("of-a-secret", index, holds="secret")
    faults.key("of-a-name", index, holds="name-only")
    faults.key("of-a-role", 0, holds="derived", derived=[{"tenant": "", "purpose": "p"}])
    return faults.files


def _of_slots() -> Files:
    """12.4, [RF-8] [RF-9] [RF-15]"""
    faults = Faults("RF-9", BASE)
    passphrase, key, recovery, service = range(4)
    wrapped = fixed("a") + fixed("b") + fixed("c") + fixed("d")[:8]
    for name, at, of in (
        ("id-0", passphrase, {"id": 0}),
        ("id-twice", key, {"id": 1}),
        ("order", passphrase, {"id": 9}),
        ("label-too-long", key, {"label": "\u00e9" * 32 + "x"}),
        ("label-with-an-escape", key, {"label": "\x1b[2J"}),
        ("label-with-a-line-feed", key, {"label": "a\nb"}),
        ("label-with-delete", key, {"label": "\x7f"}),
        ("label-with-a-later-control", key, {"label": "\u0085"}),
        ("wrapped-too-short", key, {"wrapped": to_base64(wrapped[:-1])}),
        ("wrapped-too-long", key, {"wrapped": to_base64(wrapped + b"\0")}),
        ("wrapped-empty", key, {"wrapped": ""}),
        ("key-with-salt", key, {"salt": "00" * 16}),
        ("key-with-threshold", key, {"threshold": 2}),
        ("passphrase-with-service", passphrase, {"service": "kms"}),
        ("salt-too-short", passphrase, {"salt": "00" * 15}),
        ("salt-too-long", passphrase, {"salt": "00" * 17}),
        ("salt-upper-case", passphrase, {"salt": "AB" * 16}),
        ("set-too-long", recovery, {"share_set": "00" * 9}),
        ("set-upper-case", recovery, {"share_set": "AB" * 8}),
        ("tag-too-short", recovery, {"share_tags": ["00" * 8, "00" * 7, "00" * 8]}),
        ("tag-upper-case", recovery, {"share_tags": ["00" * 8, "00" * 8, "AB" * 8]}),
        ("service-no-name", service, {"service": "AWS"}),
        ("service-empty", service, {"service": ""}),
        ("service-key-empty", service, {"service_key": ""}),
        ("service-key-too-long", service, {"service_key": "k" * 513}),
        ("service-key-with-a-control", service, {"service_key": "a\x00"}),
        ("service-wrapped-empty", service, {"service_wrapped": ""}),
        ("service-wrapped-too-long", service, {"service_wrapped": to_base64(bytes(4097))}),
        ("service-wrapped-padded", service, {"service_wrapped": "AA=="}),
    ):
        faults.slot(name, at, **of)
    parts = {
        passphrase: ("memory_kib", "passes", "lanes", "salt", "wrapped"),
        key: ("created_at", "id", "kind", "label", "wrapped"),
        recovery: ("share_set", "share_tags", "threshold"),
        service: ("service", "service_key", "service_wrapped"),
    }
    for at, names in parts.items():
        for name in names:
            of_kind = members_of(BASE)["slots"][at]["kind"]
            faults.change(
                f"{of_kind}-without-{name.replace('_', '-')}",
                lambda m, at=at, name=name: m["slots"][at].pop(name),  # type: ignore[misc]
            )
    for name, kind in (
        ("unknown", "fido2"),
        ("empty", ""),
        ("upper-case", "Key"),
    ):
        faults.slot(f"kind-{name}", key, "unsupported", kind=kind)
    unknown = {"kind": "fido2"}
    faults.change(
        "kind-unknown-before-a-fault",
        lambda m: (m["slots"][0].update(unknown), m["slots"][1].update(id=0)),
        "unsupported",
    )
    faults.change(
        "kind-unknown-behind-a-fault",
        lambda m: (m["slots"][0].update(id=0), m["slots"][1].update(unknown)),
    )
    faults.change(
        "kind-unknown-and-a-fault-of-a-key",
        lambda m: (m["slots"][0].update(unknown), m["keys"][0].update(use="seal")),
        "unsupported",
    )
    faults.change(
        "kind-unknown-and-slots-out-of-order",
        lambda m: (m["slots"][0].update(unknown), m["slots"].reverse()),
        "unsupported",
    )
    faults.slot("kind-unknown-with-a-member-of-its-own", key, **unknown, credential_id="00")

    bounds = Faults("RF-8", BASE)
    for name, of in (
        ("memory-7", {"memory_kib": 7}),
        ("memory-0", {"memory_kib": 0}),
        ("memory-below-8-a-lane", {"memory_kib": 31, "lanes": 4}),
        ("memory-above-1-gib", {"memory_kib": 1_048_577}),
        ("memory-of-32-bits", {"memory_kib": 2**32 - 1}),
        ("passes-0", {"passes": 0}),
        ("passes-65", {"passes": 65}),
        ("passes-of-32-bits", {"passes": 2**32 - 1}),
        ("lanes-0", {"lanes": 0}),
        ("lanes-17", {"lanes": 17, "memory_kib": 1024}),
        ("lanes-of-32-bits", {"lanes": 2**32 - 1, "memory_kib": 2**20}),
        ("work-of-one", {"memory_kib": 1_048_576, "passes": 17}),
        ("work-just-above", {"memory_kib": 262_145, "passes": 64}),
    ):
        bounds.slot(name, passphrase, **of)

    def two(members: Json) -> None:
        first = {**members["slots"][0], "memory_kib": 1_048_576, "passes": 8}
        members["slots"][:1] = [first, {**first, "id": 2, "passes": 9}]
        members["slots"][2]["id"] = 3
        del members["slots"][3:]

    bounds.change("work-of-two", two)

    thresholds = Faults("RF-15", BASE)
    shares: list[tuple[str, Json]] = [
        ("threshold-0", {"threshold": 0}),
        ("threshold-1", {"threshold": 1}),
        ("threshold-above-the-shares", {"threshold": 4}),
        ("no-tags", {"share_tags": []}),
        ("tags-256", {"share_tags": ["00" * 8] * 256}),
    ]
    for name, members in shares:
        thresholds.slot(name, recovery, **members)
    return {**faults.files, **bounds.files, **thresholds.files}


def reading() -> Files:
    files: Files = {}
    for part in (_of_json, _of_spelling, _of_limits, _of_keys, _of_public_halves, _of_scopes, _of_slots):
        made = part()
        assert not files.keys() & made.keys()
        files |= made
    bytes_ = text_of(SHORT).encode().replace(b"server", b"ser\xffver")
    about = "a document that breaks RF-1: not utf 8"
    file = refusal("ring-read", "malformed", about, ["RF-10", "RF-1"], "")
    files["rf1-not-utf8"] = {**file, "document": {"bytes": bytes_.hex()}}
    return files
