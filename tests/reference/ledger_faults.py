"""The negative vectors of ledgers: one fault each."""

from __future__ import annotations

import json
from typing import Any

from fieldseal_ref import ed25519
from fieldseal_ref.spelling import from_base64
from ledger_positives import (
    BEGIN,
    COMPROMISED,
    ERASE,
    ERASE_CLASS,
    ERASE_SUBJECT,
    GRANT,
    OLD,
    OLD_KEY,
    OLD_RING,
    RING,
    ROTATED,
    WHOSE,
    WITHDRAW,
    WRAPS,
    ask,
    base64url,
    call,
    chained,
    key_text,
    keys_of,
    stored,
    written,
)
from ring_positives import SIGN, SIGN_KEY, Files, Json, public_half, reduced, ring, symmetric

KEYS = keys_of(RING)
FOUR = [BEGIN, GRANT, WITHDRAW, ERASE_SUBJECT]
LINES = chained(FOUR)


def head_at(number: int, lines: list[str] = LINES) -> str:
    head: str = ask("ledger-read", ring=RING, ledger=stored(lines[:number]).hex())["head"]
    return head


class Faults:
    """Faults of one clause, named after it."""

    def __init__(self, clause: str) -> None:
        self.clause = clause
        self.files: Files = {}

    def data(self, name: str, data: bytes, error: str = "malformed", **more: Any) -> None:
        named = f"{self.clause.lower().replace('-', '')}-{name}"
        assert named not in self.files, named
        file: Json = {
            "about": f"a ledger that breaks {self.clause}: {name.replace('-', ' ')}",
            "covers": ["LG-13", self.clause],
            "error": error,
            "kind": "refusal",
            "operation": "ledger-read",
            "keys": KEYS,
            **more,
        }
        end = data.rfind(b"\n") + 1
        try:
            lines = data[:end].decode().split("\n")[:-1]
            self.files[named] = {**file, "ledger": lines, "behind": data[end:].hex()}
        except UnicodeDecodeError:
            self.files[named] = {**file, "ledger": {"bytes": data.hex()}}

    def lines(self, name: str, lines: list[str], error: str = "malformed", **more: Any) -> None:
        self.data(name, stored(lines), error, **more)

    def last(self, name: str, of: Json, error: str = "malformed", **change: Any) -> None:
        """A last line of these members, changed, chained and signed."""
        lines = chained([BEGIN, {**of, **change}])
        self.lines(name, lines, error)

    def first(self, name: str, error: str = "malformed", **change: Any) -> None:
        self.lines(name, chained([{**BEGIN, **change}, GRANT]), error)


def _of_the_whole() -> Files:
    faults = Faults("LG-1")
    data = stored(LINES)
    faults.data("empty", b"")
    faults.data("no-whole-line", data[: data.index(b"\n") - 1])
    faults.data("last-line-feed-damaged", data[:-1] + b"\x0b")
    faults.data("last-line-feeds-damaged", data[:-1].replace(b"\n", b" ") + b" ")
    faults.data("brace-at-the-end", data + b"}")
    faults.data("zeros-at-the-end", data + bytes(4_096))
    faults.data("control-character-at-the-end", data + b'{"act":"era\x7f')
    faults.data("beginning-of-a-longer-line", data + b'{"actor":"' + b"x" * 32_759)
    faults.data("line-feed-alone", b"\n")
    faults.data("byte-order-mark", b"\xef\xbb\xbf" + data)
    faults.data("not-utf8", data.replace(b"news", b"new\xff"))
    faults.data("not-utf8-before-the-version", data.replace(b"ledger/1", b"ledger/\xff"))
    faults.lines("empty-line", [LINES[0], "", *LINES[1:]])
    faults.data("empty-line-at-the-end", data + b"\n")
    faults.data("carriage-returns", data.replace(b"\n", b"\r\n"))
    faults.lines("no-first-line", chained([GRANT, WITHDRAW]))
    faults.lines("begun-twice", chained([BEGIN, GRANT, {**BEGIN, "previous": ...}]))
    faults.lines("begun-again", chained([BEGIN, GRANT, BEGIN]))
    faults.lines("list", [f"[{line}]" for line in LINES])
    faults.lines("list-of-members", [json.dumps(list(json.loads(LINES[0]).values()))])
    faults.lines("number", ["1"])
    faults.lines("text", ['"ledger/1"'])
    faults.lines("two-in-a-line", ["".join(LINES[:2])])
    for name, version, error in (
        ("version-0", "ledger/0", "unsupported"),
        ("version-2", "ledger/2", "unsupported"),
        ("version-11", "ledger/11", "unsupported"),
        ("version-without-number", "ledger/", "unsupported"),
        ("version-of-something-else", "receipt/1", "malformed"),
        ("version-upper-case", "Ledger/1", "malformed"),
        ("version-empty", "", "malformed"),
        ("version-number", 1, "malformed"),
        ("version-null", None, "malformed"),
        ("version-missing", ..., "malformed"),
    ):
        faults.first(name, error, fieldseal=version)
    other = '{"fieldseal":"ledger/2","what":["this"],"build":null,"cannot":1.5}'
    faults.lines("version-2-of-other-members", [other, "and lines"], "unsupported")
    twice = LINES[0].replace(
        '"fieldseal":"ledger/1"', '"fieldseal":"ledger/1","fieldseal":"ledger/1"'
    )
    faults.lines("version-twice", [twice])
    return faults.files


def _of_length() -> Files:
    faults = Faults("LG-2")
    faults.last("longer-line", {**ERASE_SUBJECT, "more": "x" * 32_768})
    for name in ("actor", "notice", "purpose", "source"):
        faults.last(f"longer-{name}", ERASE_SUBJECT, **{name: "x" * 1_025})
    faults.last("longer-in-bytes", ERASE_SUBJECT, actor="\u00e9" * 513)
    return faults.files


ENTRIES = {"grant": GRANT, "withdraw": WITHDRAW, "class": ERASE_CLASS, "subject": ERASE_SUBJECT}


def _of_members() -> Files:
    faults = Faults("LG-3")
    for act, of in ENTRIES.items():
        for name in of:
            faults.last(f"{act}-without-{name}", of, **{name: ...})
    for name in ("key", "number", "previous"):
        faults.last(f"without-{name}", GRANT, **{name: ...})
    for name in BEGIN:
        if name != "fieldseal":
            faults.first(f"begin-without-{name}", **{name: ...})
    faults.first("begin-without-key", key=...)
    for name, value in (
        ("actor", "ada"),
        ("tenant", ""),
        ("subject", WHOSE["subject"]),
        ("class", "news"),
        ("generation", 1),
        ("previous", base64url(bytes(32))),
        ("history", False),
        ("role", "app"),
    ):
        faults.first(f"begin-with-{name}", **{name: value})
    for act, of, more in (
        ("withdraw", WITHDRAW, {"history": False}),
        ("class", ERASE_CLASS, {"role": "marketing"}),
        ("class", ERASE_CLASS, {"history": True}),
        ("subject", ERASE_SUBJECT, {"class": "news"}),
        ("subject", ERASE_SUBJECT, {"generation": 1}),
        ("grant", GRANT, {"ledger": BEGIN["ledger"]}),
        ("grant", GRANT, {"fieldseal": "ledger/1"}),
        ("grant", GRANT, {"reason": "none"}),
        ("grant", GRANT, {"Actor": "ada"}),
    ):
        faults.last(f"{act}-with-{next(iter(more)).lower()}", of, **more)
    for name, change in (
        ("act-unknown", {"act": "renew"}),
        ("act-upper-case", {"act": "Grant"}),
        ("act-in-another-spelling", {"act": "erase_subject"}),
        ("act-number", {"act": 1}),
        ("generation-0-of-a-grant", {"generation": 0}),
        ("generation-65536", {"generation": 65_536}),
        ("generation-negative", {"generation": -1}),
        ("generation-text", {"generation": "1"}),
        ("generation-null", {"generation": None}),
        ("history-text", {"history": "true"}),
        ("history-number", {"history": 1}),
        ("history-null", {"history": None}),
        ("class-upper-case", {"class": "News"}),
        ("class-empty", {"class": ""}),
        ("class-too-long", {"class": "c" * 65}),
        ("role-upper-case", {"role": "Marketing"}),
        ("role-too-long", {"role": "r" * 65}),
        ("role-list", {"role": ["marketing"]}),
        ("tenant-too-long", {"tenant": "x" * 65}),
        ("tenant-too-long-in-bytes", {"tenant": "\u00e9" * 33}),
        ("tenant-null", {"tenant": None}),
        ("actor-null", {"actor": None}),
        ("actor-list", {"actor": []}),
        ("subject-short", {"subject": base64url(bytes(15))}),
        ("subject-long", {"subject": base64url(bytes(17))}),
        ("subject-padded", {"subject": base64url(bytes(16)) + "=="}),
        ("subject-spare-bits", {"subject": base64url(bytes(16))[:-1] + "B"}),
        ("subject-hex", {"subject": bytes(16).hex()}),
        ("key-0", {"key": "00000000"}),
        ("key-short", {"key": "123456"}),
        ("key-upper-case", {"key": "3300000A"}),
        ("key-number", {"key": SIGN}),
        ("time-with-fraction", {"at": "2027-01-15T08:00:00.0Z"}),
        ("time-of-no-day", {"at": "2027-02-29T08:00:00Z"}),
        ("time-leap-second", {"at": "2016-12-31T23:59:60Z"}),
        ("time-with-offset", {"at": "2027-01-15T08:00:00+00:00"}),
        ("time-before-1970", {"at": "1969-12-31T23:59:59Z"}),
        ("time-after-the-last", {"at": "9999-12-30T22:00:01Z"}),
        ("time-lower-case", {"at": "2027-01-15t08:00:00z"}),
        ("time-number", {"at": 1_800_000_000}),
        ("number-text", {"number": "2"}),
        ("number-of-another-line", {"number": 1}),
        ("number-skipped", {"number": 3}),
        ("number-0", {"number": 0}),
    ):
        faults.last(name, GRANT, **change)
    faults.last("generation-0-of-an-erasure", ERASE_CLASS, generation=0)
    for name, change in (
        ("ledger-short", {"ledger": "00" * 15}),
        ("ledger-upper-case", {"ledger": "AA" * 16}),
        ("begin-number-0", {"number": 0}),
        ("begin-number-2", {"number": 2}),
        ("begin-at-no-time", {"at": "2027-01-15"}),
        ("begin-of-another-act", {"act": "erase-subject"}),
    ):
        faults.first(name, **change)
    return faults.files


def _of_spelling() -> Files:
    faults = Faults("LG-4")
    last = LINES[-1]
    for name, line in (
        ("space", last.replace(":", ": ", 1)),
        ("space-before", " " + last),
        ("space-behind", last + " "),
        ("tab", last.replace(",", ",\t", 1)),
        ("escape-not-needed", last.replace("erase-subject", "erase\\u002dsubject")),
        ("escaped-solidus", chained([BEGIN, {**GRANT, "actor": "a/b"}])[1].replace("a/b", "a\\/b")),
        ("number-with-fraction", last.replace('"number":4', '"number":4.0')),
        ("number-with-exponent", last.replace('"number":4', '"number":4e0')),
        ("number-with-zero", last.replace('"number":4', '"number":04')),
        ("member-twice", last.replace('"tenant":""', '"tenant":"","tenant":""')),
        ("order", reordered(last)),
        ("comma-behind", last.replace("}", ",}")),
        ("cut", last[:-1]),
        ("more-behind", last + "{}"),
        ("lone-surrogate", last.replace('"tenant":""', '"tenant":"\\ud800"')),
    ):
        assert line != last, name
        before = LINES[:-1] if name != "escaped-solidus" else LINES[:1]
        faults.lines(name, [*before, line])
    upper = chained([BEGIN, {**GRANT, "actor": "\x1f"}])
    faults.lines("escape-upper-case", [upper[0], upper[1].replace("\\u001f", "\\u001F")])
    ascii_ = chained([BEGIN, {**GRANT, "actor": "\u00e9"}])
    faults.lines("escaped-to-ascii", [ascii_[0], ascii_[1].replace("\u00e9", "\\u00e9")])
    for name, order in (
        ("line-left-out", (0, 1, 3)),
        ("first-left-out", (1, 2, 3)),
        ("order-of-lines", (0, 2, 1, 3)),
        ("line-twice", (0, 1, 1, 2, 3)),
        ("first-twice", (0, 0, 1, 2, 3)),
    ):
        faults.lines(name, [LINES[at] for at in order])
    other = chained([{**BEGIN, "ledger": "ff" * 16}, *FOUR[1:]])
    faults.lines("lines-of-another-ledger", [LINES[0], *other[1:]])
    faults.lines("line-of-another-ledger", [*LINES[:3], other[3]])
    changed = chained([BEGIN, {**GRANT, "history": False}, *FOUR[2:]])
    faults.lines("line-replaced", [LINES[0], changed[1], *LINES[2:]])
    for name, previous in (
        ("previous-of-zeros", base64url(bytes(32))),
        ("previous-of-nothing", ""),
        ("previous-padded", json.loads(LINES[1])["previous"] + "="),
        ("previous-null", None),
    ):
        faults.last(name, GRANT, previous=previous)
    return faults.files


def reordered(line: str) -> str:
    members = json.loads(line)
    return json.dumps(dict(reversed(members.items())), separators=(",", ":"))


def _with_signature(line: str, signature: bytes | str) -> str:
    members = json.loads(line)
    text = signature if isinstance(signature, str) else base64url(signature)
    return json.dumps({**members, "signature": text}, separators=(",", ":"), ensure_ascii=False)


def _of_signature() -> Files:
    faults = Faults("LG-5")
    last = LINES[-1]
    signature = from_base64(json.loads(last)["signature"])
    assert signature is not None
    r, s = signature[:32], int.from_bytes(signature[32:], "little")
    message = ed25519_message(last)
    secret = bytes.fromhex(SIGN_KEY["secret"])
    for name, other in (
        ("altered-r", bytes([r[0] ^ 1]) + signature[1:]),
        ("altered-s", signature[:63] + bytes([signature[63] ^ 1])),
        ("zeros", bytes(64)),
        ("s-plus-the-order", r + (s + ed25519.L).to_bytes(32, "little")),
        ("r-of-small-order", (1).to_bytes(32, "little") + signature[32:]),
        ("without-its-label", ed25519.sign(secret, message[len(b"fieldseal/v1 ledger") :])),
        ("label-of-a-receipt", ed25519.sign(secret, message.replace(b"ledger", b"receipt", 1))),
        ("by-another-key", ed25519.sign(bytes.fromhex(OLD_KEY["secret"]), message)),
        ("of-another-line", from_base64(json.loads(LINES[1])["signature"]) or b""),
    ):
        faults.lines(name, [*LINES[:-1], _with_signature(last, other)], "tampered")
    for name, text in (
        ("short", base64url(signature[:63])),
        ("long", base64url(signature + b"\0")),
        ("empty", ""),
        ("padded", base64url(signature) + "=="),
        ("spare-bits", base64url(signature)[:-1] + spare(base64url(signature)[-1])),
        ("hex", signature.hex()),
    ):
        faults.lines(name, [*LINES[:-1], _with_signature(last, text)])
    none = json.loads(last)
    del none["signature"]
    faults.lines("none", [*LINES[:-1], json.dumps(none, separators=(",", ":"))])
    for name, change in (
        ("altered-act", ("marketing", "marketinh")),
        ("altered-generation", ('"generation":1', '"generation":2')),
        ("altered-history", ('"history":true', '"history":false')),
    ):
        line = LINES[1].replace(*change)
        assert line != LINES[1]
        faults.lines(name, [LINES[0], line], "tampered")
    begun = LINES[0].replace("2027-01-15", "2027-01-16")
    faults.lines("altered-first-line", [begun], "tampered")
    faults.lines("no-key-given", LINES, "missing-key", keys=[])
    faults.lines("another-key-given", LINES, "missing-key", keys=[key_text(OLD_KEY)])
    wrong = key_text({**OLD_KEY, "id": SIGN})
    faults.lines("another-key-of-the-id", LINES, "tampered", keys=[wrong])
    return faults.files


def spare(symbol: str) -> str:
    """The next symbol of the alphabet: another in the bits that are left over."""
    alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
    return alphabet[alphabet.index(symbol) + 1]


def ed25519_message(line: str) -> bytes:
    return bytes.fromhex(ask("ledger-parts", members=json.loads(line))["message"])


def _of_order() -> Files:
    """[LG-13]"""
    faults = Faults("LG-13")
    altered = LINES[0].replace("2027-01-15", "2027-01-16")
    wrong_last = _with_signature(LINES[-1], bytes(64))
    of_two = [call(ERASE), call(ERASE, subject={"int": "43"}, ring=ROTATED)]
    two_keys = written(of_two, OLD_RING)["lines"]
    new_only = [key_text(SIGN_KEY)]
    faults.lines("malformed-before-tampered", [altered, "x"])
    faults.lines("malformed-before-rolled-back", [*LINES[:2], "x"], known=head_at(4))
    faults.lines(
        "rolled-back-before-tampered", [*LINES[:3], wrong_last], "rolled-back", known=head_at(4)
    )
    faults.lines(
        "rolled-back-before-missing-key", LINES[:2], "rolled-back", known=head_at(4), keys=[]
    )
    faults.lines("the-first-line-in-doubt", two_keys, "missing-key", keys=new_only)
    key = two_keys[2].replace(f"{SIGN:08x}", f"{SIGN + 9:08x}")
    signed = [two_keys[0], _with_signature(two_keys[1], bytes(64)), key]
    faults.lines(
        "tampered-before-a-missing-key",
        signed[:2] + follow(signed),
        "tampered",
        keys=[key_text(OLD_KEY)],
    )
    faults.lines(
        "unsupported-before-malformed",
        [chained([{**BEGIN, "fieldseal": "ledger/2"}])[0], "x"],
        "unsupported",
    )
    faults.lines(
        "compromised-beyond-the-known-head",
        two_keys,
        "missing-key",
        keys=new_only,
        known=head_of(two_keys[:1]),
    )
    faults.lines(
        "tampered-behind-the-known-head", [*LINES[:3], wrong_last], "tampered", known=head_at(3)
    )
    return faults.files


def follow(lines: list[str]) -> list[str]:
    """The third line, behind the second as it stands."""
    members = json.loads(lines[2])
    parts = ask("ledger-parts", members=json.loads(lines[1]))
    previous = base64url(bytes.fromhex(parts["hash"]))
    return [json.dumps({**members, "previous": previous}, separators=(",", ":"))]


def head_of(lines: list[str]) -> str:
    """By the hash alone."""
    parts = ask("ledger-parts", members=json.loads(lines[-1]))
    return f"{len(lines)}.{base64url(bytes.fromhex(parts['hash']))}"


def _of_heads() -> Files:
    faults = Faults("LG-15")
    for name, lines, known in (
        ("cut-off", LINES[:3], head_at(4)),
        ("cut-off-but-for-half-a-line", LINES[:3], head_at(4)),
        ("empty", [], head_at(1)),
        ("of-another-number", LINES, "3." + head_at(4)[2:]),
        ("of-another-hash", LINES, "4." + head_at(3)[2:]),
        ("of-another-ledger", LINES, head_of(chained([{**BEGIN, "ledger": "ff" * 16}]))),
        ("further-on", LINES, "9007199254740991." + head_at(4)[2:]),
    ):
        behind = LINES[3][:100].encode() if "half" in name else b""
        faults.data(name, stored(lines, behind), "rolled-back", known=known)
    good = head_at(4)
    for name, text in (
        ("text-empty", ""),
        ("text-without-hash", "4"),
        ("text-without-number", good[1:]),
        ("text-number-0", "0" + good[1:]),
        ("text-number-with-zero", "0" + good),
        ("text-number-with-sign", "+" + good),
        ("text-number-beyond", "9007199254740992" + good[1:]),
        ("text-number-far-beyond", "99999999999999999999" + good[1:]),
        ("text-hash-short", good[:-1]),
        ("text-hash-long", good + "A"),
        ("text-hash-spare-bits", good[:-1] + spare(good[-1])),
        ("text-hash-padded", good + "="),
        ("text-space", " " + good),
        ("text-line-feed", good + "\n"),
        ("text-two-points", good.replace(".", "..")),
    ):
        faults.files[f"lg15-{name}"] = {
            "about": f"no head of a ledger: {name.removeprefix('text-').replace('-', ' ')}",
            "covers": ["LG-15"],
            "error": "invalid-input",
            "kind": "refusal",
            "operation": "head",
            "text": text,
        }
    return faults.files


def _of_tokens() -> Files:
    """[LG-6]: the secret that tells whose the entries are."""
    made = written([call(ERASE), call(ERASE, subject={"int": "43"}, ring=ROTATED)], OLD_RING)
    files: Files = {}
    for name, key in (
        ("absent", None),
        ("disabled", symmetric(OLD, "sign", "sign", "disabled")),
        ("public-half", public_half(symmetric(OLD, "sign", "sign", "open-only"))),
        ("name-only", reduced(symmetric(OLD, "sign", "sign", "open-only"), "name-only")),
        ("destroyed", reduced(symmetric(OLD, "sign", "sign", "destroyed"), "name-only")),
        ("of-another-use", {**symmetric(OLD, "index", "index"), "id": OLD}),
    ):
        files[f"lg6-{name}"] = {
            "about": f"one of the keys that signed is {name.replace('-', ' ')}: it cannot be told whose a line is",
            "covers": ["LG-6"],
            "error": "missing-key",
            "kind": "refusal",
            "operation": "ledger-of",
            "ring": ring(*WRAPS, SIGN_KEY, *([] if key is None else [key])),
            "keys": keys_of(ROTATED),
            "ledger": made["lines"],
            "behind": "",
            "tenant": "",
            "subject": {"int": "43"},
        }
    long = {**files["lg6-absent"], "about": "a tenant that is none", "error": "invalid-input"}
    files["lg6-tenant"] = {**long, "ring": COMPROMISED, "tenant": "x" * 65}
    return files


def faults() -> Files:
    files: Files = {}
    for made in (
        _of_the_whole(),
        _of_length(),
        _of_members(),
        _of_spelling(),
        _of_signature(),
        _of_order(),
        _of_heads(),
        _of_tokens(),
    ):
        assert not files.keys() & made.keys()
        files |= made
    return files
