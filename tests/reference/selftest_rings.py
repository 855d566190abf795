"""Ring documents, shares and slot keys: a part of selftest.py."""

from __future__ import annotations

import json
from typing import Any

from fieldseal_ref import document, ed25519, jcs, shares
from fieldseal_ref.errors import Refused
from fieldseal_ref.spelling import LAST_TIME, seconds, time
from selftest_support import NOW, RING, Case, H, J

RING_ID = "0f" * 16
KEY, OTHER = "11" * 32, "22" * 32


def plan(number: int, kind: str, **of: Any) -> J:
    return {"id": number, "label": kind, "created_at": NOW, "kind": kind, **of}


SLOTS = [
    plan(1, "passphrase", passphrase="pass", memory_kib=8, passes=1, lanes=1),
    plan(2, "key", slot_key=KEY),
    plan(4, "recovery", threshold=2, count=3),
    plan(9, "service", service="kms", service_key="k", service_wrapped="00", slot_key=OTHER),
]


class Rings(Case):
    def setUp(self) -> None:
        self.written = self.ok(
            "ring-write",
            ring=RING,
            id=RING_ID,
            generation=7,
            written_at=NOW,
            seed="33" * 32,
            slots=SLOTS,
        )
        self.text: str = self.written["document"]
        shares_ = self.written["slots"][2]["shares"]
        self.credentials = [
            {"passphrase": "pass"},
            {"key": shares.slot_key_text(H(KEY))},
            {"shares": shares_[1:]},
            {"service": "kms", "service_key": "k", "slot_key": OTHER},
        ]

    def test_every_slot_opens(self) -> None:
        for number, credential in zip((1, 2, 4, 9), self.credentials):
            opened = self.unlock(self.text, credential)
            self.assertEqual(opened["slot"], number)
            self.assertEqual(len(opened["ring"]["keys"]), len(RING["keys"]))

    def unlock(self, text: str, credential: J, **more: Any) -> J:
        document = text.encode("utf-8").hex()
        return self.ok("ring-unlock", document=document, credential=credential, **more)

    def refuse(self, kind: str, text: str, credential: J, **more: Any) -> None:
        document = text.encode("utf-8", "surrogatepass").hex()
        self.refused(kind, "ring-unlock", document=document, credential=credential, **more)

    def test_wrong_credentials(self) -> None:
        shares_ = self.credentials[2]["shares"]
        for kind, credential in (
            ("unlock", {"passphrase": "Pass"}),
            ("invalid-input", {"passphrase": ""}),
            ("invalid-input", {"passphrase": "x" * 1025}),
            ("unlock", {"key": shares.slot_key_text(H(OTHER))}),
            ("malformed", {"key": "fsk1."}),
            ("unlock", {"shares": []}),
            ("invalid-input", {"shares": shares_[:1]}),
            ("invalid-input", {"shares": shares_ + shares_[:1]}),
            ("unlock", {"service": "kms", "service_key": "l", "slot_key": OTHER}),
            ("unlock", {"service": "kms", "service_key": "k", "slot_key": KEY}),
        ):
            self.refuse(kind, self.text, credential)
        self.refuse("rolled-back", self.text, self.credentials[0], floor=8)
        self.unlock(self.text, self.credentials[0], floor=7)

    def test_floors_name_the_master_key(self) -> None:
        of = {"ring": RING, "id": RING_ID, "generation": 7, "written_at": NOW, "slots": SLOTS}
        text = self.ok("ring-write", **of, master=3)["document"]
        key = self.credentials[1]
        for floor in (0, "0", 7, "7", "0.7", "3.0", "3.7", "1.6"):
            self.unlock(text, key, floor=floor)
        for floor in (8, "8", "0.8", "4.0", "4.7", "3.8", "2.8"):
            self.refuse("rolled-back", text, key, floor=floor)
        for number in (0, 2**32):
            self.refused("exhausted", "ring-write", **of, master=number)

    def test_slots_are_bound_to_the_number(self) -> None:
        of = {"ring": RING, "id": RING_ID, "generation": 7, "written_at": NOW, "slots": SLOTS}
        keys = {"master_key": self.written["master_key"], "seed": "33" * 32}
        again, next_ = (self.ok("ring-write", **of, **keys, master=number) for number in (1, 2))
        for a, b in zip(again["slots"], next_["slots"]):
            info = [H(slot["info"]) for slot in (a, b)]
            # Behind the label and the document id; all else is the same.
            self.assertEqual([part[38:42] for part in info], [H("00000001"), H("00000002")])
            self.assertEqual(a["slot_key"], b["slot_key"])
            self.assertNotEqual(a["wrap_key"], b["wrap_key"])
        self.refuse(
            "unlock",
            next_["document"].replace('"master": 2', '"master": 1'),
            self.credentials[1],
        )

    def test_layout_is_free_and_nothing_else(self) -> None:
        members = json.loads(self.text)
        reversed_ = dict(reversed(list(members.items())))
        self.unlock(json.dumps(reversed_), self.credentials[1])
        self.unlock("\r\n\t " + self.text, self.credentials[1])
        self.unlock(self.text.replace("kms", "\\u006bms"), self.credentials[1])
        for old, new in (
            ('"generation": 7', '"generation": 8'),
            ('"master": 1', '"master": 2'),
            ('"state": "primary"', '"state": "open-only"'),
            ('"label": "key"', '"label": "kez"'),
            ('"secrets": "', '"secrets": "='),
            ('"secrets": "', '"secrets": "AA'),
        ):
            self.refuse("unlock", self.text.replace(old, new, 1), self.credentials[1])
        for old, new in (
            ('"generation": 7', '"generation": 7.0'),
            ('"generation": 7', '"generation": 07'),
            ('"generation": 7', '"generation": -7'),
            ('"generation": 7', '"generation": 9007199254740992'),
            ('"generation": 7', '"generation": null'),
            ('"generation": 7', '"generation": "7"'),
            ('"generation": 7', '"generation": 7, "generation": 7'),
            ('"generation": 7', '"generation": 7, "more": 7'),
            ('"master": 1', '"master": 0'),
            ('"master": 1', '"master": 4294967296'),
            ('"master": 1', '"master": null'),
            ('"master": 1', '"master": "1"'),
            ('"master": 1', '"master": 1, "master": 1'),
            ('"master": 1,', ""),
            ('"label": "key"', '"label": "\\ud800"'),
            ('"label": "key"', '"label": "\\u0085"'),
            ("0f0f", "0F0f"),
            ('"memory_kib": 8', '"memory_kib": 7'),
            ("ring/1", "ring1"),
        ):
            self.assertIn(old, self.text)
            self.refuse("malformed", self.text.replace(old, new, 1), self.credentials[1])
        for old, new in (("ring/1", "ring/2"), ('"kind": "key"', '"kind": "yek"')):
            self.refuse("unsupported", self.text.replace(old, new, 1), self.credentials[1])
        for text in ("", "[]", '["ring/2"]', "\ufeff" + self.text, self.text + "x", self.text[:-3]):
            self.refuse("malformed", text, self.credentials[1])

    def test_scopes_are_counted_over_all_keys(self) -> None:
        entry = json.dumps({"tenant": ""})
        for of_first, of_second in ((100_001, 0), (60_000, 40_001)):
            lists = [f'"derived": [{",".join([entry] * of)}], "holds"' for of in (of_first, of_second)]
            before, middle, *rest = self.text.split('"holds"')
            text = before + lists[0] + middle + lists[1] + '"holds"'.join(rest)
            with self.assertRaises(Refused) as refused:
                document.read(text.encode())
            self.assertIn("too many scopes", str(refused.exception.__dict__) + str(refused.exception))

    def test_unprotected(self) -> None:
        given = {"ring": RING, "id": RING_ID, "generation": 1, "written_at": NOW}
        written = self.ok("ring-write-unprotected", **given)
        document = written["document"].encode().hex()
        op = "ring-open-unprotected"
        self.ok(op, document=document)
        self.ok(op, document=document, fingerprint=written["fingerprint"])
        self.refused("unlock", op, document=document, fingerprint="00" * 32)
        self.refused("rolled-back", op, document=document, floor=2)
        self.ok(op, document=document, floor="0.1")
        self.refused("rolled-back", op, document=document, floor="1.1")
        self.assertNotIn("master", json.loads(written["document"]))
        for number in (0, 1):
            members = {**json.loads(written["document"]), "master": number}
            self.refused("malformed", "ring-read", document=json.dumps(members).encode().hex())
        self.refuse("unprotected", written["document"], self.credentials[0])
        self.refused("invalid-input", op, document=self.text.encode().hex())

    def test_field(self) -> None:
        """An example of FIPS 197, 4.2, and that every element but 0 has an inverse."""
        self.assertEqual(shares.multiply(0x57, 0x83), 0xC1)
        for a in range(1, 256):
            self.assertEqual(shares.multiply(a, shares.inverse(a)), 1)

    def test_shares(self) -> None:
        key = bytes(range(32))
        made = shares.split(key, b"setsetse", 3, 5, lambda n: bytes(n * [7]))
        tags = [share.tag for share in made]
        for few in ([0, 1, 2], [4, 2, 0], [0, 1, 2, 3, 4]):
            self.assertEqual(shares.combine([made[at] for at in few], b"setsetse", tags), key)
        text = shares.share_text(made[0])
        self.assertEqual(len(text), 103)
        for typed in (text.lower(), text.replace("-", " "), "f-s" + text[2:].replace("0", "o")):
            self.assertEqual(shares.share_from_text(typed), made[0])
        for kind, typed in (
            ("malformed", text[:-1]),
            ("malformed", text.replace("FSSHARE", "FSHARE")),
            ("unsupported", text.replace("FSSHARE1", "FSSHARE2")),
            ("malformed", text.replace("FSSHARE1", "FSSHARE0")),
            ("malformed", text[:-1] + "U"),
            ("malformed", text + " " * 1000),
        ):
            with self.assertRaises(Refused) as refused:
                shares.share_from_text(typed)
            self.assertEqual(refused.exception.kind, kind)

    def test_spelling(self) -> None:
        for at in (0, 951_782_400, NOW, LAST_TIME):
            self.assertEqual(seconds(time(at)), at)
        self.assertEqual(time(LAST_TIME), "9999-12-30T22:00:00Z")
        for bad in ("9999-12-30T22:00:01Z", "2023-02-29T00:00:00Z", "2016-12-31T23:59:60Z"):
            with self.assertRaises(Refused):
                seconds(bad)
        text = {"b": 1, "a": ['"\\\b\t\n\f\r\x00\x1f\x7f/é\u2028\U0001f980', []]}
        expected = '{"a":["\\"\\\\\\b\\t\\n\\f\\r\\u0000\\u001f\x7f/é\u2028\U0001f980",[]],"b":1}'
        self.assertEqual(jcs.canonical(text), expected.encode())

    def test_signatures(self) -> None:
        """RFC 8032, 7.1, tests 1 and 3; and [RK-10]."""
        for public, message, signature in (
            (
                "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a",
                "",
                "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e065224901555"
                "fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b",
            ),
            (
                "fc51cd8e6218a1a38da47ed00230f0580816ed13ba3303ac5deb911548908025",
                "af82",
                "6291d657deec24024827e69c3abe01a30ce548a284743a445e3680d7db5ac3ac1"
                "8ff9b538d16f290ae67f760984dc6594a7c15e9716ed28dc027beceea1ec40a",
            ),
        ):
            of = (H(public), H(message))
            self.assertTrue(ed25519.verify(*of, H(signature)))
            self.assertFalse(ed25519.verify(H(public), H(message) + b"\0", H(signature)))
            number = int.from_bytes(H(signature)[32:], "little") + ed25519.L
            unreduced = H(signature)[:32] + number.to_bytes(32, "little")
            self.assertFalse(ed25519.verify(*of, unreduced))
        # The neutral point would verify any message by R neutral and S zero.
        neutral = b"\1" + bytes(31)
        self.assertFalse(ed25519.is_public(neutral))
        self.assertFalse(ed25519.verify(neutral, b"any", neutral + bytes(32)))
        self.assertFalse(ed25519.is_public(b"\2" + bytes(31)))

    def test_signing_keys(self) -> None:
        made = self.ok("signing-key", id=7, secret=KEY)
        self.assertNotEqual(made["private"], KEY)
        told = {name: made[name] for name in ("id", "public", "text")}
        self.assertEqual(self.ok("from-verifying-key", text=made["text"]), told)
        self.refused("malformed", "from-verifying-key", text=made["text"][:-1])
        signature = self.ok("sign", secret=KEY, message="00")["signature"]
        of = {"public": made["public"], "signature": signature}
        self.assertTrue(self.ok("verify-signature", message="00", **of)["good"])
        self.assertFalse(self.ok("verify-signature", message="01", **of)["good"])
        tokens = [
            self.ok("token", secret=KEY, tenant=tenant, subject=subject)["token"]
            for tenant in ("", "acme")
            for subject in ({"int": "7"}, {"text": "7"})
        ]
        self.assertEqual(len(set(tokens)), 4)

    def test_rings_that_sign_and_verify(self) -> None:
        secret = {"id": 7, "use": "sign", "name": "sign", "state": "primary", "form": "symmetric"}
        public = self.ok("signing-key", id=7, secret=KEY)["public"]
        half = {**secret, "form": "public", "public": public}
        given = {"id": RING_ID, "generation": 1, "written_at": NOW}
        for key in ({**secret, "secret": KEY}, half):
            written = self.ok("ring-write-unprotected", ring={"keys": [key]}, **given)
            entry = json.loads(written["document"])["keys"][0]
            self.assertEqual("public" in entry, key is half)
            document = written["document"].encode().hex()
            opened = self.ok("ring-open-unprotected", document=document)["ring"]["keys"]
            self.assertEqual(opened, [key])
        for other in ("wrap", "index"):
            bad = {**half, "use": other, "name": other}
            ring = {"keys": [bad]}
            self.refused("invalid-input", "ring-write-unprotected", ring=ring, **given)
