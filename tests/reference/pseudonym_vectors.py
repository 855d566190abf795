"""Makes tests/vectors/pseudonyms: `python3 pseudonym_vectors.py --write`.

The files are the same each time. `tests/vectors/check.py` compares them.
"""

from __future__ import annotations

import json
import sys
from pathlib import Path

from ring_positives import (
    PSEUDONYM,
    PSEUDONYM_KEY,
    Files,
    Json,
    ask,
    derived,
    positive,
    reduced,
    ring,
    symmetric,
)

HERE = Path(__file__).resolve().parent.parent / "vectors" / "pseudonyms"

ANALYTICS: Json = {"tenant": "", "purpose": "analytics"}
ADA: Json = {"int": "42"}


def _key(number: int, state: str) -> Json:
    return symmetric(PSEUDONYM + number, "pseudonym", "pseudonym", state)


def _named(key: Json) -> Json:
    return reduced(key, "name-only")


FORMER = _key(1, "open-only")
OTHERS = [_key(2, "disabled"), _key(3, "compromised"), _key(4, "destroyed")]


# --- positive files ---------------------------------------------------------


def _under(key: Json, scope: Json, subject: Json) -> Json:
    """What one ring key makes, with every intermediate value."""
    held = [one for one in key.get("derived", []) if scope.items() <= one.items()]
    if held:
        secret = held[0]["key"]
        of: Json = {"purpose_key": secret}
    else:
        made = ask("derived-key", use="pseudonym", master=key["secret"], scope=scope)
        of, secret = {"info": made["info"], "purpose_key": made["key"]}, made["key"]
    made = ask("pseudonym-of", key=secret, subject=subject)
    forms = {form: made[form] for form in ("token", "uuid", "text")}
    return {"key": key["id"], "subject_id": made["subject_id"], **of, **forms}


def _positive(
    about: str, covers: list[str], keys: list[Json], scope: Json, subjects: list[Json], **more: bool
) -> Json:
    """Under which keys: those that count, the primary one first."""
    counts = ["primary", "open-only"] + ["compromised"] * more.get("rescue", False)
    asked = [key for key in keys if key["state"] in counts]
    asked.sort(key=lambda key: (key["state"] != "primary", key["id"]))
    return {
        **positive("pseudonym", about, covers),
        "ring": ring(*keys),
        **scope,
        **more,
        "of": [
            {
                "subject": subject,
                "primary": asked[0]["state"] == "primary",
                "under": [_under(key, scope, subject) for key in asked],
            }
            for subject in subjects
        ],
    }


def _positives() -> Files:
    long = {"text": "x" * 254}
    subjects: list[Json] = [
        ADA,
        {"int": "0"},
        {"int": str(2**64 - 1)},
        {"int": "-1"},
        {"int": str(-(2**63))},
        {"text": "42"},
        {"text": "Ada \u00c9\u0301\u2028\U0001f980"},
        long,
        {"uuid": "00112233445566778899aabbccddeeff"},
        {"bytes": "00112233445566778899aabbccddeeff"},
        {"bytes": "00"},
        {"composite": [{"text": "shop"}, ADA]},
        {"composite": [ADA, {"text": "shop"}]},
    ]
    wide = {"tenant": "\u00c9\u2028\U0001f980" * 7 + "a", "purpose": "p" * 64}
    whole = [PSEUDONYM_KEY, FORMER, *OTHERS]
    halves = [derived(key, [ANALYTICS]) for key in (PSEUDONYM_KEY, FORMER)]
    # What was derived for another purpose, and a key that does not count, take nothing away.
    more = [{"tenant": "", "purpose": "advertising"}, ANALYTICS]
    several = [derived(PSEUDONYM_KEY, more), _named(OTHERS[0]), _named(OTHERS[1])]
    few = [ADA, {"text": "ada"}]
    return {
        "subjects": _positive(
            "subjects of every form", ["PS-1", "PS-2"], [PSEUDONYM_KEY], ANALYTICS, subjects
        ),
        "purpose": _positive(
            "the same subjects for another purpose",
            ["PS-1"],
            [PSEUDONYM_KEY],
            {"tenant": "", "purpose": "advertising"},
            few,
        ),
        "tenant": _positive(
            "the same subjects of another tenant",
            ["PS-1"],
            [PSEUDONYM_KEY],
            {"tenant": "acme", "purpose": "analytics"},
            few,
        ),
        "longest-names": _positive(
            "the longest names that there are", ["PS-1"], [PSEUDONYM_KEY], wide, few
        ),
        "rotated": _positive(
            "a rotated key: the former one is asked, others are not",
            ["PS-3", "PS-4"],
            whole,
            ANALYTICS,
            few,
        ),
        "rescue": _positive(
            "in rescue mode the compromised key is asked too",
            ["PS-3", "PS-4"],
            whole,
            ANALYTICS,
            few,
            rescue=True,
        ),
        "derived": _positive(
            "a ring that holds the keys of the purpose alone makes the same",
            ["PS-3", "PS-4"],
            halves,
            ANALYTICS,
            few,
        ),
        "derived-among-others": _positive(
            "derived keys of other purposes, and keys by their names that do not count",
            ["PS-3", "PS-4"],
            several,
            ANALYTICS,
            few,
        ),
        "former-alone": _positive(
            "without a primary key the former pseudonyms are known", ["PS-4"], [FORMER], ANALYTICS, few
        ),
    }


# --- negative files ---------------------------------------------------------


def _refusals() -> Files:
    files: Files = {}

    def refused(
        name: str,
        error: str,
        about: str,
        keys: list[Json],
        scope: Json = ANALYTICS,
        subject: Json | None = ADA,
        operations: tuple[str, ...] = ("pseudonym", "pseudonyms"),
        **more: bool,
    ) -> None:
        for operation in operations:
            behind = "-all" if operation == "pseudonyms" else ""
            files[f"no-{name}{behind}"] = {
                "about": about,
                "covers": ["PS-5"],
                "error": error,
                "kind": "refusal",
                "operation": operation,
                "ring": ring(*keys),
                **scope,
                "subject": subject,
                **more,
            }

    bad, missing, one, all_ = "invalid-input", "missing-key", ("pseudonym",), ("pseudonyms",)
    keys = [PSEUDONYM_KEY]
    for name, purpose in (("empty", ""), ("upper-case", "Analytics"), ("too-long", "p" * 65)):
        scope = {"tenant": "", "purpose": purpose}
        refused(f"purpose-{name}", bad, "a purpose that is no name", keys, scope)
    scope = {"tenant": "\u00e9" * 32 + "a", "purpose": "analytics"}
    refused("tenant-too-long", bad, "a tenant of 65 bytes", keys, scope)
    for name, subject in (
        ("none", None),
        ("empty", {"text": ""}),
        ("too-long", {"text": "x" * 255}),
        ("too-high", {"int": str(2**64)}),
        ("nested", {"composite": [ADA, {"composite": [ADA, ADA]}]}),
    ):
        refused(f"subject-{name}", bad, "a subject that is no id", keys, ANALYTICS, subject)

    index = symmetric(0x11000001, "index", "index")
    refused("key", missing, "a ring without a pseudonym key", [])
    refused("key-of-the-use", missing, "a key of another use", [index])
    for number, state in ((2, "disabled"), (3, "compromised"), (4, "destroyed")):
        refused(f"key-{state}", missing, f"a key that is {state}", [_key(number, state)])
    refused("key-by-name", missing, "a key by its name alone", [_named(PSEUDONYM_KEY)])
    of = [derived(PSEUDONYM_KEY, [{"tenant": "", "purpose": "advertising"}])]
    refused("key-of-the-purpose", missing, "the derived key of another purpose", of)
    of = [derived(PSEUDONYM_KEY, [{"tenant": "acme", "purpose": "analytics"}])]
    refused("key-of-the-tenant", missing, "the derived key of another tenant", of)

    refused("primary", missing, "a former key makes nothing new", [FORMER], operations=one)
    named = [_named(PSEUDONYM_KEY), FORMER]
    refused("primary-but-a-name", missing, "of the primary key the name alone", named)
    compromised = [OTHERS[1]]
    refused(
        "primary-in-rescue-mode",
        missing,
        "a compromised key makes nothing new, in rescue mode too",
        compromised,
        operations=one,
        rescue=True,
    )
    named = [PSEUDONYM_KEY, _named(FORMER)]
    about = "of a former key the name alone: it is not known what to look for"
    refused("former-key", missing, about, named, operations=all_)
    of = [PSEUDONYM_KEY, derived(FORMER, [{"tenant": "", "purpose": "advertising"}])]
    refused("former-key-of-the-purpose", missing, about, of, operations=all_)

    scope = {"tenant": "", "purpose": "Analytics"}
    about = "the purpose is no name, and there is no key"
    refused("order-purpose-before-keys", bad, about, [], scope)
    about = "there is no key, and the subject is no id"
    refused("order-keys-before-subject", missing, about, [], subject={"text": ""})
    about = "the subject is no id, and no key is primary"
    refused("order-subject-before-primary", bad, about, [FORMER], subject={"text": ""}, operations=one)
    about = "the subject is no id, and of a former key there is the name alone"
    refused("order-subject-before-former", bad, about, named, subject={"text": ""}, operations=all_)
    return files


def rendered() -> dict[str, str]:
    """By file name."""
    made, refusals = _positives(), _refusals()
    assert not made.keys() & refusals.keys()
    return {
        f"{name}.json": json.dumps(file, indent=2, ensure_ascii=True) + "\n"
        for name, file in (made | refusals).items()
    }


def main() -> None:
    if sys.argv[1:] != ["--write"]:
        raise SystemExit("usage: pseudonym_vectors.py --write: it writes its directory anew")
    HERE.mkdir(exist_ok=True)
    for path in HERE.glob("*.json"):
        path.unlink()
    for name, text in rendered().items():
        (HERE / name).write_text(text, encoding="utf-8")


if __name__ == "__main__":
    main()
