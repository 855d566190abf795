"""A quick self-consistency check: `python3 selftest.py` in tests/reference."""

from __future__ import annotations

import json
import subprocess
import sys
import unittest
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar

from fieldseal_ref import convert, crypto, envelope
from selftest_insider import Insider
from selftest_ledgers import Ledgers
from selftest_parts import Cbor, Parts
from selftest_rings import Rings
from selftest_support import (
    APP,
    CONTACT,
    DAY,
    DOCTOR,
    HEALTH,
    NOW,
    RING,
    VALUES,
    WRITER,
    Case,
    H,
    J,
    cls,
    field,
    flipped,
    key,
    last_version,
    replaced,
    ring,
    sealed,
)
from selftest_terms import Terms

__all__ = ["Cbor", "Insider", "Ledgers", "Parts", "Rings", "Terms"]


class Fields(Case):
    def test_round_trips(self) -> None:
        env = self.create()
        self.assertEqual(len(H(env)), 171)
        out = self.ok("seal", envelope=env, fields=[field(v) for _, v in VALUES])
        opened = self.ok(
            "open", envelope=env, fields=[sealed(s, t) for s, (t, _) in zip(out["sealed"], VALUES)]
        )
        self.assertEqual(opened["results"], [{"ok": v} for _, v in VALUES])
        raw = [H(s) for s in out["sealed"]]
        self.assertEqual({s[5:21] for s in raw}, {raw[0][5:21]})
        self.assertEqual([int.from_bytes(s[21:29], "big") for s in raw], list(range(len(raw))))
        self.assertTrue(all((len(s) - 45) % 16 == 0 for s in raw))

    def test_bound(self) -> None:
        env = self.create(CONTACT, cls("health"))
        s = self.seal(env, {"t": "text", "v": "Ada"})
        ada = {"ok": {"t": "text", "v": "Ada"}}
        self.assertEqual(self.open(env, s), ada)
        self.assertEqual(self.open(env, s, **{"class": "health", "was": "contact"}), ada)
        for changed, kind in (
            ({"record": "pet"}, "tampered"),
            ({"field": "nick"}, "tampered"),
            ({"row": {"int": "2"}}, "tampered"),
            ({"row": None}, "tampered"),
            ({"class": "health"}, "wrong-key"),
            ({"class": "standalone"}, "invalid-input"),
            ({"type": "i8"}, "type-mismatch"),
        ):
            self.assertEqual(self.open(env, s, **changed), {"error": kind})
        for hex_, kind in (
            ("", "not-sealed"), ("41", "not-sealed"), ("f6", "not-sealed"), ("f7", "not-sealed"),
            ("f8", "unsupported"), ("ff", "unsupported"), (s[:90], "malformed"),
            ("f500000000" + s[10:], "wrong-key"), (flipped(s), "tampered"),
        ):  # fmt: skip
            self.assertEqual(self.open(env, hex_), {"error": kind})
        self.refused("tampered", "open", envelope=env, fields=[], tenant="other")
        self.refused("tampered", "open", envelope=env, fields=[], subject={"int": "8"})
        self.refused("invalid-input", "open", envelope=env, fields=[], subject=None)

    def test_refusals(self) -> None:
        env = self.create()
        s = self.seal(env, {"t": "text", "v": "Ada"})
        text = self.ok("text", bytes=s)["text"]
        alone = self.ok("standalone-seal", readers=[], context="", bytes="00")["envelope"]
        for value in (
            {"t": "bytes", "v": s}, {"t": "text", "v": text}, {"t": "bytes", "v": env},
            {"t": "bytes", "v": alone}, {"t": "bytes", "v": s[:92]},
        ):  # fmt: skip
            self.refused("already-sealed", "seal", envelope=env, fields=[field(value)])
        for value in (
            {"t": "bytes", "v": s[:90]}, {"t": "bytes", "v": "f6"}, {"t": "bytes", "v": "f7"},
            {"t": "bytes", "v": "f500000000" + s[10:]},
            {"t": "array", "v": [{"t": "bytes", "v": s}]},
        ):  # fmt: skip
            self.seal(env, value)
        for more in (
            {"pad": 0}, {"pad": 65_536}, {"record": "A"}, {"row": {"int": "99999999999999999999"}},
            {"value": {"t": "null"}}, {"value": {"t": "int", "v": str(2**64)}},
            {"class": cls("mask.x")}, {"class": cls("c" * 60)}, {"class": cls(readers=["a", "a"])},
            {"value": {"t": "text", "v": "\ud800"}}, {"hide_absence": True, "pad": 3},
        ):  # fmt: skip
            f = field({"t": "text", "v": "Ada"}) | more
            self.refused("invalid-input", "seal", envelope=env, fields=[f])
        f = field({"t": "text", "v": "Ada"}, **{"class": cls("other")})
        self.refused("missing-class", "seal", envelope=env, fields=[f])

    def test_items(self) -> None:
        """[PT-11] [PT-17]: the encoding of a present value is checked, whoever made it."""
        env = self.create()
        for bad in ("", "f6", "0000", "00f6", "1800", "f7", "62c328", "c24101", "9f00ff", "8100f4"):
            for hide in (False, True):
                f = field({"t": "null"}, item=bad, hide_absence=hide)
                self.refused("invalid-input", "seal", envelope=env, fields=[f])
        s = self.seal(env, {"t": "null"}, item="81f6", hide_absence=True)
        self.assertEqual(self.open(env, s), {"ok": {"t": "array", "v": [{"t": "null"}]}})

    def test_value_by_value(self) -> None:
        """[SF-3] [KE-7] [GN-12]"""
        env = self.create()
        s = self.seal(env, {"t": "text", "v": "Ada"})
        bad = field({"t": "text", "v": "Ada"}, record="A")
        twice = field({"t": "bytes", "v": s})
        lost = field({"t": "text", "v": "Ada"}, **{"class": cls("other")})
        differs = field({"t": "text", "v": "Ada"}, **{"class": cls(retain_days=1)})
        good = field({"t": "text", "v": "Ada"}, **{"class": cls(readers=["app"])})
        for fields, kind in (
            ([twice, bad], "already-sealed"), ([lost, bad], "missing-class"),
            ([lost, twice], "missing-class"), ([good, bad, twice], "invalid-input"),
            ([good, differs], "invalid-input"),
        ):  # fmt: skip
            self.refused(kind, "seal", envelope=env, fields=fields)
        self.ok("seal", envelope=env, fields=[good, field({"t": "bool", "v": True})])
        self.refused("invalid-input", "seal", envelope="", fields=[], tenant="x" * 65)
        self.refused("invalid-input", "edit", envelope="", changes=[], subject=None)
        self.refused("tampered", "seal", envelope=flipped(env), fields=[bad])
        self.assertEqual(self.open(env, "", record="A"), {"error": "invalid-input"})
        self.assertEqual(self.open(env, "", was="mask.x"), {"error": "invalid-input"})

    def test_masks(self) -> None:
        """[MA-1] [MA-2] [MA-5]: of a class of their own, and never a value."""
        shown = cls("mask.contact", readers=["app", "doctor"])
        env = self.create(CONTACT, shown)
        text = {"t": "text", "v": "A\u2022\u2022\u2022\u2022"}
        mask = {"class": shown, "mask": True, "pad": 32}
        sealed = self.seal(env, text, **mask)
        self.assertEqual(self.open(env, sealed, **mask), {"ok": text})
        self.assertEqual(self.open(env, sealed, **mask, field="b"), {"error": "tampered"})
        other = {**mask, "class": CONTACT}
        self.assertEqual(self.open(env, sealed, **other), {"error": "wrong-key"})
        self.assertEqual(self.open(env, sealed, **other, was=shown), {"ok": text})
        as_value = self.seal(env, text, **{"class": CONTACT})
        self.assertEqual(self.open(env, as_value, **other), {"error": "tampered"})
        self.assertEqual(self.open(env, sealed, **{"class": shown}), {"error": "invalid-input"})
        for more in (
            {"mask": False}, {"value": {"t": "int", "v": "1"}}, {"value": {"t": "null"}},
            {"hide_absence": True, "pad": 12}, {"class": cls("mask.mask.contact")},
            {"class": cls("mask.standalone")}, {"class": cls("mask.contact", readers=[])},
            {"class": cls("mask.contact", readers=["app"], consent=["support"])},
        ):  # fmt: skip
            f = field(text) | mask | more
            self.refused("invalid-input", "seal", envelope=env, fields=[f])
        hidden = {**mask, "hide_absence": True, "pad": 13}
        long = self.seal(env, {"t": "text", "v": "\u2022\u2022\u2022\u2022 4242"}, **hidden)
        self.assertEqual(self.open(env, long, **hidden), {"ok": {"t": "text", "v": "\u2022" * 4}})
        shown_always = {**mask, "pad": 13}
        long = self.seal(env, {"t": "text", "v": "\u2022\u2022\u2022\u2022 4242"}, **shown_always)
        self.assertEqual(self.open(env, long, **shown_always), {"ok": {"t": "text", "v": "\u2022" * 4}})
        f = field(text) | mask | {"pad": 12}
        self.refused("invalid-input", "seal", envelope=env, fields=[f])
        gone = self.edit(env, {"do": "erase-class", "class": "contact"})
        self.assertEqual(self.open(gone, sealed, **mask), {"error": "erased"})

    def test_hidden_absence(self) -> None:
        env = self.create()
        hide = {"hide_absence": True}
        s = self.seal(env, {"t": "null"}, pad=32, **hide)
        self.assertEqual(len(H(s)), 45 + 32)
        self.assertEqual(len(H(self.seal(env, {"t": "text", "v": "x" * 30}, pad=32, **hide))), 77)
        self.assertEqual(self.open(env, s, "text", **hide), {"ok": {"t": "null"}})
        self.assertEqual(self.open(env, s, "any"), {"error": "type-mismatch"})
        got = self.open(env, s, "text", optional=False, **hide)
        self.assertEqual(got, {"error": "type-mismatch"})

    def test_plaintexts(self) -> None:
        """Steps e and f, with plaintexts no sealer writes."""
        env = self.create(seed="05" * 32)
        head = "f5" + self.ok("verify", envelope=env)["entries"][0]["tag"]
        e = envelope.parse(H(env)).entries[0]
        assert isinstance(e, envelope.Live)
        dk = crypto.unwrap(
            1,
            convert.ring_key(APP),
            e.recipients[0].wrapped,
            envelope.aad_of(e, 1, 2, b"acme", H("010000000000000007")),
        )
        assert dk is not None
        keys = self.ok("derive", data_key=dk.hex(), suite=1, generation=1, **{"class": "contact"})
        aad = self.ok("aad", head=head, purpose=0, record="person", field="name", row={"int": "1"})
        for plain, want in (
            ("00", {"ok": {"t": "int", "v": "0"}}),
            ("6141" + "00" * 99, {"error": "type-mismatch"}),
            ("f6", {"error": "type-mismatch"}),
            ("0001", {"error": "malformed"}),
            ("1800", {"error": "malformed"}),
        ):
            nonce = "ab" * 24
            body = self.ok(
                "aead", key=keys["aead_key"], nonce=nonce, aad=aad["aad"], plaintext=plain
            )["out"]
            self.assertEqual(self.open(env, head + nonce + body, "u8"), want)


class Envelopes(Case):
    def test_order_of_checks(self) -> None:
        env = self.create()
        for hex_, kind in (
            ("", "not-sealed"), ("f5" + env[2:], "not-sealed"), ("f7" + env[2:], "not-sealed"),
            ("f8", "unsupported"), (env[:78], "malformed"), ("f6" + "00" * 65_535, "malformed"),
            (flipped(env), "tampered"), (env[:-40] + "00000009" + env[-32:], "wrong-key"),
            (env[:-40] + "00000000" + env[-32:], "wrong-key"),
            (env[:-40] + "00000002" + env[-32:], "wrong-key"),
        ):  # fmt: skip
            self.refused(kind, "verify", envelope=hex_)
        self.refused("rolled-back", "verify", envelope=env, floor=2)
        for state, kind in (("disabled", "wrong-key"), ("compromised", "not-permitted")):
            r = {"keys": [key(1, "envelope", state, "envelope"), APP]}
            self.refused(kind, "verify", envelope=env, ring=r)
        r["keys"].append(key(9, "envelope", use="envelope"))
        self.ok("verify", envelope=env, ring=r, rescue=True)
        new = self.edit(env, {"do": "rewrap"}, ring=r, rescue=True)
        self.assertEqual(new[-40:-32], "00000009")
        self.no_edit("not-permitted", env, {"do": "erase-subject"}, ring=r, rescue=True)
        for change in (
            {"do": "ensure", "class": CONTACT}, {"do": "renew", "class": cls("c" * 60)},
            {"do": "sweep"}, {"do": "prune"}, {"do": "erase-class", "class": "other"},
        ):  # fmt: skip
            self.no_edit("not-permitted", env, change, ring=r, rescue=True)
        f = field({"t": "text", "v": "Ada"})
        self.refused("not-permitted", "seal", envelope=env, fields=[f], ring=r, rescue=True)
        r = {"keys": [key(1, "envelope", use="envelope", form="name-only"), APP]}
        self.refused("wrong-key", "verify", envelope=env, ring=r)
        self.refused("missing-key", "create", classes=[CONTACT], ring=r)
        self.refused("exhausted", "edit", envelope=last_version(env), changes=[{"do": "rewrap"}])

    def test_parse(self) -> None:
        env = self.create(CONTACT, cls("health", ["app", "doctor"]))
        self.assertEqual(self.ok("inspect", envelope=env)["version"], 1)
        e = H(env)

        def with_(at: int, b: bytes) -> str:
            return (e[:at] + b + e[at + len(b) :]).hex()

        for hex_, kind in (
            (with_(1, bytes(8)), "malformed"),
            (with_(9, bytes(2)), "malformed"),
            (with_(9, b"\0\1"), "malformed"),
            (with_(9, b"\0\3"), "malformed"),
            (with_(11, b"\0"), "unsupported"),
            (with_(11, b"\4"), "unsupported"),
            (with_(13, b"C"), "malformed"),
            (with_(13, b"x"), "malformed"),
            (with_(20, bytes(2)), "malformed"),
            (with_(71, b"\0"), "malformed"),
            (with_(73, bytes(4)), "malformed"),
            (with_(77, b"\0\0"), "malformed"),
            (with_(len(e) - 20, bytes(4)), "malformed"),
        ):
            self.refused(kind, "inspect", envelope=hex_)
        for hex_ in (with_(22, b"\7"), with_(72, b"\3")):
            self.ok("inspect", envelope=hex_)
        self.assertEqual(envelope.length_of(list(envelope.parse(e).entries)), len(e))

    def test_smallest(self) -> None:
        env = self.ok("erase-absent")["envelope"]
        self.assertEqual(len(H(env)), 40)
        self.no_edit("erased", env, {"do": "ensure", "class": CONTACT})
        self.no_edit("erased", env, {"do": "renew", "class": cls("mask.x")})
        self.no_edit("missing-class", env, {"do": "erase-class", "class": "contact"})
        for do in ("erase-subject", "sweep", "prune"):
            self.assertEqual(self.edit(env, {"do": do}), env)
        late = replaced(env, lambda e: [*envelope.parse(H(self.create())).entries, *e])
        self.refused("malformed", "verify", envelope=late)
        self.assertNotEqual(self.edit(env, {"do": "rewrap"}), env)
        f = field({"t": "text", "v": "Ada"})
        self.refused("erased", "seal", envelope=env, fields=[f])
        self.assertEqual(self.open(env, "f5" + "00" * 45), {"error": "erased"})

    def test_reach(self) -> None:
        env = self.create(CONTACT, cls("health", ["doctor"]))
        rings = {
            ("opened", "opened"): RING,
            ("opened", "not-permitted"): ring(APP, WRITER),
            ("not-permitted", "opened"): ring(key(2, "app", "disabled"), DOCTOR),
            ("tampered", "opened"): ring(APP | {"secret": "00" * 32}, DOCTOR),
            ("not-permitted", "tampered"): ring(key(3, "doctor")),
        }
        for want, r in rings.items():
            entries = self.ok("verify", envelope=env, ring=r)["entries"]
            self.assertEqual(tuple(e["reach"] for e in entries), want)
        r = ring(key(2, "app", "compromised"))
        self.assertEqual(
            self.ok("verify", envelope=env, ring=r)["entries"][0]["reach"], "not-permitted"
        )
        self.assertEqual(
            self.ok("verify", envelope=env, ring=r, rescue=True)["entries"][0]["reach"], "opened"
        )
        f = field({"t": "text", "v": "Ada"})
        s = self.seal(env, f["value"])
        self.assertIn("ok", self.open(env, s, r={"ring": r, "rescue": True}))
        self.refused("not-permitted", "seal", envelope=env, fields=[f], ring=r, rescue=True)
        r = ring(key(2, "index", use="index"), DOCTOR)  # held for another use: ours, and failed
        entries = self.ok("verify", envelope=env, ring={"keys": [*r["keys"]]})["entries"]
        self.assertEqual((entries[0]["reach"], entries[0]["roles"]), ("tampered", []))

    def test_rings(self) -> None:
        """[RK-1] to [RK-3] [RK-6] [ST-1]"""
        env = self.create()
        for keys in (
            [APP, APP], [key(0, "app")], [key(2, "App")], [key(2, "app"), key(9, "app")],
            [key(2, "x", use="envelope")], [key(2, "app", use="other")], [key(2, "app", "lost")],
            [key(2, "envelope", "open-only", "envelope", "pair")],
            [{k: v for k, v in DOCTOR.items() if k != "writer"}],
        ):  # fmt: skip
            self.refused("invalid-input", "verify", envelope="", ring=ring(*keys))
        held = ring(key(2, "app", form="name-only"))
        entry = self.ok("verify", envelope=env, ring=held)["entries"][0]
        self.assertEqual((entry["reach"], entry["roles"]), ("not-permitted", ["app"]))
        low = ring(APP, WRITER | {"public": "00" * 32})
        self.no_edit("invalid-input", env, {"do": "ensure", "class": HEALTH}, ring=low)


class Generations(Case):
    def test_writer_makes_the_next(self) -> None:
        health = cls("health", ["doctor"])
        env = self.create(health)
        f = field({"t": "text", "v": "Ada"}, **{"class": health})
        out = self.ok("seal", envelope=env, fields=[f, f], ring=ring(WRITER))
        new = out["envelope"]
        self.assertEqual([x[1] for x in self.shape(new)], [1, 2])
        self.assertEqual(self.ok("verify", envelope=new)["version"], 2)
        got = self.open(new, out["sealed"][1], **{"class": health})
        self.assertEqual(got, {"ok": {"t": "text", "v": "Ada"}})
        self.refused("not-permitted", "seal", envelope=env, fields=[f], ring=ring(APP))

    def test_retention(self) -> None:
        short = cls(retain_days=30)
        env = self.create(short)
        expires = NOW + 30 * DAY + 30 * DAY // 12
        self.assertEqual(self.ok("verify", envelope=env)["entries"][0]["expires_at"], expires)
        f = field({"t": "text", "v": "Ada"}, **{"class": short})
        s = self.ok("seal", envelope=env, fields=[f])["sealed"][0]
        last = NOW + 30 * DAY // 12
        self.ok("seal", envelope=env, fields=[f], now=last)
        self.refused("retention", "seal", envelope=env, fields=[f], now=last + 1)
        self.refused("expired", "seal", envelope=env, fields=[f], now=expires)
        self.assertIn("ok", self.open(env, s, r={"now": expires - 1}))
        self.assertEqual(self.open(env, s, r={"now": expires}), {"error": "expired"})
        plain = self.create()
        self.refused("retention", "seal", envelope=plain, fields=[f])
        swept = self.edit(env, {"do": "sweep"}, now=expires)
        self.assertEqual(self.shape(swept), [("contact", 1, "erased", ())])
        self.assertEqual(self.open(swept, s), {"error": "erased"})
        self.refused("exhausted", "create", classes=[short], now=2**64 - 1)
        self.refused("invalid-input", "create", classes=[cls(period=0)])

    def test_making(self) -> None:
        self.refused("missing-key", "create", classes=[cls(readers=["nurse"])])
        self.refused("invalid-input", "create", classes=[])
        self.refused("invalid-input", "create", classes=[CONTACT, cls(retain_days=1)])
        self.refused("invalid-input", "create", classes=[cls(consented=["doctor"])])
        self.assertEqual(len(self.shape(self.create(CONTACT, cls(readers=["app"])))), 1)
        self.refused("invalid-input", "create", classes=[cls(readers=[], consent=["doctor"])])
        self.refused("missing-key", "create", classes=[CONTACT], ring={"keys": [APP]})
        env = self.create(cls(readers=[], consent=["doctor"], consented=["doctor"]))
        self.assertEqual(self.shape(env), [("contact", 1, "live", ("doctor",))])


class Edits(Case):
    consent = cls(consent=["doctor"])

    def grant(self, env: str, history: bool, **r: Any) -> str:
        change = {"do": "grant", "class": self.consent, "role": "doctor", "history": history}
        return self.edit(env, change, **r)

    def test_grant_and_withdraw(self) -> None:
        env = self.create(self.consent)
        both = ("app", "doctor")
        renewed = self.edit(env, {"do": "renew", "class": self.consent})
        self.assertEqual([x[3] for x in self.shape(renewed)], [("app",)] * 2)
        whole = self.grant(renewed, True)
        self.assertEqual([x[3] for x in self.shape(whole)], [both] * 2)
        later = self.grant(env, False)
        self.assertEqual([x[3] for x in self.shape(later)], [("app",), both])
        again = self.edit(later, {"do": "renew", "class": self.consent})
        self.assertEqual([x[3] for x in self.shape(again)], [("app",), both, both])
        out = {"do": "withdraw", "class": self.consent, "role": "doctor"}
        gone = self.edit(again, out)
        self.assertEqual([x[3] for x in self.shape(gone)], [("app",)] * 4)
        self.assertEqual(self.shape(self.edit(gone, out)), self.shape(gone))
        self.no_edit("missing-key", again, out, ring=ring(APP))
        self.no_edit("missing-key", again, {"do": "renew", "class": self.consent}, ring=ring(APP))
        self.no_edit("invalid-input", again, out | {"role": "app"})
        nurse = {"do": "grant", "class": self.consent, "role": "nurse", "history": True}
        self.no_edit("invalid-input", env, nurse)
        stranger = {"do": "grant", "class": self.consent, "role": "doctor", "history": True}
        mixed = self.edit(renewed, {"do": "erase-class", "class": "contact"})
        self.no_edit("erased", mixed, stranger)
        self.no_edit("erased", mixed, stranger | {"history": False})
        mixed = replaced(
            renewed,
            lambda e: [replace(e[0], suite=7), replace(e[1], created_at=1)],
        )
        self.no_edit("unsupported", mixed, stranger)
        old = replaced(renewed, lambda e: [replace(e[0], created_at=1), replace(e[1], suite=7)])
        self.no_edit("tampered", old, stranger)
        self.no_edit("unsupported", old, stranger | {"history": False})
        self.no_edit("not-permitted", env, stranger, ring=ring(key(7, "app"), DOCTOR))
        self.no_edit("missing-class", env, stranger | {"class": cls("health", consent=["doctor"])})

    def test_withdraw_the_last(self) -> None:
        alone = cls(readers=[], consent=["doctor"])
        env = self.create(alone | {"consented": ["doctor"]})
        gone = self.edit(env, {"do": "withdraw", "class": alone, "role": "doctor"})
        self.assertEqual(self.shape(gone), [("contact", n, "erased", ()) for n in (1, 2)])
        self.no_edit("invalid-input", gone, {"do": "renew", "class": alone})
        back = self.edit(gone, {"do": "renew", "class": CONTACT})
        self.assertEqual([x[2] for x in self.shape(back)], ["erased", "erased", "live"])

    def test_rewrap(self) -> None:
        env = self.create(cls(readers=["app", "doctor"]))
        s = self.seal(env, {"t": "text", "v": "Ada"})
        newer = ring(key(2, "app", "open-only"), key(9, "app"), key(3, "doctor", "destroyed"))
        out = self.edit(env, {"do": "rewrap", "declared": [CONTACT]}, ring=newer)
        ids = [r.key_id for r in envelope.parse(H(out)).entries[0].recipients]  # type: ignore[union-attr]
        self.assertEqual(ids, [3, 9])
        self.assertIn("ok", self.open(out, s, r={"ring": ring(key(9, "app"))}))
        wide = {"class": cls(readers=["app", "doctor"])}
        self.assertIn("ok", self.open(out, s, r={"ring": ring(DOCTOR)}, **wide))
        got = self.open(out, s, r={"ring": ring(DOCTOR)})
        self.assertEqual(got, {"error": "not-permitted"})

    def test_erase(self) -> None:
        env = self.create(CONTACT, cls("health"))
        s = self.seal(env, {"t": "text", "v": "Ada"})
        out = self.edit(env, {"do": "erase-class", "class": "contact"})
        self.assertEqual([x[2] for x in self.shape(out)], ["erased", "live"])
        again = self.edit(out, {"do": "erase-class", "class": "contact"})
        self.assertEqual([x[2] for x in self.shape(again)], ["erased", "erased", "live"])
        self.no_edit("missing-class", out, {"do": "erase-class", "class": "other"})
        self.no_edit("invalid-input", out, {"do": "erase-class", "class": "standalone"})
        mask = replaced(env, lambda e: [replace(e[0], cls="mask.other")])
        self.assertEqual(
            self.shape(self.edit(mask, {"do": "erase-class", "class": "other"})),
            [("mask.other", 1, "erased", ())],
        )
        self.assertEqual(self.open(out, s), {"error": "erased"})
        f = field({"t": "text", "v": "Ada"})
        self.refused("erased", "seal", envelope=out, fields=[f])
        self.refused("already-sealed", "seal", envelope=out, fields=[field({"t": "bytes", "v": s})])
        all_ = self.edit(out, {"do": "erase-subject"})
        self.assertEqual([x[2] for x in self.shape(all_)], ["erased", "erased", "subject"])
        self.no_edit("erased", all_, {"do": "renew", "class": CONTACT})

    def test_sweep_and_prune(self) -> None:
        short = cls(retain_days=30)
        env = self.create(short)
        later = NOW + 100 * DAY
        self.assertEqual(self.edit(env, {"do": "sweep"}), env)
        swept = self.edit(env, {"do": "sweep"}, {"do": "renew", "class": short}, now=later)
        was = [(1, "erased"), (2, "erased"), (3, "live")]  # 2 marks that nothing was live
        self.assertEqual([x[1:3] for x in self.shape(swept)], was)
        pruned = self.edit(swept, {"do": "prune"})
        self.assertEqual([x[1:3] for x in self.shape(pruned)], [(2, "erased"), (3, "live")])
        self.assertEqual(self.edit(pruned, {"do": "prune"}), pruned)
        many: list[envelope.Entry] = [
            envelope.Erased(c, g, bytes([i, *g.to_bytes(2, "big"), 0]), 0)
            for i, (c, n) in enumerate((("a", 1927), ("b", 1926)))
            for g in range(1, n + 1)
        ]
        full = replaced(env, lambda _: many)
        self.assertGreater(len(H(full)), 65_535 - 9)
        entries = self.ok("verify", envelope=self.edit(full, {"do": "erase-subject"}))["entries"]
        self.assertEqual((entries[0]["class"], entries[0]["generation"]), ("a", 2))

    def test_one_version(self) -> None:
        env = self.create()
        self.assertEqual(self.edit(env, {"do": "ensure", "class": CONTACT}), env)
        changes = [
            {"do": "ensure", "class": cls("health")},
            {"do": "renew", "class": cls("health")},
        ]
        out = self.edit(env, *changes)
        self.assertEqual(self.ok("verify", envelope=out)["version"], 2)
        self.assertEqual(
            [x[:2] for x in self.shape(out)], [("contact", 1), ("health", 1), ("health", 2)]
        )


class Consent(Case):
    """Who consented, and what a recipient proves [GN-8] to [GN-12] [ED-8] to [ED-11]."""

    health: ClassVar[J] = cls("health", consent=["doctor"])
    renew: ClassVar[J] = {"do": "renew", "class": health}

    def named(self, *roles: str) -> J:
        return self.health | {"consented": list(roles)}

    def planted(self, env: str, *more: envelope.Recipient) -> str:
        """What whoever holds the envelope key can write: recipients in the last entry."""

        def plant(entries: list[envelope.Entry]) -> list[envelope.Entry]:
            last = entries[-1]
            assert isinstance(last, envelope.Live)
            all_ = sorted([*last.recipients, *more], key=lambda r: r.key_id)
            return [*entries[:-1], replace(last, recipients=tuple(all_))]

        return replaced(env, plant)

    def roles(self, env: str) -> list[tuple[str, ...]]:
        return [x[3] for x in self.shape(env)]

    def test_read(self) -> None:
        env = self.create(self.named("doctor"))
        both = ("app", "doctor")
        self.assertEqual(self.roles(self.edit(env, self.renew)), [both, both])
        forged = self.planted(self.create(self.health), envelope.Recipient(2, 3, bytes(80)))
        stranger = self.planted(self.create(self.health), envelope.Recipient(1, 99, bytes(72)))
        unknown = self.planted(self.create(self.health), envelope.Recipient(3, 8, b""))
        r = ring(APP, DOCTOR, key(8, "clerk", "destroyed", form="name-only"))
        grant = {"do": "grant", "class": self.health, "role": "doctor", "history": False}
        for bad in (forged, stranger, unknown):
            self.no_edit("missing-key", bad, self.renew, ring=r)
            if bad is forged:  # [ED-10]: the granted role itself need not be proven
                self.assertEqual(self.roles(self.edit(bad, grant, ring=r))[1], both)
            else:
                self.no_edit("missing-key", bad, grant, ring=r)
            for roles in ((), ("doctor",)):
                new = self.edit(bad, self.renew | {"class": self.named(*roles)}, ring=r)
                self.assertEqual(self.roles(new)[1], ("app", *roles))
            self.edit(bad, self.renew | {"class": cls("health")}, ring=r)
        self.no_edit("invalid-input", env, self.renew | {"class": self.named("app")})
        self.no_edit("invalid-input", env, self.renew | {"class": self.named("doctor", "doctor")})
        lost = cls("lost", consent=["doctor"], consented=["app"])
        self.no_edit("missing-class", env, self.renew | {"class": lost})
        self.no_edit("invalid-input", env, {"do": "ensure", "class": lost})
        self.assertEqual(self.edit(env, {"do": "ensure", "class": self.named("app")}), env)
        # An id held for another use is unknown, and the ring's own writer half proves nothing.
        other = ring(APP, key(3, "index", use="index"))
        self.no_edit("missing-key", env, self.renew, ring=other)
        self.no_edit("missing-key", env, self.renew, ring=ring(APP, WRITER))
        # What the call wrapped itself is proven in it.
        changes: list[J] = [grant, self.renew]
        new = self.edit(self.create(self.health), *changes, ring=ring(APP, WRITER))
        self.assertEqual(self.roles(new), [("app",), both, both])
        erased = self.edit(env, {"do": "erase-class", "class": "health"}, self.renew)
        self.assertEqual(self.roles(erased), [(), (), ("app",)])

    def test_begin_next(self) -> None:
        f = field({"t": "text", "v": "Ada"}, **{"class": self.health})
        r = ring(key(2, "app", form="writer"), WRITER)
        alone = cls("health", ["doctor"], consent=["app"])
        env = self.create(alone | {"consented": ["app"]})
        g = f | {"class": alone}
        self.refused("missing-key", "seal", envelope=env, fields=[g], ring=r)
        g = f | {"class": alone | {"consented": []}}
        new = self.ok("seal", envelope=env, fields=[g, g], ring=r)["envelope"]
        self.assertEqual(self.roles(new), [("app", "doctor"), ("doctor",)])
        g = f | {"class": alone | {"consented": ["doctor"]}}
        self.refused("invalid-input", "seal", envelope=env, fields=[g], ring=r)
        self.ok("seal", envelope=env, fields=[g], ring=RING)  # nothing is begun
        g = f | {"class": cls("health", [], consent=["nurse"])}
        env = self.create(cls("health", ["doctor"]))
        self.refused("not-permitted", "seal", envelope=env, fields=[g], ring=r)

    def test_rewrap(self) -> None:
        env = self.create(self.named("doctor"), cls("plain", ["doctor"]))
        newer = ring(
            key(2, "app", "open-only"), key(9, "app"), key(3, "doctor", "open-only", form="pair"),
            key(8, "doctor"),
        )  # fmt: skip
        out = self.ok("edit", envelope=env, changes=[{"do": "rewrap"}], ring=newer)
        self.assertEqual(self.ids(out["envelope"]), [[2, 3], [3]])
        self.assertEqual(out["not_lifted"], [["health", 1], ["plain", 1]])
        both: J = {"do": "rewrap", "declared": [self.health, cls("plain", ["doctor"])]}
        out = self.ok("edit", envelope=env, changes=[both], ring=newer)
        self.assertEqual((out["unproven"], out["not_lifted"]), ([], []))
        self.assertEqual(self.ids(out["envelope"]), [[8, 9], [8]])
        bad = self.planted(env, envelope.Recipient(1, 7, bytes(72)), envelope.Recipient(9, 11, b""))
        wide = newer["keys"] + [key(7, "nurse", "open-only"), key(10, "nurse"), key(11, "app")]
        wide = [k for k in wide if k["id"] != 9]
        out = self.ok("edit", envelope=bad, changes=[both], ring={"keys": wide})
        self.assertEqual(out["unproven"], [["plain", 1, 7], ["plain", 1, 11]])
        self.assertEqual(self.ids(out["envelope"]), [[8, 11], [7, 8, 11]])
        # A declared reader that is not proven stays as it is, too.
        nurse = cls("plain", ["doctor", "nurse"])
        declared = {"do": "rewrap", "declared": [self.health, nurse]}
        out = self.ok("edit", envelope=bad, changes=[declared], ring={"keys": wide})
        self.assertEqual(out["unproven"], [["plain", 1, 7], ["plain", 1, 11]])
        self.assertEqual(self.ids(out["envelope"]), [[8, 11], [7, 8, 11]])
        # A grant with history replaces it.
        grant = {"do": "grant", "class": nurse, "role": "nurse", "history": True}
        out = self.ok("edit", envelope=bad, changes=[grant, declared], ring={"keys": wide})
        self.assertEqual(out["unproven"], [["plain", 1, 11]])
        self.assertEqual(self.ids(out["envelope"]), [[8, 11], [8, 10, 11]])
        # Without a declared reader's key: whole.
        out = self.ok("edit", envelope=bad, changes=[declared], ring=ring(APP))
        self.assertEqual(out["unproven"], [["health", 1, 3]])
        self.assertEqual(out["not_lifted"], [["plain", 1]])
        out = self.ok("edit", envelope=env, changes=[declared], ring=ring(DOCTOR))
        self.assertEqual(self.ids(out["envelope"]), [[2, 3], [3]])
        self.assertEqual(out["not_lifted"], [["health", 1]])
        # A role in neither list, proven or not.
        plain = {"do": "rewrap", "declared": [cls("health")]}
        out = self.ok("edit", envelope=env, changes=[plain])
        self.assertEqual(out["unproven"], [["health", 1, 3]])

    def ids(self, env: str) -> list[list[int]]:
        entries = envelope.parse(H(env)).entries
        return [[r.key_id for r in e.recipients] for e in entries if isinstance(e, envelope.Live)]

    def test_withdraw(self) -> None:
        two = cls("health", consent=["doctor", "nurse"])
        nurse = key(4, "nurse")
        r = ring(APP, DOCTOR, nurse)
        env = self.create(two | {"consented": ["doctor", "nurse"]}, ring=r)
        out = {"do": "withdraw", "class": two, "role": "doctor"}
        # The withdrawn role need not be proven; one that remains must be.
        new = self.edit(env, out, ring=ring(APP, key(3, "doctor", "destroyed"), nurse))
        self.assertEqual(self.ids(new), [[2, 4], [2, 4]])
        half = ring(APP, DOCTOR, nurse | {"state": "disabled"})
        self.no_edit("missing-key", env, out, ring=half)
        named = out | {"class": two | {"consented": []}}
        self.assertEqual(self.ids(self.edit(env, named, ring=half)), [[2], [2]])
        bad = self.planted(
            env, envelope.Recipient(1, 99, bytes(72)), envelope.Recipient(5, 98, b"")
        )
        self.no_edit("missing-key", bad, out, ring=r)
        named = out | {"class": two | {"consented": ["nurse"]}}
        new = self.edit(bad, named, ring=r)
        self.assertEqual(self.ids(new), [[2, 4], [2, 4]])
        self.assertEqual(self.shape(self.edit(new, named, ring=r)), self.shape(new))
        for wrong in (["doctor"], ["app"], ["clerk"]):
            change = out | {"class": two | {"consented": wrong}}
            self.no_edit("invalid-input", env, change, ring=r)


class Standalone(Case):
    def test_standalone(self) -> None:
        env = self.ok("standalone-seal", readers=["doctor"], context="aa", bytes="0102")["envelope"]
        self.assertEqual(len(H(env)), 3 + (31 + 54 + 10 + 87) + 61)
        r = ring(DOCTOR)
        to: J = {"context": "aa", "readers": ["doctor"]}
        got = self.ok("standalone-open", envelope=env, ring=r, **to)
        self.assertEqual(got["bytes"], "0102")
        done = self.ok("standalone-rewrap", envelope=env, readers=["doctor"])
        new = done["envelope"]
        self.assertEqual((done["unproven"], done["not_lifted"]), ([], []))
        for more in ({"ring": ring(WRITER, key(7, "app")), "readers": ["doctor"]}, {}):
            done = self.ok("standalone-rewrap", envelope=env, **more)
            self.assertEqual((done["unproven"], done["not_lifted"]), ([], [["standalone", 1]]))
        for readers in (None, [], ["app"]):  # whoever holds a role of ours can seal for it alone
            self.refused(
                "not-permitted", "standalone-open", envelope=env, context="aa", readers=readers
            )
        self.refused("invalid-input", "standalone-open", envelope="", context="", readers=["a"] * 2)
        self.refused("invalid-input", "standalone-rewrap", envelope=env, readers=["a", "a"])
        self.assertEqual(new[-122:], env[-122:])
        self.ok("standalone-open", envelope=new, **to)
        for hex_, kind in (
            ("", "not-sealed"), ("f6", "not-sealed"), ("f8", "unsupported"), ("f700", "malformed"),
            ("f70027" + env[6:], "malformed"), ("f7ffff" + env[6:], "malformed"),
            (env[:-124], "malformed"), (flipped(env), "tampered"),
            (env[:-122] + "f500000000" + env[-112:], "malformed"),
        ):  # fmt: skip
            self.refused(kind, "standalone-open", envelope=hex_, **to)
        self.refused("tampered", "standalone-open", **to | {"context": "ab"}, envelope=env)
        self.refused("not-permitted", "standalone-open", envelope=env, ring=ring(APP), **to)
        self.refused("already-sealed", "standalone-seal", readers=[], context="", bytes=env)
        self.refused(
            "invalid-input", "standalone-seal", readers=[], context="00" * 65_536, bytes=""
        )


class Serve(unittest.TestCase):
    def test_process(self) -> None:
        lines = '{"op":"id","id":{"text":"x"}}\n\n{"op":"nothing"}\n{"op":"id","id":{"text":""}}\n'
        done = subprocess.run(
            [sys.executable, "-m", "fieldseal_ref"],
            input=lines,
            capture_output=True,
            text=True,
            cwd=Path(__file__).parent,
            check=True,
        )
        out = [json.loads(line) for line in done.stdout.splitlines()]
        self.assertEqual(out[0], {"ok": {"bytes": "0278"}})
        self.assertIn("bug", out[1])
        self.assertEqual(out[2], {"error": "invalid-input"})


if __name__ == "__main__":
    unittest.main()
