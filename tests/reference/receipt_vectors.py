"""The vectors of receipts (13.5)."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable
from typing import Any

import mixed_order
from fieldseal_ref import ed25519
from fieldseal_ref.jcs import canonical
from fieldseal_ref.spelling import from_base64
from ledger_faults import spare
from ledger_positives import (
    ADA,
    ERASE,
    MARKETING,
    NEWS,
    NOTES,
    OLD_KEY,
    RING,
    SUPPORT_KEY,
    ask,
    base64url,
    call,
    ensure,
    erase,
    key_text,
    keys_of,
    renew,
    written,
)
from ring_positives import (
    APP,
    ENVELOPE_KEY,
    NOW,
    SIGN,
    SIGN_KEY,
    Files,
    Json,
    lines,
    positive,
    reduced,
    ring,
    symmetric,
)

KEYS = keys_of(RING)
MAX = 1_048_576
ERASED: Json = {"class": "news", "erased_at": "2027-01-15T08:00:00Z", "generation": 1}


def pretty(members: Json) -> str:
    return json.dumps(members, indent=2, ensure_ascii=False)


def made(**of: Any) -> Json:
    """The members of a receipt that the application tells by hand."""
    told: Json = {"generations": [ERASED], "keys": [], "at": NOW + 60, **ADA, **of}
    out: Json = ask("receipt", ring=RING, **told)
    return out


def receipt(about: str, covers: list[str], text: str, **more: Any) -> Json:
    data = text.encode()
    data += b" " * more.get("spaces_behind", 0)
    shown = ask("receipt-read", receipt=data.hex(), keys=more.get("keys", KEYS))
    message = b"fieldseal/v1 receipt" + canonical(
        {name: of for name, of in json.loads(text).items() if name != "signature"}
    )
    file = {**positive("receipt", about, ["RE-6", *covers]), "keys": KEYS, **more}
    return {**file, "receipt": lines(text), "message": message.hex(), "told": shown}


def of_erasure(about: str, calls: list[Json], changes: list[Json], **more: Any) -> Json:
    """A receipt of the erasure that these changes make of what the calls left."""
    of_ring = more.pop("of_ring", RING)
    before = written(calls)["envelopes"][-1]
    asked = {
        **ADA,
        "ring": of_ring,
        "envelope": before,
        "changes": changes,
        "now": NOW + 300,
        **more,
    }
    asked["at"] = NOW + 360
    text = pretty(ask("receipt", **asked)["members"])
    return receipt(about, ["RE-4", "RE-5"], text, made=asked)


def _of_erasures() -> Files:
    life = [
        call(ensure(NEWS, "marketing"), ensure(NOTES)),
        call(renew(NEWS), at=NOW + 60),
        call(erase("notes"), at=NOW + 120),
        call(renew(NOTES), at=NOW + 180),
    ]
    gone = ring(
        reduced(symmetric(APP, "wrap", "app", "destroyed"), "name-only"),
        symmetric(APP + 9, "wrap", "app"),
        ENVELOPE_KEY,
        SUPPORT_KEY,
        SIGN_KEY,
    )
    who = {"actor": "alice", "purpose": "ticket 812"}
    return {
        "subject": of_erasure("a subject's erasure", life, [ERASE], **who),
        "subject-erased-before": of_erasure(
            "one that was erased before", [*life, call(ERASE)], [ERASE]
        ),
        "class": of_erasure("the erasure of a class", life, [erase("news")]),
        "class-erased-before": of_erasure(
            "one that has erased generations", life, [erase("notes")]
        ),
        "two-classes": of_erasure("two classes", life, [erase("notes"), erase("news")]),
        "key-destroyed": of_erasure(
            "a key is destroyed, another unknown", life, [ERASE], of_ring=gone
        ),
    }


def _by_hand() -> Files:
    ids: dict[str, Json] = {
        "text": {"text": 'a"d\\a\n\x7f\u2028\U0001f980'},
        "integer-0": {"int": "0"},
        "integer-largest": {"int": str(2**64 - 1)},
        "integer-least": {"int": str(-(2**63))},
        "uuid": {"uuid": "00112233445566778899aabbccddeeff"},
        "bytes": {"bytes": "ff00"},
        "parts": {
            "composite": [{"text": "shop"}, {"int": "-7"}, {"bytes": "00"}, {"uuid": "00" * 16}]
        },
        "text-longest": {"text": "x" * 254},
    }
    files = {
        f"subject-of-{name}": receipt(
            f"the subject is {name}", ["RE-3"], pretty(made(subject=subject)["members"])
        )
        for name, subject in ids.items()
    }
    columns = [{"column": "E-Mail \u00e9", "record": "customer"}, {"column": "", "record": ""}]
    keys = [{"id": f"{APP:08x}", "role": "app"}, {"id": f"{MARKETING:08x}"}, {"id": "ffffffff"}]
    bounds = [
        {**ERASED, "generation": 65_535, "class": "c" * 64},
        ERASED,
        {**ERASED, "earlier": True},
    ]
    least = made(generations=[], keys=[])["members"]
    full = made(columns=columns, keys=keys, generations=bounds, actor="", purpose="x" * 5_000)[
        "members"
    ]
    times = made(at=253_402_207_200, subject_erased_at="1970-01-01T00:00:00Z")["members"]
    respelled = json.dumps(dict(reversed(full.items())), indent="\t").replace(
        "customer", "c\\u0075stomer"
    )
    of_tenant = made(tenant="\u00e9" * 32)["members"]
    spaces = MAX - len(pretty(full).encode())
    return files | {
        "least": receipt("nothing but what must be", ["RE-1"], pretty(least)),
        "full": receipt("everything that may be", ["RE-1", "RE-2"], pretty(full)),
        "times": receipt("the first and the last time", ["RE-1"], pretty(times)),
        "minified": receipt("JCS itself", ["RE-1"], canonical(full).decode()),
        "respelled": receipt("members and escapes in another way", ["RE-1"], respelled + "\r\n\t "),
        "longest": receipt(
            "1 MiB, most of it spaces", ["RE-2"], pretty(full), spaces_behind=spaces
        ),
        "tenant": receipt("a tenant of 64 bytes", ["RE-1"], pretty(of_tenant)),
    }


# --- refusals ---------------------------------------------------------------

BASE = made(
    columns=[{"column": "email", "record": "customer"}],
    keys=[{"id": f"{APP:08x}", "role": "app"}],
    subject_erased_at="2027-01-15T08:00:00Z",
    actor="alice",
    purpose="ticket",
)["members"]
TEXT = pretty(BASE)


class Faults:
    """Faults of one clause, named after it."""

    def __init__(self, clause: str) -> None:
        self.clause = clause
        self.files: Files = {}

    def text(self, name: str, text: str | bytes, error: str = "malformed", **more: Any) -> None:
        named = f"{self.clause.lower().replace('-', '')}-{name}"
        assert named not in self.files, named
        self.files[named] = {
            "about": f"a receipt that breaks {self.clause}: {name.replace('-', ' ')}",
            "covers": ["RE-6", self.clause],
            "error": error,
            "kind": "refusal",
            "operation": "receipt-read",
            "keys": KEYS,
            **more,
            "receipt": lines(text) if isinstance(text, str) else {"bytes": text.hex()},
        }

    def signed(self, name: str, change: Callable[[Json], Any], error: str = "malformed") -> None:
        """Changed, and signed again."""
        members = copy.deepcopy(BASE)
        change(members)
        members = ask("receipt-sign", ring=RING, members=members)["members"]
        self.text(name, pretty(members), error)

    def set(self, name: str, error: str = "malformed", **of: Any) -> None:
        self.signed(name, lambda m: m.update(of), error)


def _of_json() -> Files:
    faults = Faults("RE-1")
    for name, text in (
        ("empty", ""),
        ("white-space", " \n"),
        ("cut", TEXT[: len(TEXT) // 2]),
        ("byte-order-mark", "\ufeff" + TEXT),
        ("list", f"[{TEXT}]"),
        ("list-of-members", json.dumps(list(BASE.values()))),
        ("list-of-the-version", '["receipt/1"]'),
        ("list-of-another-version", '["receipt/2"]'),
        ("twice", TEXT + TEXT),
        ("more-behind-it", TEXT + "x"),
        ("comma-behind-the-last", TEXT[:-2] + ",\n}"),
        ("other-white-space", "\u00a0" + TEXT),
        ("member-twice", TEXT.replace('"tenant": ""', '"tenant": "", "tenant": ""')),
        ("version-twice", TEXT.replace('"tenant": ""', '"tenant": "", "fieldseal": "receipt/1"')),
    ):
        faults.text(name, text)
    faults.text("not-utf8", TEXT.encode().replace(b"alice", b"alic\xff"))
    for name, version, error in (
        ("version-0", "receipt/0", "unsupported"),
        ("version-2", "receipt/2", "unsupported"),
        ("version-11", "receipt/11", "unsupported"),
        ("version-without-number", "receipt/", "unsupported"),
        ("version-of-something-else", "ledger/1", "malformed"),
        ("version-upper-case", "Receipt/1", "malformed"),
        ("version-number", 1, "malformed"),
        ("version-null", None, "malformed"),
    ):
        faults.set(name, error, fieldseal=version)
    other = '{"fieldseal": "receipt/2", "what": [1.5, null]}'
    faults.text("version-2-of-other-members", other, "unsupported")
    for name in BASE:
        if name not in ("actor", "purpose", "subject_erased_at", "signature"):
            faults.signed(f"no-{name}", lambda m, name=name: m.pop(name))
        if name not in ("actor", "purpose", "subject_erased_at", "signature", "fieldseal"):
            faults.set(f"{name}-null", **{name: None})
    faults.text("no-signature", pretty({n: v for n, v in BASE.items() if n != "signature"}))
    faults.set("unknown-member", note="none")
    faults.set("member-upper-case", Actor="ada")
    return faults.files


def _of_members() -> Files:
    faults = Faults("RE-2")
    spaces = MAX - len(TEXT.encode()) + 1
    faults.text("longer", TEXT, spaces_behind=spaces)
    for name, of in (
        ("actor-null", {"actor": None}),
        ("actor-list", {"actor": ["alice"]}),
        ("purpose-number", {"purpose": 812}),
        ("subject-erased-null", {"subject_erased_at": None}),
        ("at-with-fraction", {"at": "2027-01-15T08:00:00.5Z"}),
        ("at-of-no-day", {"at": "2027-02-30T08:00:00Z"}),
        ("at-after-the-last", {"at": "9999-12-30T22:00:01Z"}),
        ("at-number", {"at": NOW}),
        ("subject-erased-at-no-time", {"subject_erased_at": ""}),
        ("key-0", {"key": "00000000"}),
        ("key-upper-case", {"key": "3300000A"}),
        ("key-short", {"key": "330001"}),
        ("tenant-too-long", {"tenant": "x" * 65}),
        ("columns-object", {"columns": {}}),
        ("column-as-list", {"columns": [["email", "customer"]]}),
        ("column-without-record", {"columns": [{"column": "email"}]}),
        ("column-with-more", {"columns": [{"column": "e", "record": "c", "class": "news"}]}),
        ("column-number", {"columns": [{"column": 1, "record": "c"}]}),
        ("generation-as-list", {"generations": [["news", ERASED["erased_at"], 1]]}),
        ("generation-0", {"generations": [{**ERASED, "generation": 0}]}),
        ("generation-65536", {"generations": [{**ERASED, "generation": 65_536}]}),
        ("generation-text", {"generations": [{**ERASED, "generation": "1"}]}),
        ("generation-negative", {"generations": [{**ERASED, "generation": -1}]}),
        ("generation-of-no-class", {"generations": [{**ERASED, "class": "News"}]}),
        ("generation-of-no-time", {"generations": [{**ERASED, "erased_at": "now"}]}),
        ("generation-without-time", {"generations": [{"class": "news", "generation": 1}]}),
        ("generation-earlier-false", {"generations": [{**ERASED, "earlier": False}]}),
        ("generation-earlier-text", {"generations": [{**ERASED, "earlier": "true"}]}),
        ("generation-earlier-null", {"generations": [{**ERASED, "earlier": None}]}),
        ("generation-with-more", {"generations": [{**ERASED, "key": "app"}]}),
        ("keys-null", {"keys": [None]}),
        ("key-as-list", {"keys": [["0a000001", "app"]]}),
        ("key-id-0", {"keys": [{"id": "00000000"}]}),
        ("key-id-number", {"keys": [{"id": APP}]}),
        ("key-role-null", {"keys": [{"id": "0a000001", "role": None}]}),
        ("key-role-no-name", {"keys": [{"id": "0a000001", "role": "App"}]}),
        ("key-with-more", {"keys": [{"id": "0a000001", "name": "app"}]}),
    ):
        faults.set(name, **of)
    for name, old, new in (
        ("generation-with-fraction", '"generation": 1', '"generation": 1.0'),
        ("generation-with-exponent", '"generation": 1', '"generation": 1e0'),
        ("generation-with-zero", '"generation": 1', '"generation": 01'),
        ("lone-surrogate", '"actor": "alice"', '"actor": "\\ud800"'),
    ):
        assert old in TEXT
        faults.text(name, TEXT.replace(old, new))
    return faults.files


def _of_subjects() -> Files:
    faults = Faults("RE-3")
    for name, subject in (
        ("text", "42"),
        ("list", ["integer", "42"]),
        ("empty", {}),
        ("two-members", {"integer": "42", "text": "42"}),
        ("unknown-member", {"number": "42"}),
        ("upper-case", {"Integer": "42"}),
        ("integer-number", {"integer": 42}),
        ("integer-empty", {"integer": ""}),
        ("integer-plus", {"integer": "+1"}),
        ("integer-zeros", {"integer": "007"}),
        ("integer-minus-0", {"integer": "-0"}),
        ("integer-too-large", {"integer": str(2**64)}),
        ("integer-too-low", {"integer": str(-(2**63) - 1)}),
        ("integer-fraction", {"integer": "1.0"}),
        ("integer-white-space", {"integer": " 1"}),
        ("integer-other-digits", {"integer": "\u0661"}),
        ("text-empty", {"text": ""}),
        ("text-too-long", {"text": "x" * 255}),
        ("text-null", {"text": None}),
        ("uuid-short", {"uuid": "00" * 15}),
        ("uuid-with-hyphens", {"uuid": "00112233-4455-6677-8899-aabbccddeeff"}),
        ("uuid-upper-case", {"uuid": "AA" * 16}),
        ("bytes-empty", {"bytes": ""}),
        ("bytes-padded", {"bytes": "AA=="}),
        ("bytes-spare-bits", {"bytes": "AB"}),
        ("bytes-too-many", {"bytes": base64url(bytes(255))}),
        ("parts-none", {"parts": []}),
        ("parts-one", {"parts": [{"integer": "1"}]}),
        (
            "parts-in-parts",
            {"parts": [{"integer": "1"}, {"parts": [{"integer": "1"}, {"integer": "2"}]}]},
        ),
        ("parts-text", {"parts": "42"}),
        ("parts-too-long", {"parts": [{"text": "x" * 200}, {"text": "x" * 60}]}),
        ("part-empty", {"parts": [{"text": ""}, {"integer": "2"}]}),
        ("parts-deep", nested(200)),
    ):
        faults.set(name, subject=subject)
    return faults.files


def nested(depth: int) -> Json:
    out: Json = {"integer": "1"}
    for _ in range(depth):
        out = {"parts": [out]}
    return out


def _of_signature() -> Files:
    faults = Faults("RE-5")
    signature = from_base64(BASE["signature"])
    assert signature is not None
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    message = b"fieldseal/v1 receipt" + canonical(
        {n: v for n, v in BASE.items() if n != "signature"}
    )
    secret, old = bytes.fromhex(SIGN_KEY["secret"]), bytes.fromhex(OLD_KEY["secret"])

    def with_signature(text: str) -> str:
        return pretty({**BASE, "signature": text})

    for name, other in (
        ("altered-r", bytes([r[0] ^ 1]) + signature[1:]),
        ("altered-s", signature[:63] + bytes([signature[63] ^ 1])),
        ("zeros", bytes(64)),
        ("s-plus-the-order", r + (s + ed25519.L).to_bytes(32, "little")),
        ("r-of-small-order", (1).to_bytes(32, "little") + signature[32:]),
        ("without-its-label", ed25519.sign(secret, message[len(b"fieldseal/v1 receipt") :])),
        ("label-of-a-ledger", ed25519.sign(secret, message.replace(b"receipt", b"ledger", 1))),
        ("by-another-key", ed25519.sign(old, message)),
    ):
        faults.text(name, with_signature(base64url(other)), "tampered")
    text = BASE["signature"]
    for name, of in (
        ("short", base64url(signature[:63])),
        ("long", base64url(signature + b"\0")),
        ("empty", ""),
        ("padded", text + "=="),
        ("spare-bits", text[:-1] + spare(text[-1])),
        ("hex", signature.hex()),
    ):
        faults.text(name, with_signature(of))
    for name, old_text, new in (
        ("altered-subject", '"42"', '"43"'),
        ("altered-class", '"news"', '"newt"'),
        ("altered-column", '"email"', '"phone"'),
        ("altered-time", "08:01:00Z", "08:02:00Z"),
        ("altered-actor", "alice", "alicf"),
        ("altered-tenant", '"tenant": ""', '"tenant": "a"'),
    ):
        assert old_text in TEXT, name
        faults.text(name, TEXT.replace(old_text, new, 1), "tampered")
    faults.text(
        "without-actor", pretty({n: v for n, v in BASE.items() if n != "actor"}), "tampered"
    )
    faults.text("no-key-given", TEXT, "missing-key", keys=[])
    faults.text("another-key-given", TEXT, "missing-key", keys=[key_text(OLD_KEY)])
    faults.text("another-key-of-the-id", TEXT, "tampered", keys=[key_text({**OLD_KEY, "id": SIGN})])
    faults.text("of-another-key", TEXT.replace(f"{SIGN:08x}", f"{SIGN + 1:08x}"), "missing-key")
    text, keys = _mixed_order(mixed_order.does_not)
    faults.text("mixed-order-with-the-whole-k", text, "tampered", keys=keys)
    return faults.files


def _mixed_order(signature: Callable[[bytes], bytes]) -> tuple[str, list[str]]:
    """The text of a receipt that a key of mixed order signed, and the text of that key."""
    message = b"fieldseal/v1 receipt" + canonical({n: v for n, v in BASE.items() if n != "signature"})
    signed = pretty({**BASE, "signature": base64url(signature(message))})
    return signed, [ed25519.verifying_key_text(SIGN, mixed_order.PUBLIC)]


def positives() -> Files:
    text, keys = _mixed_order(mixed_order.verifies)
    about = "a public key of mixed order: the signature verifies with k modulo L, and not with the whole k"
    of_mixed_order = receipt(about, ["RK-10", "RE-6"], text, keys=keys)
    return _of_erasures() | _by_hand() | {"signed-by-a-key-of-mixed-order": of_mixed_order}


def refusals() -> Files:
    files: Files = {}
    for part in (_of_json(), _of_members(), _of_subjects(), _of_signature()):
        assert not files.keys() & part.keys()
        files |= part
    return files
