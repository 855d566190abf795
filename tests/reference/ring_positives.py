"""The positive vectors of ring documents: what is right, with every intermediate value."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from typing import Any

from fieldseal_ref import hpke, jcs, serve, shares
from fieldseal_ref.document import read
from fieldseal_ref.spelling import LAST_TIME

Json = dict[str, Any]
Files = dict[str, Json]

NOW = 1_800_000_000
APP, BILLING, DOCTOR, ENVELOPE = 0x0A000001, 0x0B000001, 0x0D000001, 0x0E000001
INDEX, PSEUDONYM, SIGN = 0x11000001, 0x22000001, 0x33000001
RING_ID = "8badf00d00112233445566778899aabb"
# As short as Argon2id allows: vectors are no passwords.
CHEAP = {"memory_kib": 8, "passes": 1, "lanes": 1}


def ask(op: str, **request: Any) -> Json:
    answered = serve.answer(json.dumps({"op": op, **request}))
    assert "ok" in answered, answered
    out: Json = answered["ok"]
    return out


def fixed(name: str) -> bytes:
    """32 fixed bytes of a name."""
    return hashlib.sha256(name.encode()).digest()


def positive(kind: str, about: str, covers: list[str]) -> Json:
    return {"about": about, "covers": covers, "error": None, "kind": kind}


# --- keys ------------------------------------------------------------------


def symmetric(key_id: int, use: str, name: str, state: str = "primary", **hints: int) -> Json:
    secret = fixed(f"secret {key_id}").hex()
    key = {"id": key_id, "use": use, "name": name, "state": state, "form": "symmetric"}
    return {**key, "secret": secret, **hints}


def pair(key_id: int, name: str, state: str = "primary") -> Json:
    """The private key is clamped (RFC 7748, 5), so that it has one spelling [RK-3]."""
    private = bytearray(fixed(f"private {key_id}"))
    private[0] &= 248
    private[31] = private[31] & 127 | 64
    return {
        "id": key_id,
        "use": "wrap",
        "name": name,
        "state": state,
        "form": "pair",
        "private": private.hex(),
        "public": hpke.public_of(bytes(private)).hex(),
        "writer": fixed(f"writer {key_id}").hex(),
    }


def reduced(key: Json, form: str) -> Json:
    kept = {"writer": ("public", "writer"), "name-only": ()}[form]
    common = ("id", "use", "name", "state", *kept)
    return {**{name: key[name] for name in common}, "form": form}


def derived(key: Json, scopes: list[Json]) -> Json:
    """What a ring holds in place of an index or pseudonym key [RK-7]."""
    of = []
    for scope in scopes:
        made = ask("derived-key", use=key["use"], master=key["secret"], scope=scope)
        of.append({**scope, "key": made["key"]})
    return {**reduced(key, "name-only"), "form": "derived", "derived": of}


def public_half(key: Json) -> Json:
    """What a ring that verifies holds in place of a key that signs [RK-8]."""
    made = ask("signing-key", id=key["id"], secret=key["secret"])
    return {**reduced(key, "name-only"), "form": "public", "public": made["public"]}


def ring(*keys: Json) -> Json:
    return {"keys": sorted(keys, key=lambda key: key["id"])}


APP_KEY = symmetric(APP, "wrap", "app")
ENVELOPE_KEY = symmetric(ENVELOPE, "envelope", "envelope")
INDEX_KEY = symmetric(INDEX, "index", "index")
PSEUDONYM_KEY = symmetric(PSEUDONYM, "pseudonym", "pseudonym")
SIGN_KEY = symmetric(SIGN, "sign", "sign")
SMALL = ring(APP_KEY, ENVELOPE_KEY)
EVERY_STATE = ring(
    APP_KEY,
    symmetric(APP + 1, "wrap", "app", "open-only"),
    symmetric(APP + 2, "wrap", "app", "disabled"),
    symmetric(APP + 3, "wrap", "app", "compromised"),
    reduced(symmetric(APP + 4, "wrap", "app", "destroyed"), "name-only"),
    symmetric(BILLING, "wrap", "billing", "compromised"),
    pair(DOCTOR, "doctor"),
    pair(DOCTOR + 1, "doctor", "open-only"),
    reduced(pair(DOCTOR + 2, "doctor", "disabled"), "name-only"),
    ENVELOPE_KEY,
    symmetric(ENVELOPE + 1, "envelope", "envelope", "compromised"),
    INDEX_KEY,
    symmetric(INDEX + 1, "index", "index", "disabled"),
    PSEUDONYM_KEY,
    symmetric(PSEUDONYM + 1, "pseudonym", "pseudonym", "open-only"),
    SIGN_KEY,
    symmetric(SIGN + 1, "sign", "sign", "open-only"),
    public_half(symmetric(SIGN + 2, "sign", "sign", "compromised")),
    reduced(symmetric(SIGN + 3, "sign", "sign", "destroyed"), "name-only"),
)
WRITER = ring(
    reduced(APP_KEY, "name-only"),
    reduced(pair(DOCTOR, "doctor"), "writer"),
    reduced(pair(DOCTOR + 1, "doctor", "open-only"), "writer"),
    ENVELOPE_KEY,
)
INDEX_SCOPES = [
    {"tenant": "", "record": "customer", "index": "email"},
    {"tenant": '"\\\n\x01/', "record": "customer", "index": "email"},
    {"tenant": "acme", "record": "customer", "index": "email"},
    {"tenant": "acme", "record": "customer", "index": "email.domain"},
    {"tenant": "acme", "record": "invoice", "index": "a"},
    {"tenant": "acme2", "record": "customer", "index": "email"},
    {"tenant": "\u00c9\u2028\U0001f980", "record": "customer", "index": "email"},
]
PSEUDONYM_SCOPES = [
    {"tenant": "acme", "purpose": "analytics"},
    {"tenant": "acme", "purpose": "support-tool"},
]
SEARCHING = ring(
    reduced(APP_KEY, "name-only"),
    ENVELOPE_KEY,
    derived(INDEX_KEY, INDEX_SCOPES),
    derived(symmetric(INDEX + 1, "index", "index", "open-only"), INDEX_SCOPES[2:3]),
    derived(PSEUDONYM_KEY, PSEUDONYM_SCOPES),
)
VERIFYING = ring(
    reduced(APP_KEY, "name-only"),
    public_half(SIGN_KEY),
    public_half(symmetric(SIGN + 1, "sign", "sign", "open-only")),
    public_half(symmetric(SIGN + 2, "sign", "sign", "disabled")),
    public_half(symmetric(SIGN + 3, "sign", "sign", "compromised")),
    reduced(symmetric(SIGN + 4, "sign", "sign", "destroyed"), "name-only"),
)

# --- slots -----------------------------------------------------------------


def plan(number: int, kind: str, label: str, **of: Any) -> Json:
    return {"id": number, "kind": kind, "label": label, "created_at": NOW - 60, **of}


def by_passphrase(number: int, passphrase: str, **cost: int) -> Json:
    return plan(number, "passphrase", "operators", passphrase=passphrase, **{**CHEAP, **cost})


def by_key(number: int, name: str = "slot key") -> Json:
    return plan(number, "key", "server", slot_key=fixed(name).hex())


def by_shares(number: int, threshold: int, count: int) -> Json:
    return plan(number, "recovery", "custodians", threshold=threshold, count=count)


def by_service(number: int, service: str, key: str, wrapped: bytes) -> Json:
    names = {"service": service, "service_key": key, "service_wrapped": wrapped.hex()}
    slot_key = fixed(f"slot key of {service} {key}").hex()
    return plan(number, "service", "production", slot_key=slot_key, **names)


PASSPHRASE = "four words picked at random"
KMS = ("aws-kms", "arn:aws:kms:eu-central-1:111122223333:key/1234abcd")
BY_KMS = by_service(1, *KMS, fixed("what the service gave"))


def credential_of(planned: Json, made: Json) -> Json | None:
    """What opens a slot; none for one that is not to be tried."""
    if planned["kind"] == "passphrase":
        passphrase = planned.get("passphrase")
        return None if passphrase is None else {"passphrase": passphrase}
    if planned["kind"] == "key":
        return {"key": shares.slot_key_text(bytes.fromhex(planned["slot_key"]))}
    if planned["kind"] == "recovery":
        # The last ones, the last first: any will do, in any order.
        return {"shares": made["shares"][: -planned["threshold"] - 1 : -1]}
    names = ("service", "service_key", "slot_key")
    return {name: planned[name] for name in names}


# --- documents -------------------------------------------------------------


def lines(text: str) -> list[str]:
    """The lines of a document, the line feeds between them left out."""
    return text.split("\n")


def document(
    about: str,
    covers: list[str],
    keys: Json,
    slots: list[Json],
    spelled: Callable[[str], str] = lambda text: text,
    generation: int = 1,
    written_at: int = NOW,
    ring_id: str = RING_ID,
    master: int = 1,
    master_key: bytes | None = None,
) -> Json:
    made = ask(
        "ring-write",
        ring=keys,
        id=ring_id,
        generation=generation,
        master=master,
        written_at=written_at,
        slots=slots,
        seed=fixed(about).hex(),
        master_key=None if master_key is None else master_key.hex(),
    )
    file = positive("ring document", about, covers)
    file |= {"ring": keys, "id": ring_id, "generation": generation, "master": master}
    file["written_at"] = written_at
    file["slots"] = [
        {**shown, "credential": credential_of(planned, shown)}
        for planned, shown in zip(slots, made["slots"])
    ]
    file["master_key"] = made["master_key"]
    for name in ("aead_key", "commitment", "nonce", "aad", "secret_bytes"):
        file[name] = made[name]
    return {**file, "document": lines(spelled(made["document"]))}


def unprotected(
    about: str,
    covers: list[str],
    keys: Json,
    spelled: Callable[[str], str] = lambda text: text,
    generation: int = 1,
) -> Json:
    told = {"ring": keys, "id": RING_ID, "generation": generation, "written_at": NOW}
    made = ask("ring-write-unprotected", **told)
    members = read(made["document"].encode()).members
    return {
        **positive("unprotected ring document", about, covers),
        **told,
        "secret_bytes": made["secret_bytes"],
        "canonical": jcs.canonical(members).hex(),
        "fingerprint": made["fingerprint"],
        "document": lines(spelled(made["document"])),
    }


REKEYED = document("rekeyed once", ["RF-7", "RF-27"], SMALL, [by_key(1)], generation=2, master=2)
# What a former slot holder may write, who has an older master key and copy: REKEYED does not tell.
FORMER = document(
    "a former master key, under a raised generation: refused by a floor with the number only",
    ["RF-29"],
    SMALL,
    [by_key(1)],
    generation=9,
)


def respelled(text: str) -> str:
    """The same said otherwise: order, white space, escapes."""

    def turned(value: Any) -> Any:
        if isinstance(value, dict):
            return {name: turned(value[name]) for name in sorted(value, reverse=True)}
        return [turned(one) for one in value] if isinstance(value, list) else value

    text = json.dumps(turned(json.loads(text)), indent="\t", separators=(" ,\r", ":\n"))
    return "\n \t\r" + text.replace('"kind"', '"k\\u0069nd"').replace('"app"', '"\\u0061pp"') + "\n"


def minified(text: str) -> str:
    return json.dumps(json.loads(text), separators=(",", ":"), ensure_ascii=False)


def _documents() -> Files:
    strange = plan(3, "key", '"\\/\u00e9\u2028\U0001f980', slot_key=fixed("a").hex())
    every_kind = [
        by_passphrase(1, PASSPHRASE),
        by_key(2),
        strange,
        plan(7, "key", "", slot_key=fixed("b").hex()),
        by_shares(8, 2, 3),
        by_shares(9, 3, 5),
        {**BY_KMS, "id": 10},
        {**by_service(11, "pkcs11", "pkcs11:token=prod;object=fieldseal", b"\0"), "label": "HSM"},
        {**by_passphrase(65_535, "\u00e9 "), "label": "x" * 64},
    ]
    dear = plan(
        1, "passphrase", "dear", memory_kib=1_048_576, passes=16, lanes=16, slot_key="5a" * 32
    )
    hints = ring(
        {**APP_KEY, "created_at": 0, "rotate_after_days": 0},
        {**pair(DOCTOR, "doctor"), "created_at": LAST_TIME},
        {**ENVELOPE_KEY, "rotate_after_days": 4_294_967_295},
        {**INDEX_KEY, "created_at": NOW, "rotate_after_days": 90},
    )
    one = [by_key(1)]
    spellings = {
        "decomposed": "cafe\u0301 au lait",
        "with-another-space": "caf\u00e9\u00a0au\u3000lait",
        "with-a-byte-order-mark": "\ufeffcaf\u00e9 au lait",
        "with-a-line-end": "caf\u00e9 au lait\r\n",
    }
    spelled = {}
    for name, given in spellings.items():
        about = f"a slot that a passphrase opens which is spelled {name.replace('-', ' ')}"
        of = document(about, ["RF-8", "RF-23"], SMALL, [by_passphrase(1, "caf\u00e9 au lait")])
        of["slots"][0] |= {"credential": {"passphrase": given}, "form": "caf\u00e9 au lait"}
        spelled[f"passphrase-{name}"] = of
    as_given = {**by_passphrase(1, "\ufeffcafe\u0301\t\u00a0au lait\n"), "as_given": True}
    return {
        **spelled,
        "passphrase-as-given": document(
            "an older slot, by a passphrase as it was given", ["RF-8", "RF-23"], SMALL, [as_given]
        ),
        "passphrase": document(
            "a slot that a passphrase opens",
            ["RF-7", "RF-8"],
            SMALL,
            [by_passphrase(1, PASSPHRASE)],
        ),
        "passphrase-lanes": document(
            "Argon2id with several lanes and passes, the memory no multiple of 4 lanes",
            ["RF-8"],
            SMALL,
            [by_passphrase(1, PASSPHRASE, memory_kib=27, passes=3, lanes=3)],
        ),
        "passphrase-longest": document(
            "the longest passphrase", ["RF-8"], SMALL, [by_passphrase(1, "\u00e9" * 512)]
        ),
        "key": document("a slot that a raw key opens", ["RF-7", "RF-12"], SMALL, one),
        "recovery": document(
            "a slot that custodians open", ["RF-17", "RF-18", "RF-21"], SMALL, [by_shares(1, 3, 5)]
        ),
        "recovery-most": document(
            "the highest threshold of the most shares", ["RF-17"], SMALL, [by_shares(1, 16, 32)]
        ),
        "service": document("a slot of a key service", ["RF-16"], SMALL, [BY_KMS]),
        "every-kind": document(
            "slots of every kind, numbers left out, strange labels", ["RF-9"], SMALL, every_kind
        ),
        "slots-16": document(
            "as many slots as there may be",
            ["RF-3"],
            SMALL,
            [by_key(number, f"slot key {number}") for number in range(1, 17)],
        ),
        "work-most": document(
            "a slot, not to be tried, that asks for as much work as there may be",
            ["RF-8"],
            SMALL,
            [dear, by_key(2)],
        ),
        "every-state": document(
            "keys of every use, form and state", ["RF-6", "RF-13", "ST-1"], EVERY_STATE, one
        ),
        "writer": document("a ring of writer halves", ["RF-6", "RK-4"], WRITER, one),
        "derived": document(
            "derived keys of several scopes", ["RF-5", "RF-14", "RK-7"], SEARCHING, one
        ),
        "verifying": document(
            "public halves, which verify and cannot sign",
            ["RF-6", "RF-31", "RK-4", "RK-8"],
            VERIFYING,
            one,
        ),
        "hints": document("every optional member of a key, at its bounds", ["RF-2"], hints, one),
        "no-keys": document("a ring without keys", ["RF-6"], ring(), one),
        "generation-last": document(
            "the last generation", ["RF-1"], SMALL, one, generation=2**53 - 1, written_at=LAST_TIME
        ),
        "master-2": REKEYED,
        "master-last": document(
            "the last master key", ["RF-1", "RF-7"], SMALL, every_kind, master=2**32 - 1
        ),
        "master-former": FORMER,
        "times-first": document("the first time", ["RF-2"], SMALL, one, written_at=0),
        "respelled": document(
            "members in another order, other white space, characters escaped",
            ["RF-2", "RF-5"],
            SMALL,
            every_kind,
            respelled,
        ),
        "minified": document("in one line", ["RF-2", "RF-5"], SEARCHING, one, minified),
        "unprotected": unprotected("an unprotected ring", ["RF-11", "RF-22"], EVERY_STATE),
        "unprotected-writer": unprotected(
            "a writer's ring, to be pinned", ["RF-11"], WRITER, generation=3
        ),
        "unprotected-derived": unprotected("a searching service's ring", ["RF-11"], SEARCHING),
        "unprotected-verifying": unprotected("an auditor's ring", ["RF-11", "RF-31"], VERIFYING),
        "unprotected-no-secrets": unprotected(
            "an unprotected ring without a secret",
            ["RF-11"],
            ring(reduced(APP_KEY, "name-only")),
        ),
        "unprotected-respelled": unprotected(
            "the same fingerprint, whatever the layout", ["RF-11"], WRITER, respelled, generation=3
        ),
    }


def _texts() -> Files:
    files: Files = {}
    made = shares.split(fixed("split"), fixed("set")[:8], 2, 3, lambda n: fixed("coefficient")[:n])
    for share in made:
        shown = ask(
            "share",
            set=share.set.hex(),
            threshold=share.threshold,
            count=share.count,
            index=share.index,
            value=share.value.hex(),
        )
        text: str = shown["text"]
        lookalikes = text[8:].replace("0", "o").replace("1", "L").lower()
        file = positive("share", f"share {share.index} of 3", ["RF-18", "RF-19", "RF-20"])
        typed = [
            text.lower(),
            text.replace("-", ""),
            " \t\n".join(text.replace("-", "\u2003")),
            "f-s sHaReI" + lookalikes,
            text + " " * (1024 - 103),
        ]
        files[f"share-{share.index}"] = {**file, **shown, "typed": typed}
    key = fixed("slot key")
    text = shares.slot_key_text(key)
    file = positive("slot key", "the text of a slot key", ["RF-12"])
    around = [f" {text}\n", f"\u00a0\r\n{text}\u3000"]
    files["slot-key"] = {**file, "key": key.hex(), "text": text, "typed": around}
    files |= _signing_keys()
    for use, scope in (
        ("index", INDEX_SCOPES[0]),
        ("index", INDEX_SCOPES[6]),
        ("pseudonym", PSEUDONYM_SCOPES[0]),
        ("pseudonym", {"tenant": "", "purpose": "p" * 64}),
    ):
        master = fixed("master").hex()
        number = sum(name.startswith(f"derived-{use}") for name in files) + 1
        files[f"derived-{use}-{number}"] = {
            **positive("derived key", f"a key derived for one scope of use {use}", ["RK-7"]),
            "use": use,
            "scope": scope,
            "master": master,
            **ask("derived-key", use=use, master=master, scope=scope),
        }
    return files


def _signing_keys() -> Files:
    """[RK-8] to [RK-10], [RF-30]"""
    files: Files = {}
    label = b"fieldseal/v1 any label"
    messages = (label, label + bytes(range(256)))
    subjects: list[Json] = [
        {"tenant": "", "subject": {"int": "42"}},
        {"tenant": "acme", "subject": {"int": "42"}},
        {"tenant": "acme", "subject": {"text": "42"}},
        {"tenant": "\u00c9\u2028\U0001f980", "subject": {"bytes": "00ff"}},
    ]
    covers = ["RK-8", "RK-9", "RK-10", "RF-30"]
    for number, key_id in ((1, SIGN), (2, 1), (3, 2**32 - 1)):
        secret = fixed(f"signing secret {number}").hex()
        made = ask("signing-key", id=key_id, secret=secret)
        text = made["text"]
        files[f"signing-key-{number}"] = {
            **positive("signing key", "a key that signs, and what it makes", covers),
            "secret": secret,
            **made,
            "typed": [f" {text}\n", f"\u00a0\r\n{text}\u3000"],
            "signatures": [
                {"message": of.hex(), **ask("sign", secret=secret, message=of.hex())}
                for of in messages
            ],
            "tokens": [{**of, **ask("token", secret=secret, **of)} for of in subjects],
        }
    return files


def positives() -> Files:
    return {**_documents(), **_texts()}
