"""The negative vectors of unprotected documents: one fault each."""

from __future__ import annotations

from typing import Any

from fieldseal_ref.spelling import to_base64
from ring_faults import BASE, STATES, changed, members_of, refusal, text_of
from ring_positives import VERIFYING, WRITER, Files, Json, fixed, unprotected
from ring_unlock_faults import BY_KEY, BY_PASSPHRASE, BY_SHARES, flipped, in_bytes, unlocking


def unprotected_faults() -> Files:
    """[RF-11] [RF-22]"""
    files: Files = {}
    writer = unprotected("a writer's ring", [], WRITER, generation=3)
    pairs = unprotected("a ring with pairs", [], STATES["ring"], generation=3)
    pin = {"fingerprint": writer["fingerprint"]}

    def opening(name: str, error: str, about: str, text: str, **more: Any) -> None:
        file = refusal("ring-open-unprotected", error, about, ["RF-22"], text)
        files[f"rf22-{name}"] = {**file, **more}

    opening("protected", "invalid-input", "a protected document", text_of(BASE))
    about = "a protected document, and a fingerprint"
    opening("protected-and-pinned", "invalid-input", about, text_of(BASE), **pin)
    text = text_of(writer)
    opening("pinned-otherwise", "unlock", "another fingerprint", text, fingerprint="00" * 32)
    other = to_base64(fixed("another public key"))
    half = next(n for n, key in enumerate(members_of(writer)["keys"]) if "public" in key)
    for name, change, about in (
        ("public-key", lambda m: m["keys"][half].update(public=other), "a public key swapped"),
        ("state", lambda m: m["keys"][half].update(state="disabled"), "a state altered"),
        ("generation", lambda m: m.update(generation=2), "another generation"),
        ("written-at", lambda m: m.update(written_at="2027-01-15T08:00:01Z"), "another time"),
        ("secret", in_bytes(lambda m: m, "unprotected", flipped(0)), "a secret altered"),
        ("no-base64url", lambda m: m.update(unprotected="="), "secrets that are none, and pinned"),
    ):
        opening(f"pinned-{name}", "unlock", about, changed(writer, change), **pin)
    opening("floor", "rolled-back", "a generation below the floor", text, floor=4)
    opening("pinned-floor", "rolled-back", "pinned, and below the floor", text, **pin, floor=4)
    about = "under no master key, where the floor has one"
    opening("floor-master", "rolled-back", about, text, floor="1.3")
    opening("pinned-floor-master", "rolled-back", f"pinned, {about}", text, **pin, floor="1.3")
    for name, change, about in (
        ("no-base64url", lambda m: m.update(unprotected=m["unprotected"] + "="), "padding"),
        ("cut", in_bytes(lambda m: m, "unprotected", lambda of: of[:-1]), "a byte too few"),
        ("longer", in_bytes(lambda m: m, "unprotected", lambda of: of + b"\0"), "a byte too many"),
        ("none", lambda m: m.update(unprotected=""), "no secrets"),
    ):
        opening(f"secrets-{name}", "malformed", f"secrets with {about}", changed(writer, change))
    pair = next(n for n, key in enumerate(members_of(pairs)["keys"]) if "public" in key)
    swapped = changed(pairs, lambda m: m["keys"][pair].update(public=other))
    opening("public-key-of-a-pair", "malformed", "a pair's public key swapped", swapped)
    verifying = unprotected("an auditor's ring", [], VERIFYING, generation=3)
    at = next(n for n, key in enumerate(members_of(verifying)["keys"]) if "public" in key)
    as_secret = changed(
        verifying,
        lambda m: (m["keys"][at].pop("public"), m["keys"][at].update(holds="secret")),
    )
    opening("public-half-as-a-secret", "malformed", "a public half told as a secret", as_secret)
    opening(
        "pinned-public-half",
        "unlock",
        "another's public half",
        changed(
            verifying,
            lambda m: m["keys"][at].update(public=m["keys"][at + 1]["public"]),
        ),
        fingerprint=verifying["fingerprint"],
    )
    for name, credential in (
        ("passphrase", BY_PASSPHRASE),
        ("key", BY_KEY),
        ("shares", BY_SHARES),
    ):
        files |= unlocking(
            f"rf23-unprotected-by-{name}",
            "unprotected",
            f"an unprotected document where a protected one is expected, by {name}",
            text,
            credential,
            ("RF-11",),
        )

    def downgrade(members: Json) -> None:
        del members["secrets"], members["master"]
        members.update(slots=[], unprotected=to_base64(bytes.fromhex(BASE["secret_bytes"])))

    files |= unlocking(
        "rf23-unprotected-in-place",
        "unprotected",
        "a protected document replaced by an unprotected one",
        changed(BASE, downgrade),
        BY_KEY,
        ("RF-11",),
    )
    return files
