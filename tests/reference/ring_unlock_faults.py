"""The negative vectors of unlocking: one fault each."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fieldseal_ref import save, shares
from fieldseal_ref.crypto import aead_seal, expand
from fieldseal_ref.jcs import canonical
from fieldseal_ref.shares import Share, share_text
from fieldseal_ref.slots import LABEL_SLOT, Slot
from fieldseal_ref.spelling import from_base64, to_base64
from fieldseal_ref.unlock import LABEL_RING, document_keys
from ring_faults import (
    BASE,
    PUBLIC,
    SCOPED,
    STATES,
    Change,
    changed,
    members_of,
    refusal,
    text_of,
)
from ring_positives import (
    APP,
    ENVELOPE,
    FORMER,
    KMS,
    PASSPHRASE,
    REKEYED,
    RING_ID,
    SIGN_KEY,
    SMALL,
    Files,
    Json,
    by_key,
    by_passphrase,
    by_shares,
    document,
    fixed,
    public_half,
    ring,
    symmetric,
)

BY_PASSPHRASE, BY_KEY, BY_SHARES, BY_SERVICE = (slot["credential"] for slot in BASE["slots"])
MASTER = bytes.fromhex(BASE["master_key"])
SHARES = [shares.share_from_text(text) for text in BASE["slots"][2]["shares"]]


def unlocking(
    name: str,
    error: str,
    about: str,
    text: str,
    credential: Json,
    covers: tuple[str, ...] = (),
    **more: Any,
) -> Files:
    file = refusal("ring-unlock", error, about, ["RF-23", *covers], text)
    return {name: {**file, "credential": credential, **more}}


def _of_credentials() -> Files:
    files: Files = {}
    text = text_of(BASE)

    def wrong(
        name: str, error: str, about: str, credential: Json, clause: str, **more: Any
    ) -> None:
        files.update(unlocking(f"rf23-{name}", error, about, text, credential, (clause,), **more))

    for name, words in (
        ("another", "four words picked with care"),
        ("in-capitals", PASSPHRASE.upper()),
        ("with-a-space", PASSPHRASE + " "),
        ("with-a-line-feed-within", PASSPHRASE[:4] + "\n" + PASSPHRASE[4:]),
        ("with-a-mark-behind", PASSPHRASE + "\ufeff"),
        ("cut", PASSPHRASE[:-1]),
    ):
        about = f"the passphrase {name.replace('-', ' ')}"
        wrong(f"passphrase-{name}", "unlock", about, {"passphrase": words}, "RF-8")
    accented = document("a passphrase with an accent", [], SMALL, [by_passphrase(1, "caf\u00e9")])
    files |= unlocking(
        "rf23-passphrase-without-accent",
        "unlock",
        "the passphrase without its accent: composed is not simplified",
        text_of(accented),
        {"passphrase": "cafe"},
        ("RF-8",),
    )
    line = {"passphrase": "\ufeff\r\n"}
    wrong("passphrase-of-a-line-end", "invalid-input", "no passphrase but a line end", line, "RF-8")
    empty, long = {"passphrase": ""}, {"passphrase": "x" * 1025}
    wrong("passphrase-empty", "invalid-input", "no passphrase", empty, "RF-8")
    wrong("passphrase-too-long", "invalid-input", "1,025 bytes of passphrase", long, "RF-8")
    other = {"key": shares.slot_key_text(fixed("another slot key"))}
    wrong("key-another", "unlock", "another slot key", other, "RF-7")
    master = {"key": shares.slot_key_text(MASTER)}
    wrong("key-the-master", "unlock", "the master key as a slot key", master, "RF-7")
    stretched = bytes.fromhex(BASE["slots"][0]["slot_key"])
    about = "the key that the passphrase gives, as a raw key"
    given = {"key": shares.slot_key_text(stretched)}
    wrong("key-of-the-passphrase-slot", "unlock", about, given, "RF-23")
    for name, change, about in (
        ("key", {"service_key": KMS[1] + "0"}, "another key of the service"),
        ("service", {"service": "gcp-kms"}, "another service with such a key"),
        ("answer", {"slot_key": fixed("another answer").hex()}, "another answer"),
    ):
        given = {**BY_SERVICE, **change}
        wrong(f"service-other-{name}", "unlock", about, given, "RF-16")
    wrong("shares-none", "unlock", "no share at all", {"shares": []}, "RF-21")
    one = BASE["slots"][2]["shares"]

    def of_shares(name: str, about: str, given: list[str], error: str = "invalid-input") -> None:
        wrong(f"shares-{name}", error, about, {"shares": given}, "RF-21")

    def with_(share: Share, **change: Any) -> str:
        """A share altered, its checksum right again."""
        return share_text(Share(**{**share.__dict__, **change}))

    first = SHARES[0]
    altered = bytes([first.value[0] ^ 1]) + first.value[1:]
    foreign = with_(first, set=fixed("another set")[:8])
    of_shares("too-few", "one share of two", one[:1])
    of_shares("twice", "one share twice", [one[0], one[0]])
    of_shares("twice-among-enough", "one share twice beside enough", [*one, one[1]])
    of_shares("altered", "a share with another value", [with_(first, value=altered), one[1]])
    of_shares("renumbered", "a share under another number", [with_(first, index=3), one[1]])
    of_shares(
        "of-another-threshold", "of another threshold", [one[0], with_(SHARES[1], threshold=3)]
    )
    of_shares("of-another-number", "of another number of shares", [with_(first, count=4), one[1]])
    of_shares("one-foreign", "a share of another set beside enough", [*one, foreign])
    of_shares("of-another-set", "shares of another set alone", [foreign], "unlock")
    alike = [with_(share, threshold=3) for share in SHARES]
    of_shares("all-of-another-threshold", "all alike, of another threshold", alike)
    two = document("two splits", [], SMALL, [by_shares(1, 2, 2), by_shares(2, 2, 2)])
    mixed = [two["slots"][0]["shares"][0], two["slots"][1]["shares"][1]]
    files |= unlocking(
        "rf23-shares-of-two-slots",
        "invalid-input",
        "shares of two slots of one document",
        text_of(two),
        {"shares": mixed},
        ("RF-21",),
    )
    for at, name, credential in (
        (0, "passphrase", BY_PASSPHRASE),
        (1, "key", BY_KEY),
        (2, "recovery", BY_SHARES),
        (3, "service", BY_SERVICE),
    ):
        files |= unlocking(
            f"rf23-no-{name}-slot",
            "unlock",
            f"no slot of the kind {name}",
            changed(BASE, lambda m, at=at: m["slots"].pop(at)),  # type: ignore[misc]
            credential,
        )
    lower = {"floor": 6}
    wrong("floor", "rolled-back", "a generation below the floor", BY_KEY, "RF-23", **lower)
    for name, floor, about in (
        ("master", "2.0", "a master key below the floor"),
        ("master-alone", "2.5", "a master key below the floor, the generation not"),
        ("generation-alone", "1.6", "a generation below the floor, the master key not"),
        ("master-last", f"{2**32 - 1}.0", "the highest floor for the master key"),
    ):
        wrong(f"floor-{name}", "rolled-back", about, BY_KEY, "RF-29", floor=floor)
    other_words = {"passphrase": "x"}
    about = "a wrong passphrase, and a generation below the floor"
    wrong("floor-and-a-wrong-passphrase", "unlock", about, other_words, "RF-24", **lower)
    by_former = FORMER["slots"][0]["credential"]
    for name, of, floor, about in (
        ("former", FORMER, "2.2", "a former master key, under a raised generation"),
        ("later", REKEYED, "1.3", "a later master key does not make up for the generation"),
    ):
        files |= unlocking(
            f"rf29-{name}-master-key",
            "rolled-back",
            about,
            text_of(of),
            by_former,
            ("RF-29",),
            floor=floor,
        )
    return files


def flipped(at: int) -> Callable[[bytes], bytes]:
    """One bit of the byte there flipped."""

    def flip(data: bytes) -> bytes:
        place = at % len(data)
        return data[:place] + bytes([data[place] ^ 1]) + data[place + 1 :]

    return flip


def in_bytes(holder: Callable[[Json], Json], name: str, change: Callable[[bytes], bytes]) -> Change:
    def apply(members: Json) -> None:
        data = from_base64(holder(members)[name])
        assert data is not None
        holder(members)[name] = to_base64(change(data))

    return apply


def _exchange(of: str, member: str, a: int = 0, b: int = 1) -> Change:
    def apply(members: Json) -> None:
        first, second = members[of][a], members[of][b]
        first[member], second[member] = second[member], first[member]

    return apply


def _of_alterations() -> Files:
    """[RF-5] [RF-24]: what reading accepts, and was not written so."""
    files: Files = {}

    def altered(
        name: str,
        about: str,
        change: Change,
        credential: Json = BY_KEY,
        of: Json = BASE,
        **more: Any,
    ) -> None:
        error = more.pop("error", "unlock")
        named = unlocking(
            f"rf24-{name}", error, about, changed(of, change), credential, ("RF-5", "RF-24"), **more
        )
        assert not files.keys() & named.keys()
        files.update(named)

    def key(called: str, about: str, at: int = 0, of: Json = BASE, /, **change: Any) -> None:
        credential = of["slots"][0]["credential"] if of is not BASE else BY_KEY
        altered(called, about, lambda m: m["keys"][at].update(change), credential, of)

    def slot(called: str, about: str, at: int, by: Json = BY_KEY, /, **change: Any) -> None:
        altered(called, about, lambda m: m["slots"][at].update(change), by)

    altered("generation-raised", "the generation raised", lambda m: m.update(generation=6))
    altered("generation-lowered", "the generation lowered", lambda m: m.update(generation=4))
    later = "2027-01-15T08:00:01Z"
    altered("master-raised", "the number of the master key raised", lambda m: m.update(master=2))
    of_rekeyed = REKEYED["slots"][0]["credential"]
    about = "the number of the master key lowered"
    altered("master-lowered", about, lambda m: m.update(master=1), of_rekeyed, REKEYED)
    altered("written-at", "another time of writing", lambda m: m.update(written_at=later))
    altered("id", "another document id", lambda m: m.update(id="00" + RING_ID[2:]))

    key("name", "a role renamed", name="billing")
    key("state", "a key that was primary, as open-only", state="open-only")
    key("key-id", "another id of a key", id="0a000002")
    key("holds", "a secret that is not told", holds="name-only")
    key("use", "a key for another use", use="index", name="index")
    key("time-of-a-key", "a time added to a key", created_at=later)
    key("hint-of-a-key", "a hint added to a key", rotate_after_days=1)
    states = [(key["name"], key["state"]) for key in members_of(STATES)["keys"]]
    compromised = states.index(("app", "compromised"))
    key(
        "compromised-as-open-only",
        "a compromised key, open-only again",
        compromised,
        STATES,
        state="open-only",
    )
    key(
        "disabled-as-open-only",
        "a disabled key, open-only again",
        states.index(("app", "disabled")),
        STATES,
        state="open-only",
    )
    key(
        "destroyed-as-disabled",
        "a destroyed key, as one that is disabled",
        states.index(("app", "destroyed")),
        STATES,
        state="disabled",
    )
    pair = states.index(("doctor", "primary"))
    other = to_base64(fixed("another public key"))
    key("public-key", "another public key", pair, STATES, public=other)
    signing = next(n for n, key in enumerate(STATES["ring"]["keys"]) if key["use"] == "sign")
    key(
        "signing-key-as-public-half",
        "a key that signs, as its public half",
        signing,
        STATES,
        holds="public",
        public=to_base64(bytes.fromhex(public_half(SIGN_KEY)["public"])),
    )
    half = next(n for n, key in enumerate(PUBLIC["ring"]["keys"]) if key["form"] == "public")
    swapped = bytes.fromhex(public_half(symmetric(7, "sign", "sign"))["public"])
    key("public-half", "another's public half", half, PUBLIC, public=to_base64(swapped))
    key(
        "compromised-half-as-open-only",
        "the public half of a compromised key, open-only again",
        next(n for n, key in enumerate(PUBLIC["ring"]["keys"]) if key["state"] == "compromised"),
        PUBLIC,
        state="open-only",
    )
    by_key_of_states = STATES["slots"][0]["credential"]
    altered(
        "key-ids-exchanged",
        "the ids of two keys exchanged, which is their order",
        lambda m: (_exchange("keys", "id")(m), m["keys"].sort(key=lambda key: key["id"])),
    )
    altered(
        "states-exchanged",
        "the states of two keys of a role exchanged",
        _exchange("keys", "state"),
        by_key_of_states,
        STATES,
    )
    altered("key-removed", "a key removed", lambda m: m["keys"].pop(0))
    by_name = {"holds": "name-only", "id": "00000001", "name": "app", "state": "disabled"}
    altered("key-added", "a key added", lambda m: m["keys"].insert(0, {**by_name, "use": "wrap"}))
    scoped_key = SCOPED["slots"][0]["credential"]
    scope = {"index": "phone"}
    altered(
        "scope",
        "a derived key for another index",
        lambda m: m["keys"][2]["derived"][-1].update(scope),
        scoped_key,
        SCOPED,
    )

    slot("slot-label", "the label of the slot that opens", 1, label="servers")
    slot("label-of-another-slot", "the label of another slot", 0, label="nobody")
    slot("time-of-a-slot", "the time of the slot that opens", 1, created_at=later)
    slot("time-of-another-slot", "the time of another slot", 0, created_at=later)
    slot("slot-id", "the number of the slot that opens", 3, BY_SERVICE, id=9)
    slot("salt", "another salt", 0, BY_PASSPHRASE, salt="00" * 16)
    slot("passes", "another number of passes", 0, BY_PASSPHRASE, passes=2)
    slot("memory", "another amount of memory", 0, BY_PASSPHRASE, memory_kib=9)
    slot("threshold", "another threshold in the slot", 2, BY_SHARES, threshold=3)
    slot("share-set", "another set in the slot", 2, BY_SHARES, share_set="00" * 8)
    slot("service", "another service in the slot", 3, BY_SERVICE, service="gcp-kms")
    slot("service-wrapped", "other bytes for the service", 3, BY_SERVICE, service_wrapped="AA")
    altered(
        "share-tag",
        "the tag of a share that is given: the share is named",
        lambda m: m["slots"][2]["share_tags"].__setitem__(2, "00" * 8),
        BY_SHARES,
        error="invalid-input",
    )
    altered(
        "tag-of-another-share",
        "the tag of a share that is not given",
        lambda m: m["slots"][2]["share_tags"].__setitem__(0, "00" * 8),
        BY_SHARES,
    )
    altered("slot-removed", "another slot removed", lambda m: m["slots"].pop(0))
    altered(
        "slots-reordered",
        "two slots under each other's number",
        lambda m: (_exchange("slots", "id")(m), m["slots"].sort(key=lambda slot: slot["id"])),
    )
    altered("wrapped-exchanged", "what two slots wrap exchanged", _exchange("slots", "wrapped"))
    for name, at in (("commitment", 0), ("nonce", 32), ("master-key", 56), ("tag", -1)):
        altered(
            f"wrapped-{name}",
            f"a bit of the {name.replace('-', ' ')} flipped in the slot",
            in_bytes(lambda m: m["slots"][1], "wrapped", flipped(at)),
        )
        altered(
            f"secrets-{name.replace('master-key', 'secret')}",
            f"a bit of the {name.replace('master-key', 'secret')} flipped in the secrets",
            in_bytes(lambda m: m, "secrets", flipped(at)),
        )
    other_slot = in_bytes(lambda m: m["slots"][0], "wrapped", flipped(0))
    altered("wrapped-of-another-slot", "a bit flipped in another slot", other_slot)
    for name, change in (
        ("cut", lambda of: of[:-1]),
        ("longer", lambda of: of + b"\0"),
        ("71-bytes", lambda of: of[:71]),
        ("commitment-alone", lambda of: of[:32]),
        ("none", lambda of: b""),
    ):
        altered(f"secrets-{name}", f"secrets: {name}", in_bytes(lambda m: m, "secrets", change))
    for name, spell in (
        ("padded", lambda of: of + "="),
        ("hex", lambda of: of.encode().hex()),
        ("length-1-modulo-4", lambda of: of[: len(of) // 4 * 4 + 1]),
        ("other-alphabet", lambda of: "+" + of[1:]),
    ):

        def respell(members: Json, spell: Callable[[str], str] = spell) -> None:
            members["secrets"] = spell(members["secrets"])

        altered(f"secrets-{name}", f"secrets that are no base64url: {name}", respell)
    return files


def _of_generations() -> Files:
    """Parts of other generations, and of other documents."""
    files: Files = {}

    def generation(number: int, slots: list[Json], keys: Json = SMALL, **of: Any) -> Json:
        about = f"generation {number}"
        return document(about, [], keys, slots, generation=number, master_key=MASTER, **of)

    rotated = ring(
        symmetric(APP, "wrap", "app", "open-only"),
        symmetric(APP + 9, "wrap", "app"),
        symmetric(ENVELOPE, "envelope", "envelope"),
    )
    operators, server = by_passphrase(1, PASSPHRASE), by_key(2)
    earlier = members_of(generation(1, [operators, server]))
    later = generation(2, [server])
    rotated_later = generation(2, [operators, server], rotated)
    rekeyed = document("rekeyed", [], SMALL, [operators, server], generation=2, master=2)
    other_id = document("another id", [], SMALL, [server], ring_id="00" * 16, master_key=MASTER)
    numbered = generation(2, [operators, server], master=2)

    def spliced(name: str, about: str, of: Json, change: Change, credential: Json) -> None:
        covers = ("RF-5", "RF-24")
        files.update(
            unlocking(f"rf24-{name}", "unlock", about, changed(of, change), credential, covers)
        )

    spliced(
        "slot-of-an-earlier-generation",
        "a removed slot put in again: opened by it",
        later,
        lambda m: m["slots"].insert(0, earlier["slots"][0]),
        BY_PASSPHRASE,
    )
    spliced(
        "slot-of-an-earlier-generation-beside",
        "a removed slot put in again: opened by another",
        later,
        lambda m: m["slots"].insert(0, earlier["slots"][0]),
        BY_KEY,
    )
    spliced(
        "secrets-of-an-earlier-generation",
        "the secrets of an earlier generation",
        rotated_later,
        lambda m: m.update(secrets=earlier["secrets"]),
        BY_KEY,
    )
    spliced(
        "keys-of-an-earlier-generation",
        "keys and secrets of an earlier generation",
        rotated_later,
        lambda m: m.update(secrets=earlier["secrets"], keys=earlier["keys"]),
        BY_KEY,
    )
    spliced(
        "slots-before-rekeying",
        "the slots of before the rekeying",
        rekeyed,
        lambda m: m.update(slots=earlier["slots"]),
        BY_KEY,
    )
    spliced(
        "slots-before-rekeying-and-their-number",
        "the slots of before the rekeying, and the number of their master key",
        rekeyed,
        lambda m: m.update(slots=earlier["slots"], master=earlier["master"]),
        BY_KEY,
    )
    spliced(
        "slot-of-another-number",
        "a slot wrapped under another number, the master key the same",
        numbered,
        lambda m: m["slots"].__setitem__(1, earlier["slots"][1]),
        BY_KEY,
    )
    spliced(
        "slots-of-another-document",
        "the slots of a document with another id, under the same master key",
        other_id,
        lambda m: m.update(slots=earlier["slots"][1:]),
        BY_KEY,
    )
    return files


def _unnumbered(slot: Slot, slot_key: bytes, nonce: bytes) -> Slot:
    """Wrapped by keys that no number went into."""
    told = {name: of for name, of in slot.members.items() if name != "wrapped"}
    okm = expand(slot_key, LABEL_SLOT + bytes.fromhex(RING_ID) + canonical(told), 64)
    wrapped = okm[32:] + nonce + aead_seal(okm[:32], nonce, b"", MASTER)
    return Slot({**slot.members, "wrapped": to_base64(wrapped)})


def _of_forgeries() -> Files:
    """What only one with the keys can make: each check stands for itself."""
    files: Files = {}

    def forged(name: str, about: str, members: Json, clause: str) -> None:
        text, covers = save.text(members), (clause, "RF-24")
        files.update(unlocking(f"rf24-{name}", "unlock", about, text, BY_KEY, covers))

    members = members_of(BASE)
    secrets = bytes.fromhex(BASE["secret_bytes"])
    slots = [Slot(slot) for slot in members["slots"]]
    plain = {name: of for name, of in members.items() if name != "secrets"}
    nonce = fixed("nonce of a forgery")[:24]
    for name, of in (
        ("too-few-secret-bytes", secrets[:-1]),
        ("too-many-secret-bytes", secrets + b"\0"),
        ("one-secret-too-many", secrets + bytes(32)),
        ("no-secret-bytes", b""),
    ):
        made = save.sealed(plain, slots, MASTER, of, nonce)
        forged(name, f"authentic, with {name.replace('-', ' ')}", made, "RF-6")
    aead, commitment = document_keys(MASTER, bytes.fromhex(RING_ID))
    aad = LABEL_RING + canonical(plain)
    other = fixed("another commitment")
    for name, of, clause in (
        (
            "commitment-of-the-document",
            other + nonce + aead_seal(aead, nonce, aad, secrets),
            "RF-6",
        ),
        (
            "aad-without-label",
            commitment + nonce + aead_seal(aead, nonce, aad[17:], secrets),
            "RF-5",
        ),
        (
            "aad-as-laid-out",
            commitment
            + nonce
            + aead_seal(aead, nonce, LABEL_RING + save.text(plain).encode(), secrets),
            "RF-5",
        ),
    ):
        about = f"sealed under the right key, but for the {name.replace('-', ' ')}"
        forged(name, about, {**members, "secrets": to_base64(of)}, clause)
    server = slots[1]
    slot_key = bytes.fromhex(BASE["slots"][1]["slot_key"])
    wrap_key, _ = server.keys(bytes.fromhex(RING_ID), 1, slot_key)
    wrapped = other + nonce + aead_seal(wrap_key, nonce, b"", MASTER)
    bad = Slot({**server.members, "wrapped": to_base64(wrapped)})
    made = save.sealed(plain, [slots[0], bad, *slots[2:]], MASTER, secrets, nonce)
    forged(
        "commitment-of-the-slot",
        "wrapped under the right key, with another commitment",
        made,
        "RF-7",
    )
    unbound = Slot({**server.members, "label": "another"}).wrap(
        bytes.fromhex(RING_ID), 1, slot_key, MASTER, nonce
    )
    bad = Slot({**server.members, "wrapped": unbound.members["wrapped"]})
    made = save.sealed(plain, [slots[0], bad, *slots[2:]], MASTER, secrets, nonce)
    forged("slot-wrapped-for-another-label", "a slot wrapped for another label", made, "RF-7")
    for name, bad in (
        ("another-document", server.wrap(bytes(16), 1, slot_key, MASTER, nonce)),
        ("another-number", server.wrap(bytes.fromhex(RING_ID), 2, slot_key, MASTER, nonce)),
        ("no-number", _unnumbered(server, slot_key, nonce)),
    ):
        made = save.sealed(plain, [slots[0], bad, *slots[2:]], MASTER, secrets, nonce)
        about = f"a slot wrapped for {name.replace('-', ' ')}"
        forged(f"slot-wrapped-for-{name}", about, made, "RF-7")
    # What who was left out of a rekeying can do: all but the slots is theirs to make.
    made = save.sealed({**plain, "generation": 9, "master": 2}, slots, MASTER, secrets, nonce)
    about = "a former master key under the number of the next one, in the slots of before"
    forged("former-master-key-renumbered", about, made, "RF-7")
    return files


def unlock_faults() -> Files:
    files: Files = {}
    for part in (
        _of_credentials,
        _of_alterations,
        _of_generations,
        _of_forgeries,
    ):
        made = part()
        assert not files.keys() & made.keys(), files.keys() & made.keys()
        files |= made
    return files
