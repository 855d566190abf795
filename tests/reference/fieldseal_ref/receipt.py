"""Section 13.5: receipts of erasures."""

from __future__ import annotations

import re
import uuid
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from . import ed25519, jcs
from .document import TEXT, U16, Dict, Flag, Many, Members, shaped
from .edit import is_empty_mark
from .encoding import I64_MIN, MASK_PREFIX, U64_MAX, Id, check_name, check_tenant, encode_id, u32
from .envelope import Entry, Erased, Live, SubjectErased
from .errors import Refused
from .ledger import Keys, signer
from .ring import Ring
from .spelling import LAST_TIME, from_base64, malformed, seconds, time, to_base64, unhex

VERSION = "receipt/1"
LABEL = b"fieldseal/v1 receipt"
MAX_LENGTH = 1_048_576  # [RE-2]


COLUMN = Members({"column": TEXT, "record": TEXT}, {})
GENERATION = Members({"class": TEXT, "erased_at": TEXT, "generation": U16}, {"earlier": Flag()})
KEY = Members({"id": TEXT}, {"role": TEXT})
RECEIPT = Members(
    {
        "at": TEXT,
        "columns": Many(COLUMN),
        "fieldseal": TEXT,
        "generations": Many(GENERATION),
        "key": TEXT,
        "keys": Many(KEY),
        "signature": TEXT,
        "tenant": TEXT,
    },
    {"actor": TEXT, "purpose": TEXT, "subject_erased_at": TEXT},
)


@dataclass(frozen=True)
class Receipt:
    """A receipt that was read and verified."""

    members: Dict
    subject: bytes

    @property
    def shown(self) -> Dict:
        """For the JSON lines: times and ids as numbers."""
        of = self.members
        erased = of.get("subject_erased_at")
        return {
            "at": seconds(of["at"]),
            "tenant": of["tenant"],
            "subject_id": self.subject.hex(),
            "subject_erased_at": None if erased is None else seconds(erased),
            "generations": [
                [
                    one["class"],
                    one["generation"],
                    seconds(one["erased_at"]),
                    one.get("earlier", False),
                ]
                for one in of["generations"]
            ],
            "columns": [[one["record"], one["column"]] for one in of["columns"]],
            "keys": [[int(one["id"], 16), one.get("role")] for one in of["keys"]],
            "actor": of.get("actor"),
            "purpose": of.get("purpose"),
            "key": int(of["key"], 16),
        }


# --- the subject -----------------------------------------------------------


def spelled(subject: Id) -> Dict:
    """[RE-3]"""
    if isinstance(subject, tuple):
        return {"parts": [spelled(part) for part in subject]}
    if isinstance(subject, int):
        return {"integer": str(subject)}
    if isinstance(subject, str):
        return {"text": subject}
    if isinstance(subject, uuid.UUID):
        return {"uuid": subject.bytes.hex()}
    return {"bytes": to_base64(subject)}


def _subject(value: jcs.Json, *, is_part: bool = False) -> tuple[Id, Any]:
    """The id, and its spelling as it stood."""
    if not isinstance(value, jcs.Object) or len(value.members) != 1:
        raise malformed("no spelled id")
    ((form, of),) = value.members
    if form == "parts":
        if is_part or not isinstance(of, list):
            raise malformed("parts")
        parts = [_subject(part, is_part=True) for part in of]
        return tuple(part for part, _ in parts), {form: [part for _, part in parts]}
    text: str = shaped(of, TEXT)
    if form == "integer":
        if not re.fullmatch("0|-?[1-9][0-9]{0,19}", text) or not I64_MIN <= int(text) <= U64_MAX:
            raise malformed("no integer of an id")
        return int(text), {form: text}
    if form == "text":
        return text, {form: text}
    if form == "uuid":
        return uuid.UUID(bytes=unhex(text, 16)), {form: text}
    data = from_base64(text) if form == "bytes" else None
    if data is None:
        raise malformed("no spelled id")
    return data, {form: text}


# --- making and reading ----------------------------------------------------


def message(members: Dict) -> bytes:
    """[RE-5]"""
    return LABEL + jcs.canonical({n: v for n, v in members.items() if n != "signature"})


def of_erasure(
    before: Sequence[Entry], after: Sequence[Entry], asked: set[str], ring: Ring
) -> Dict:
    """[RE-4]: what the envelope tells of an erasure of classes, or, if none is asked, of the subject."""

    def concerned(cls: str) -> bool:
        return not asked or cls in asked or cls.removeprefix(MASK_PREFIX) in asked

    was_live = {(e.cls, e.generation) for e in before if isinstance(e, Live)}
    generations = [
        {
            "class": e.cls,
            **({} if (e.cls, e.generation) in was_live else {"earlier": True}),
            "erased_at": spelled_time(e.erased_at),
            "generation": e.generation,
        }
        for e in after
        if isinstance(e, Erased) and concerned(e.cls) and not is_empty_mark(e)
    ]
    live = [e for e in before if isinstance(e, Live) and concerned(e.cls)]
    keys = []
    for key_id in sorted({r.key_id for e in live for r in e.recipients}):
        key, role = ring.get(key_id), ring.role_of(key_id)
        if key is None or key.state != "destroyed":
            keys.append({"id": u32(key_id).hex(), **({} if role is None else {"role": role})})
    ends = [spelled_time(e.erased_at) for e in after if isinstance(e, SubjectErased)]
    told: Dict = {"generations": generations, "keys": keys}
    return told | ({"subject_erased_at": ends[0]} if ends else {})


def make(ring: Ring, members: Dict) -> Dict:
    """[RE-2] [RE-5]: `members` but for `fieldseal`, `key` and `signature`."""
    key_id, secret = signer(ring)
    members = {**members, "fieldseal": VERSION, "key": u32(key_id).hex()}
    members["signature"] = to_base64(ed25519.sign(secret, message(members)))
    if len(jcs.canonical(members)) > MAX_LENGTH:
        raise Refused("invalid-input", "receipt too long")
    return members


def spelled_time(at: int) -> str:
    """[RE-4]"""
    if not 0 <= at <= LAST_TIME:
        raise Refused("invalid-input", "time")
    return time(at)


def _id(text: str) -> int:
    number = int.from_bytes(unhex(text, 4), "big")
    if number == 0:
        raise malformed("id 0")
    return number


def _checked(members: Dict) -> None:
    """Step c of [RE-6] but for shapes and the subject."""
    signature = from_base64(members["signature"])
    if signature is None or len(signature) != 64:
        raise malformed("no signature")
    _id(members["key"])
    seconds(members["at"])
    if "subject_erased_at" in members:
        seconds(members["subject_erased_at"])
    try:
        check_tenant(members["tenant"])
        for one in members["generations"]:
            check_name(one["class"])
        for one in members["keys"]:
            check_name(one.get("role", "none"))
    except Refused:
        raise malformed("no name, or no tenant") from None
    for one in members["generations"]:
        seconds(one["erased_at"])
        if one["generation"] == 0:
            raise malformed("generation 0")
        if not one.get("earlier", True):
            raise malformed("earlier is true, or absent")
    for one in members["keys"]:
        _id(one["id"])


def read(data: bytes, keys: Keys) -> Receipt:
    """[RE-6]"""
    if len(data) > MAX_LENGTH:
        raise malformed("too long")
    parsed = jcs.parse(data)
    if not isinstance(parsed, jcs.Object):
        raise malformed("no object")
    versions = [value for name, value in parsed.members if name == "fieldseal"]
    if len(versions) != 1:
        raise malformed("no receipt")
    version: str = shaped(versions[0], TEXT)
    if version != VERSION:
        raise Refused("unsupported") if version.startswith("receipt/") else malformed("no receipt")
    subjects = [value for name, value in parsed.members if name == "subject"]
    rest = jcs.Object(tuple(one for one in parsed.members if one[0] != "subject"))
    if len(subjects) != 1:
        raise malformed("no subject, or two")
    members: Dict = shaped(rest, RECEIPT)
    _checked(members)
    try:
        subject, spelling = _subject(subjects[0])
        encoded = encode_id(subject)
    except Refused:
        raise malformed("no id") from None
    members["subject"] = spelling
    key_id = _id(members["key"])
    if key_id not in keys:
        raise Refused("missing-key", "signed by another key")
    signature = from_base64(members["signature"])
    assert signature is not None
    if not ed25519.verify(keys[key_id], message(members), signature):
        raise Refused("tampered", "signature")
    return Receipt(members, encoded)
