"""The operations of `serve` on ledgers and receipts (section 13)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from . import convert, ed25519, ledger, receipt
from .classes import ClassDecl, Declarations
from .crypto import Generator
from .edit import Editor
from .encoding import check_tenant, subject_id
from .envelope import parse, verify
from .jcs import canonical
from .ledger import Act, Circumstances, Head, Keys, Ledger
from .replay import Player, Replay
from .ring import Ring
from .spelling import to_base64

Dict = dict[str, Any]


def keys_of(r: Dict) -> Keys:
    """`keys`, as texts; else those of the ring that count."""
    if r.get("keys") is not None:
        return dict(ed25519.verifying_key_from_text(text) for text in r["keys"])
    return ledger.verifying(convert.ring(r["ring"]))


def _read(r: Dict) -> Ledger:
    """`ledger`, hex; `head`, if one is known."""
    known = None if r.get("head") is None else Head.of(r["head"])
    return ledger.read(bytes.fromhex(r["ledger"]), keys_of(r), known)


def _shown(r: Dict) -> Dict:
    out = _read(r)
    return {
        "id": out.id.hex(),
        "head": out.head.text,
        "torn": out.is_torn,
        "entries": [ledger.shown(entry) for entry in out.entries],
    }


def _whose(r: Dict) -> tuple[str, bytes]:
    check_tenant(r["tenant"])
    return r["tenant"], subject_id(convert.id_(r["subject"]))


def _of(r: Dict) -> Dict:
    """The numbers of a subject's lines, and its consents."""
    tenant, subject = _whose(r)
    ring, read = convert.ring(r["ring"]), _read(r)
    told = ledger.Tokens(ring, [read]).about(tenant, subject)
    consents = ledger.consents(ring, read, tenant, subject)
    return {
        "numbers": [entry.number for _, entry in told],
        "consents": [[one.cls, one.role, one.given, one.withdrawn] for one in consents],
    }


# --- writing ---------------------------------------------------------------


def _edited(call: Dict, ring: Ring, stored: bytes | None, apply: Any) -> tuple[bytes, Editor]:
    """An envelope made or changed by a call, and what it tells."""
    tenant, subject = check_tenant(call["tenant"]), subject_id(convert.id_(call["subject"]))
    verified = None if stored is None else verify(stored, ring, tenant, subject, False, 0)
    seed = call.get("seed")
    gen = Generator(None if seed is None else convert.exactly(32, seed))
    editor = Editor(ring, tenant, subject, call["at"], gen, verified)
    editor.has_evidence = bool(call.get("source")) and bool(call.get("notice"))
    seen = Declarations(with_consented=verified is None)
    for change in call["changes"]:
        apply(editor, seen, change)
    return editor.finish(), editor


def write(r: Dict, apply: Any) -> Dict:
    """`ring`, `id` and `at` of the first line; `calls`, each changing one subject's envelope: the newest,
    or that which the call of the number `from` left. What a call's own `ring` is, if there is one, wraps
    and signs from then on."""
    ring = convert.ring(r["ring"])
    lines = [ledger.begin(ring, r["at"], convert.exactly(16, r["id"]))]
    stored: dict[Any, bytes] = {}
    left: list[bytes] = []
    counts = []
    for call in r["calls"]:
        ring = convert.ring(call["ring"]) if "ring" in call else ring
        of = (call["tenant"], subject_id(convert.id_(call["subject"])))
        before = left[call["from"]] if "from" in call else stored.get(of)
        after, editor = _edited(call, ring, before, apply)
        said = {name: call[name] for name in ledger.SAID if name in call}
        for act in editor.acts:
            head = Head(len(lines), ledger.hash_of(lines[-1]))
            circumstances = Circumstances(*of, call["at"], said)
            lines.append(ledger.next_line(ring, head, act, circumstances))
        stored[of] = after
        left.append(after)
        counts.append(len(editor.acts))
    return {
        "lines": [line.decode("utf-8") for line in lines],
        "counts": counts,
        "envelopes": [envelope.hex() for envelope in left],
    }


def _make(r: Dict) -> Dict:
    """A ledger of `acts` of one subject, each with its time `at`."""
    ring = convert.ring(r["ring"])
    tenant, subject = _whose(r)
    lines = [ledger.begin(ring, r["at"], convert.exactly(16, r["id"]))]
    for told in r["acts"]:
        names = ("act", "class", "role", "generation", "history")
        act = Act(*(told.get(name) for name in names))
        head = Head(len(lines), ledger.hash_of(lines[-1]))
        lines.append(
            ledger.next_line(ring, head, act, Circumstances(tenant, subject, told["at"], {}))
        )
    return {"ledger": b"".join(line + b"\n" for line in lines).hex()}


def _line(r: Dict) -> Dict:
    """A line that its members make, signed by the ring."""
    members = {name: of for name, of in r["members"].items() if name != "signature"}
    _, secret = ledger.signer(convert.ring(r["ring"]))
    signature = ed25519.sign(secret, ledger.message(members))
    line = canonical({**members, "signature": to_base64(signature)})
    return {"line": line.decode("utf-8"), "hash": ledger.hash_of(line).hex()}


def _parts(r: Dict) -> Dict:
    """What a line is made of, for vectors."""
    members = r["members"]
    line = canonical(members)
    return {"message": ledger.message(members).hex(), "hash": ledger.hash_of(line).hex()}


# --- replay ----------------------------------------------------------------


def _replay(r: Dict) -> Dict:
    """`ledgers`: each with `ledger`, and `head` if one is known; `classes`."""
    ring = convert.ring(r["ring"])
    ledgers = [_read({**r, **one}) for one in r["ledgers"]]
    seen = Declarations(with_consented=False)
    declared: list[ClassDecl] = [seen.add(convert.class_(one)) for one in r["classes"]]
    replay = Replay(ring, ledgers, declared)
    tenant, subject = _whose(r)
    rescue = bool(r.get("rescue"))
    data = bytes.fromhex(r["envelope"])
    verified = verify(data, ring, check_tenant(tenant), subject, rescue, 0)
    seed = r.get("seed")
    gen = Generator(None if seed is None else convert.exactly(32, seed))
    player = Player(ring, check_tenant(tenant), subject, r["now"], gen, verified, rescue)
    report = replay.apply(player, tenant, subject)
    return {"envelope": player.finish().hex(), "reported": report}


# --- receipts --------------------------------------------------------------


def make_receipt(r: Dict, apply: Any) -> Dict:
    """Of the erasure that `changes` make in `envelope` at `now`, if that is there; else from
    `generations`, `subject_erased_at` and `keys`, as they are spelled. `at`, `tenant`, `subject`, and,
    if they are there, `columns`, `actor`, `purpose`."""
    ring, subject = convert.ring(r["ring"]), convert.id_(r["subject"])
    assert subject is not None
    names = ("generations", "keys", "subject_erased_at")
    told = {name: r[name] for name in names if name in r}
    out: Dict = {}
    if "envelope" in r:
        call = {**r, "at": r["now"]}
        before = parse(bytes.fromhex(r["envelope"]))
        after, _ = _edited(call, ring, bytes.fromhex(r["envelope"]), apply)
        classes = {one["class"] for one in r["changes"] if one["do"] == "erase-class"}
        if any(one["do"] == "erase-subject" for one in r["changes"]):
            classes = set()
        told = receipt.of_erasure(before.entries, parse(after).entries, classes, ring)
        out["envelope"] = after.hex()
    members: Dict = {
        **told,
        "at": receipt.spelled_time(r["at"]),
        "columns": r.get("columns", []),
        "subject": receipt.spelled(subject),
        "tenant": r["tenant"],
        **{name: r[name] for name in ("actor", "purpose") if name in r},
    }
    made = receipt.make(ring, members)
    return {**out, "members": made, "message": receipt.message(made).hex()}


def _sign_receipt(r: Dict) -> Dict:
    """The members as they are, signed again."""
    _, secret = ledger.signer(convert.ring(r["ring"]))
    signature = ed25519.sign(secret, receipt.message(r["members"]))
    return {"members": {**r["members"], "signature": to_base64(signature)}}


def _read_receipt(r: Dict) -> Dict:
    return receipt.read(bytes.fromhex(r["receipt"]), keys_of(r)).shown


OPS: dict[str, Callable[[Dict], Dict]] = {
    "ledger-read": _shown,
    "ledger-of": _of,
    "ledger-line": _line,
    "ledger-make": _make,
    "ledger-parts": _parts,
    "head": lambda r: {"text": Head.of(r["text"]).text},
    "replay": _replay,
    "receipt-sign": _sign_receipt,
    "receipt-read": _read_receipt,
}
