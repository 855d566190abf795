"""The negative vectors of the texts of shares and slot keys [RF-12] [RF-20]: one fault each."""

from __future__ import annotations

from typing import Any

from fieldseal_ref import ed25519, shares
from fieldseal_ref.shares import Share, share_text
from fieldseal_ref.spelling import to_base64
from ring_faults import BAD_POINTS, BASE
from ring_positives import SIGN, Files, fixed


def _text(operation: str, name: str, error: str, about: str, clause: str, text: str) -> Files:
    file = {"about": about, "covers": [clause], "error": error, "kind": "refusal"}
    return {name: {**file, "operation": operation, "text": text}}


def text_faults() -> Files:
    files: Files = {}
    share = shares.share_from_text(BASE["slots"][2]["shares"][0])
    text = share_text(share)

    def at(place: int, symbol: str) -> str:
        return text[:place] + symbol + text[place + 1 :]

    def of(**change: Any) -> str:
        return share_text(Share(**{**share.__dict__, **change}))

    last = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
    spare = text[:-1] + last[last.index(text[-1]) + 1]
    other = next(symbol for symbol in "XY" if symbol != text[40])
    two = next(n for n in range(20, 90) if "-" not in text[n : n + 2] and text[n] != text[n + 1])
    exchanged = text[:two] + text[two + 1] + text[two] + text[two + 2 :]
    for name, error, typed in (
        ("empty", "malformed", ""),
        ("prefix-alone", "malformed", "FSSHARE"),
        ("prefix-and-version-alone", "malformed", "FSSHARE1"),
        ("prefix-missing", "malformed", text[8:]),
        ("prefix-mistyped", "malformed", "F5" + text[2:]),
        ("version-0", "malformed", at(7, "0")),
        ("version-2", "unsupported", at(7, "2")),
        ("version-9-and-nothing-else", "unsupported", "fsshare9"),
        ("version-of-a-letter", "malformed", at(7, "A")),
        ("cut", "malformed", text[:-1]),
        ("group-missing", "malformed", text[:-5]),
        ("symbol-too-many", "malformed", text + "0"),
        ("symbol-mistyped", "malformed", at(40, other)),
        ("symbols-exchanged", "malformed", exchanged),
        ("letter-u", "malformed", at(40, "U")),
        ("letter-of-another-script", "malformed", at(40, "\u0410")),
        ("dotless-i", "malformed", at(40, "\u0131")),
        ("sign", "malformed", at(40, "*")),
        ("dash-that-is-no-hyphen", "malformed", text.replace("-", "\u2013")),
        ("zero-width-space", "malformed", at(8, "\u200b")),
        ("file-separator", "malformed", at(8, "\x1c")),
        ("spare-bits", "malformed", spare),
        ("too-long", "malformed", text + " " * (1025 - len(text))),
        ("threshold-1", "malformed", of(threshold=1)),
        ("threshold-17", "malformed", of(threshold=17, count=32)),
        ("threshold-above-the-shares", "malformed", of(threshold=4)),
        ("shares-33", "malformed", of(count=33)),
        ("index-0", "malformed", of(index=0)),
        ("index-above-the-shares", "malformed", of(index=4)),
    ):
        about = f"no share: {name.replace('-', ' ')}"
        files |= _text("from-share", f"rf20-{name}", error, about, "RF-20", typed)
    key = shares.slot_key_text(fixed("slot key"))
    flipped = to_base64(fixed("slot key") + bytes(4))
    for name, typed in (
        ("empty", ""),
        ("prefix-alone", "fsk1."),
        ("prefix-missing", key[5:]),
        ("prefix-upper-case", key.upper()[:5] + key[5:]),
        ("another-version", key.replace("fsk1.", "fsk2.")),
        ("text-form-of-a-field", key.replace("fsk1.", "fs1.")),
        ("cut", key[:-1]),
        ("without-checksum", "fsk1." + to_base64(fixed("slot key"))),
        ("checksum", "fsk1." + flipped),
        ("longer", key + "AAAA"),
        ("padded", key + "="),
        ("other-alphabet", "fsk1.+" + key[6:]),
        ("white-space-inside", key[:30] + " " + key[30:]),
        ("file-separator-around", key + "\x1c"),
        ("upper-case", key.upper()),
    ):
        about = f"no slot key: {name.replace('-', ' ')}"
        files |= _text("from-slot-key", f"rf12-{name}", "malformed", about, "RF-12", typed)
    return files | _of_verifying_keys()


def _of_verifying_keys() -> Files:
    files: Files = {}
    public = ed25519.public_key(fixed("signing secret 1"))
    text = ed25519.verifying_key_text(SIGN, public)
    unchecked = "fsv1." + to_base64(SIGN.to_bytes(4, "big") + public + bytes(4))
    bad = {
        name: ed25519.verifying_key_text(SIGN, bytes.fromhex(point))
        for name, point in BAD_POINTS.items()
    }
    for name, typed in {
        "empty": "",
        "prefix-alone": "fsv1.",
        "prefix-missing": text[5:],
        "prefix-upper-case": text.upper()[:5] + text[5:],
        "another-version": text.replace("fsv1.", "fsv2."),
        "prefix-of-a-slot-key": text.replace("fsv1.", "fsk1."),
        "slot-key": shares.slot_key_text(fixed("slot key")),
        "cut": text[:-1],
        "without-checksum": "fsv1." + to_base64(SIGN.to_bytes(4, "big") + public),
        "without-id": "fsv1." + to_base64(public + bytes(4)),
        "checksum": unchecked,
        "longer": text + "AAAA",
        "padded": text + "=",
        "spare-bits": text[:-1] + chr(ord(text[-1]) + 1),
        "white-space-inside": text[:30] + " " + text[30:],
        "file-separator-around": text + "\x1c",
        "upper-case": text.upper(),
        "id-0": ed25519.verifying_key_text(0, public),
        **bad,
    }.items():
        about = f"no verifying key: {name.replace('-', ' ')}"
        named = f"rf30-{name}"
        files |= _text("from-verifying-key", named, "malformed", about, "RF-30", typed)
    return files
