"""Requests, keys and the test case that the self-test is written in."""

from __future__ import annotations

import json
import unittest
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from fieldseal_ref import crypto, envelope, hpke
from fieldseal_ref.serve import answer

J = dict[str, Any]
H = bytes.fromhex
NOW = 1_700_000_000
DAY = 86_400


def key(
    id_: int, name: str, state: str = "primary", use: str = "wrap", form: str = "symmetric"
) -> J:
    """A ring key whose parts follow from its id."""
    out: J = {"id": id_, "use": use, "name": name, "state": state, "form": form}
    private = bytes([id_]) * 31 + b"\x01"
    if form == "symmetric":
        out["secret"] = (bytes([id_]) * 32).hex()
    if form == "pair":
        out["private"] = private.hex()
    if form in ("pair", "writer"):
        out["public"] = hpke.public_of(private).hex()
        out["writer"] = (bytes([id_ ^ 0xFF]) * 32).hex()
    return out


def ring(*keys: J) -> J:
    return {"keys": [key(1, "envelope", use="envelope"), *keys]}


APP = key(2, "app")
DOCTOR = key(3, "doctor", form="pair")
WRITER = key(3, "doctor", form="writer")
RING = ring(APP, DOCTOR)


def cls(name: str = "contact", readers: list[str] | None = None, **more: Any) -> J:
    return {
        "name": name,
        "readers": readers,
        "consent": [],
        "retain_days": 0,
        "period": None,
    } | more


CONTACT = cls()
HEALTH = cls("health", ["app", "doctor"])
SUBJECT = H("010000000000000007")
WHO: J = {"tenant": "acme", "subject": {"int": "7"}, "now": NOW}


def do(op: str, /, **r: Any) -> J:
    out = answer(json.dumps({"op": op, "ring": RING, **WHO, **r}))
    return dict(json.loads(json.dumps(out)))


def field(value: J, **more: Any) -> J:
    return {
        "record": "person",
        "field": "name",
        "row": {"int": "1"},
        "class": CONTACT,
        "pad": 16,
        "hide_absence": False,
        "value": value,
    } | more


def sealed(hex_: str, type_: str = "any", **more: Any) -> J:
    return {
        "record": "person",
        "field": "name",
        "row": {"int": "1"},
        "class": "contact",
        "was": None,
        "hide_absence": False,
        "type": type_,
        "sealed": hex_,
    } | more


def flipped(hex_: str) -> str:
    """The last bit turned over."""
    return hex_[:-2] + f"{int(hex_[-2:], 16) ^ 1:02x}"


def _remade(data: bytes) -> str:
    """With the MAC of envelope key 1, whatever was there."""
    return (data + crypto.mac(bytes([1]) * 32, b"acme", SUBJECT, data)).hex()


def replaced(env: str, change: Callable[[list[Any]], list[Any]]) -> str:
    """The envelope with other entries: what whoever holds the envelope key can write."""
    e = envelope.parse(H(env))
    return _remade(envelope.body(replace(e, entries=tuple(change(list(e.entries))))))


def last_version(env: str) -> str:
    return _remade(envelope.body(replace(envelope.parse(H(env)), version=2**64 - 1)))


class Case(unittest.TestCase):
    def ok(self, op: str, /, **r: Any) -> J:
        out = do(op, **r)
        self.assertIn("ok", out, out.get("bug", out))
        return dict(out["ok"])

    def refused(self, kind: str, op: str, /, **r: Any) -> None:
        self.assertEqual(do(op, **r), {"error": kind})

    def create(self, *classes: J, **r: Any) -> str:
        return str(self.ok("create", classes=list(classes) or [CONTACT], **r)["envelope"])

    def edit(self, env: str, *changes: J, **r: Any) -> str:
        return str(self.ok("edit", envelope=env, changes=list(changes), **r)["envelope"])

    def no_edit(self, kind: str, env: str, *changes: J, **r: Any) -> None:
        self.refused(kind, "edit", envelope=env, changes=list(changes), **r)

    def seal(self, env: str, value: J, **r: Any) -> str:
        out = self.ok("seal", envelope=env, fields=[field(value, **r)])
        self.assertEqual(out["envelope"], env)
        return str(out["sealed"][0])

    def open(self, env: str, hex_: str, type_: str = "any", /, **f: Any) -> J:
        """The one result; `r` holds members of the request."""
        r: J = f.pop("r", {})
        out = self.ok("open", envelope=env, fields=[sealed(hex_, type_, **f)], **r)
        return dict(out["results"][0])

    def shape(self, env: str, **r: Any) -> list[tuple[str, int, str, tuple[str, ...]]]:
        entries = self.ok("verify", envelope=env, **r)["entries"]
        return [
            (e.get("class", ""), e.get("generation", 0), e["kind"], tuple(e.get("roles", ())))
            for e in entries
        ]


VALUES: list[tuple[str, J]] = [
    ("text", {"t": "text", "v": "Ada"}),
    ("text", {"t": "text", "v": "fs1.hello"}),
    ("bytes", {"t": "bytes", "v": ""}),
    ("bool", {"t": "bool", "v": True}),
    ("i8", {"t": "int", "v": "-128"}),
    ("u64", {"t": "int", "v": str(2**64 - 1)}),
    ("f32", {"t": "f32", "v": "7fc00001"}),
    ("f64", {"t": "f64", "v": "7ff4000000000001"}),
    ("uuid", {"t": "uuid", "v": "ab" * 16}),
    ("date", {"t": "date", "v": "2024-02-29"}),
    ("instant", {"t": "instant", "s": "-1", "n": 999_999_999}),
    ("decimal", {"t": "decimal", "e": -2, "m": str(-(2**96) + 1)}),
    (
        "any",
        {"t": "array", "v": [{"t": "null"}, {"t": "map", "v": [[{"t": "int", "v": "1"}] * 2]}]},
    ),
]
