"""The self-test against an insider: one role, the envelope key, write access [GN-13].

It invents a data key, wraps it for roles it can wrap for, and puts it into the envelope.
"""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from fieldseal_ref import convert, crypto, envelope
from fieldseal_ref import field as fields
from selftest_support import (
    APP,
    DOCTOR,
    NOW,
    SUBJECT,
    WRITER,
    Case,
    H,
    J,
    cls,
    field,
    key,
    replaced,
    ring,
)

TENANT = b"acme"
DATA_KEY = b"\x77" * 32
ADA: J = {"t": "text", "v": "Ada"}


def wrapped(entry: envelope.Live, j: J, data_key: bytes = DATA_KEY) -> envelope.Recipient:
    k = convert.ring_key(j)
    kind = crypto.kind_of(k)
    assert kind is not None
    aad = envelope.aad_of(entry, kind, k.id, TENANT, SUBJECT)
    return envelope.Recipient(
        kind, k.id, crypto.wrap_fresh(kind, k, data_key, aad, crypto.Generator(None))
    )


def invented(env: str, name: str, *keys: J, more: tuple[envelope.Recipient, ...] = ()) -> str:
    """The next generation of the class, with the insider's data key."""

    def change(entries: list[envelope.Entry]) -> list[envelope.Entry]:
        last = max(e.generation for e in entries if isinstance(e, envelope.Live) and e.cls == name)
        keys_ = crypto.derive(DATA_KEY, 1, TENANT, SUBJECT, name, last + 1)
        entry = envelope.Live(name, last + 1, 1, NOW, 0, keys_.commitment, ())
        all_ = sorted([*(wrapped(entry, k) for k in keys), *more], key=lambda r: r.key_id)
        out = [*entries, replace(entry, recipients=tuple(all_))]
        return sorted(
            out, key=lambda e: (e.cls, e.generation) if isinstance(e, envelope.Live) else ("", 0)
        )

    return replaced(env, change)


def forged(name: str, generation: int = 2) -> str:
    """A value of the insider's, under its data key."""
    keys = crypto.derive(DATA_KEY, 1, TENANT, SUBJECT, name, generation)
    aad = fields.aad(b"\xf5" + keys.tag, 0, "person", "name", H("010000000000000001"))
    return fields.sealed_bytes(keys, bytes(24), aad, H("63416461")).hex()


GARBAGE = envelope.Recipient(1, 2, bytes(72))  # for `app`, of which the insider has no half


class Insider(Case):
    """The insider has `doctor`; the rings attacked hold `app` and `doctor`."""

    consent: ClassVar[J] = cls("health", consent=["doctor"])
    plain: ClassVar[J] = cls("health")

    def seals(self, env: str, decl: J, **r: object) -> list[tuple[str, int, str, tuple[str, ...]]]:
        f = field(ADA, **{"class": decl})
        return self.shape(self.ok("seal", envelope=env, fields=[f], **r)["envelope"])

    def no_seal(self, kind: str, env: str, decl: J, **r: object) -> None:
        f = field(ADA, **{"class": decl})
        self.refused(kind, "seal", envelope=env, fields=[f], **r)

    def opened(self, env: str, decl: J, **r: object) -> object:
        got = self.open(env, forged("health"), **{"class": decl, "r": r})
        return got.get("error", "ok")

    def test_other_role(self) -> None:
        """The role is not of the class: what it alone unwraps is passed over."""
        env = invented(self.create(self.plain), "health", DOCTOR)
        reach = [e["reach"] for e in self.ok("verify", envelope=env)["entries"]]
        self.assertEqual(reach, ["opened", "opened"])
        self.assertEqual(self.opened(env, self.plain), "not-permitted")
        self.assertEqual(self.opened(env, self.plain, ring=ring(DOCTOR)), "not-permitted")
        roles = [x[3] for x in self.seals(env, self.plain)]
        self.assertEqual(roles, [("app",), ("doctor",), ("app",)])
        self.no_seal("not-permitted", env, self.plain, ring=ring(DOCTOR))
        grant = {"do": "grant", "class": self.plain, "role": "app", "history": True}
        self.no_edit("not-permitted", env, grant)
        self.assertEqual(len(self.shape(self.edit(env, {"do": "renew", "class": self.plain}))), 3)
        other = ring(APP, key(3, "index", use="index"))  # held for another use: it does not count
        self.assertEqual(self.opened(env, self.plain, ring=other), "not-permitted")

    def test_consent(self) -> None:
        """The role may have consented: no declared reader vouches for the generation."""
        env = invented(self.create(self.consent), "health", DOCTOR)
        self.assertEqual(self.opened(env, self.consent), "not-permitted")
        self.no_seal("missing-key", env, self.consent)
        self.no_edit("missing-key", env, {"do": "renew", "class": self.consent})
        # [ED-10]: the granted role itself need not be proven; what it invented is not believed.
        grant = {"do": "grant", "class": self.consent, "role": "doctor", "history": False}
        self.assertEqual(self.shape(self.edit(env, grant))[-1][3], ("app", "doctor"))
        for role in ("app", "doctor"):
            grant = {"do": "grant", "class": self.consent, "role": role, "history": True}
            self.no_edit("not-permitted", env, grant)
        named = self.consent | {"consented": []}
        roles = [x[3] for x in self.seals(env, named)]
        self.assertEqual(roles, [("app",), ("doctor",), ("app",)])
        out = {"do": "withdraw", "class": self.consent, "role": "doctor"}
        kinds = [x[2] for x in self.shape(self.edit(env, out))]
        self.assertEqual(kinds, ["live", "erased", "live"])
        # A ring of readers with consent alone goes by them.
        for r in (ring(DOCTOR), ring(DOCTOR, key(2, "app", form="writer"))):
            self.assertEqual(self.opened(env, self.consent, ring=r), "ok")
            self.assertEqual(len(self.seals(env, self.consent, ring=r)), 2)
        # One that holds the secret of a declared reader does not, whatever its state.
        for state in ("disabled", "compromised"):
            r = ring(DOCTOR, key(2, "app", state))
            self.assertEqual(self.opened(env, self.consent, ring=r), "not-permitted")
            self.assertEqual(self.opened(env, self.consent, ring=r, rescue=True), "not-permitted")

    def test_only_consent(self) -> None:
        """Without declared readers nobody vouches: consent is named."""
        alone = cls("health", [], consent=["doctor"])
        env = self.create(alone | {"consented": ["doctor"]})
        renew = {"do": "renew", "class": alone}
        self.no_edit("missing-key", env, renew)
        named = alone | {"consented": ["doctor"]}
        self.assertEqual(len(self.shape(self.edit(env, renew | {"class": named}))), 2)
        self.assertEqual(len(self.seals(env, alone)), 1)
        out = self.ok("edit", envelope=env, changes=[{"do": "rewrap", "declared": [alone]}])
        self.assertEqual(out["not_lifted"], [["health", 1]])

    def test_garbage(self) -> None:
        """With a recipient for `app` that does not open: blocked, and nothing else."""
        env = invented(self.create(self.consent), "health", DOCTOR, more=(GARBAGE,))
        self.assertEqual(self.opened(env, self.consent), "tampered")
        self.assertEqual(self.opened(env, self.consent, ring=ring(APP)), "tampered")
        self.no_seal("tampered", env, self.consent)
        self.no_edit("missing-key", env, {"do": "renew", "class": self.consent})
        grant = {"do": "grant", "class": self.consent, "role": "app", "history": True}
        self.no_edit("tampered", env, grant)
        readers = cls("health", ["app", "doctor"])  # a declared reader makes generations
        self.assertEqual(self.opened(env, readers), "ok")

    def test_rewrap(self) -> None:
        """Garbage never becomes a recipient, and the invented is not lifted."""
        newer = ring(
            key(2, "app", "open-only"), key(9, "app"), key(3, "doctor", "open-only", form="pair"),
            key(8, "doctor"),
        )  # fmt: skip
        env = invented(self.create(self.consent), "health", DOCTOR, more=(GARBAGE,))
        before = envelope.parse(H(env)).entries[1]
        change: J = {"do": "rewrap", "declared": [self.consent]}
        out = self.ok("edit", envelope=env, changes=[change], ring=newer)
        after = envelope.parse(H(out["envelope"])).entries
        self.assertEqual(after[1], before)
        self.assertEqual(self.ids(after[0]), [9])
        self.assertEqual((out["unproven"], out["not_lifted"]), ([], [["health", 2]]))
        # In a generation that is lifted, each role is proven for itself.
        planted = envelope.Recipient(2, 3, bytes(80))
        bad = replaced(
            self.create(self.consent),
            lambda e: [replace(e[0], recipients=(*e[0].recipients, planted))],
        )
        for decl in (self.consent, cls("health", ["app", "doctor"])):
            change = {"do": "rewrap", "declared": [decl]}
            out = self.ok("edit", envelope=bad, changes=[change], ring=newer)
            entry = envelope.parse(H(out["envelope"])).entries[0]
            assert isinstance(entry, envelope.Live)
            self.assertEqual((self.ids(entry), entry.recipients[0]), ([3, 9], planted))
            self.assertEqual(out["unproven"], [["health", 1, 3]])

    @staticmethod
    def ids(entry: envelope.Entry) -> list[int]:
        assert isinstance(entry, envelope.Live)
        return [r.key_id for r in entry.recipients]

    def test_compromised(self) -> None:
        """A compromised key opens in rescue mode and vouches for nothing."""
        r: J = {"ring": ring(key(2, "app", "compromised"), key(9, "app"), DOCTOR), "rescue": True}
        env = self.create(self.consent | {"consented": ["doctor"]})
        change: J = {"do": "rewrap", "declared": [self.consent]}
        out = self.ok("edit", envelope=env, changes=[change], **r)
        self.assertEqual(out["not_lifted"], [["health", 1]])
        self.assertEqual(
            envelope.parse(H(out["envelope"])).entries, envelope.parse(H(env)).entries
        )
        self.no_edit("missing-key", env, {"do": "renew", "class": self.consent}, **r)
        grant = {"do": "grant", "class": self.consent, "role": "app", "history": True}
        self.no_edit("not-permitted", env, grant, **r)
        both = cls("health", ["app", "doctor"])
        out = self.ok(
            "edit", envelope=env, changes=[{"do": "rewrap", "declared": [both]}], **r
        )  # the other declared reader vouches; `app` is not proven and stays
        self.assertEqual((out["unproven"], out["not_lifted"]), ([["health", 1, 2]], []))
        self.edit(env, grant | {"class": both}, **r)
        invented_ = invented(self.create(self.consent), "health", key(2, "app"))
        self.assertEqual(self.opened(invented_, self.consent, **r), "ok")
        self.no_edit("not-permitted", invented_, grant, **r)

    def test_was(self) -> None:
        """Each class is judged by its own declaration."""
        doctors = cls("doctors", ["doctor"])
        env = self.create(self.plain, doctors)
        f = field(ADA, **{"class": self.plain})
        s = self.ok("seal", envelope=env, fields=[f])["sealed"][0]
        old: J = {"class": doctors, "was": self.plain}
        self.assertEqual(self.open(env, s, **old), {"ok": ADA})
        got = self.open(env, s, r={"ring": ring(DOCTOR)}, **old)
        self.assertEqual(got, {"error": "not-permitted"})
        for kind, was in (("wrong-key", None), ("invalid-input", cls("health", ["a", "a"])),
                          ("invalid-input", cls("health", ["a"], consent=["a"]))):  # fmt: skip
            got = self.open(env, s, **old | {"was": was})
            self.assertEqual(got, {"error": kind})
        bad = invented(env, "health", DOCTOR)
        for was, want in ((self.plain, "not-permitted"), (cls("health", ["doctor"]), "ok")):
            got = self.open(bad, forged("health"), **old | {"was": was})
            self.assertEqual(got.get("error", "ok"), want)

    def test_made_in_the_call(self) -> None:
        """What the call wrapped counts, though the ring has only halves."""
        halves = ring(key(2, "app", form="writer"), WRITER)
        pair = key(2, "app", form="pair")
        env = self.create(self.consent, ring=ring(pair, DOCTOR))
        renew = {"do": "renew", "class": self.consent}
        grant = {"do": "grant", "class": self.consent, "role": "doctor", "history": True}
        self.no_edit("not-permitted", env, renew, grant, ring=halves)
        later = {"do": "grant", "class": self.consent, "role": "doctor", "history": False}
        rewrap = {"do": "rewrap", "declared": [self.consent]}
        new = self.edit(env, later, renew, rewrap, ring=halves)
        roles = [x[3] for x in self.shape(new, ring=ring(pair, DOCTOR))]
        self.assertEqual(roles, [("app",), ("app", "doctor"), ("app", "doctor")])
