"""The self-test of the parts: primitives, ids, the text form, CBOR."""

from __future__ import annotations

from fieldseal_ref import cbor, crypto, hpke, pseudonym
from fieldseal_ref.errors import Refused
from selftest_support import APP, DOCTOR, Case, H, J


class Parts(Case):
    def test_xchacha(self) -> None:
        """draft-irtf-cfrg-xchacha-03, A.3.1."""
        plain = (
            b"Ladies and Gentlemen of the class of '99: If I could offer you only one tip"
            b" for the future, sunscreen would be it."
        )
        out = crypto.aead_seal(
            bytes(range(0x80, 0xA0)), bytes(range(0x40, 0x58)), H("50515253c0c1c2c3c4c5c6c7"), plain
        )
        self.assertEqual(out[:16], H("bd6d179d3e83d43b9576579493c0e939"))
        self.assertEqual(out[-16:], H("c0875924c1c7987947deafd8780acf49"))

    def test_expand(self) -> None:
        """RFC 5869, A.1."""
        prk = H("077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5")
        out = crypto.expand(prk, H("f0f1f2f3f4f5f6f7f8f9"), 42)
        self.assertEqual(
            out,
            H(
                "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
                "34007208d5b887185865"
            ),
        )

    def test_generator(self) -> None:
        """RFC 8439, A.1, vectors 1 and 2: the zero key's first two blocks."""
        out = crypto.Generator(bytes(32)).take(128)
        self.assertEqual(out[:8], H("76b8e0ada0f13d90"))
        self.assertEqual(out[64:72], H("9f07e7be5551387a"))

    def test_hpke(self) -> None:
        """RFC 9180, A.2.2."""
        skem = H("0c35fdf49df7aa01cd330049332c40411ebba36e0c718ebc3edf5845795f6321")
        skrm = H("77d114e0212be51cb1d76fa99dd41cfd4d0166b08caa09074430a6c59ef17879")
        pkrm = H("13640af826b722fc04feaa4de2f28fbd5ecc03623b317834e7ff4120dbe73062")
        psk = H("0247fd33b913760fa1fa51e1892d9f307fbe65eb171e8132c2af18555a738b82")
        psk_id, info = b"Ennyn Durin aran Moria", b"Ode on a Grecian Urn"
        plain, aad = b"Beauty is truth, truth beauty", b"Count-0"
        enc, ct = hpke.seal(pkrm, info, aad, plain, psk, psk_id, skem)
        self.assertEqual(enc, H("2261299c3f40a9afc133b969a97f05e95be2c514e54f3de26cbe5644ac735b04"))
        self.assertEqual(
            ct,
            H(
                "4a177f9c0d6f15cfdf533fb65bf84aecdc6ab16b8b85b4cf65a370e07fc1d78d"
                "28fb073214525276f4a89608ff"
            ),
        )
        self.assertEqual(hpke.open_(skrm, enc, info, aad, ct, psk, psk_id), plain)
        self.assertIsNone(hpke.open_(skrm, bytes(32), info, aad, ct, psk, psk_id))
        with self.assertRaises(Refused):
            hpke.seal(bytes(32), info, aad, plain, psk, psk_id, skem)

    def test_wrap(self) -> None:
        for kind, k in ((1, APP), (2, DOCTOR)):
            dk = "11" * 32
            w = self.ok("wrap", kind=kind, key=k, data_key=dk, aad="aa")["wrapped"]
            self.assertEqual(len(w), {1: 144, 2: 160}[kind])
            got = self.ok("unwrap", kind=kind, key=k, wrapped=w, aad="aa")
            self.assertEqual(got["data_key"], dk)
            self.refused("tampered", "unwrap", kind=kind, key=k, wrapped=w, aad="ab")
            self.refused("tampered", "unwrap", kind=3 - kind, key=k, wrapped=w, aad="aa")

    def test_ids(self) -> None:
        good: list[tuple[J | None, str]] = [
            ({"int": "7"}, "010000000000000007"),
            ({"int": "-5"}, "05fffffffffffffffb"),
            ({"text": "x"}, "0278"),
            ({"uuid": "00" * 16}, "03" + "00" * 16),
            ({"bytes": "ff"}, "04ff"),
            ({"composite": [{"text": "x"}, {"bytes": "ff"}]}, "0602027802" + "04ff"),
            (None, ""),
        ]
        for form, out in good:
            self.assertEqual(self.ok("id", id=form)["bytes"], out)
        for bad in (
            {"text": ""},
            {"bytes": ""},
            {"int": str(2**64)},
            {"int": str(-(2**63) - 1)},
            {"text": "x" * 255},
            {"text": "\ud800"},
            {"composite": [{"text": "x"}]},
            {"composite": [{"text": "x"}, None]},
            {"composite": [{"text": "x"}, {"composite": [{"int": "1"}, {"int": "2"}]}]},
            {"composite": [{"text": "x" * 130}, {"text": "x" * 130}]},
        ):
            self.refused("invalid-input", "id", id=bad)

    def test_text(self) -> None:
        for raw in ("f5", "f500", "f50000", "f7ffff"):
            text = self.ok("text", bytes=raw)["text"]
            self.assertEqual(self.ok("from-text", text=text)["bytes"], raw)
        for text, kind in (
            ("FS1.9Q", "not-sealed"),
            ("", "not-sealed"),
            ("fs1.", "malformed"),
            ("fs1.9", "malformed"),
            ("fs1.9R", "malformed"),
            ("fs1.9Q==", "malformed"),
            ("fs1.9Q\n", "malformed"),
            ("fs1.hello", "malformed"),
            ("fs1.AAAA", "malformed"),
            ("fs1._w", "unsupported"),
        ):
            self.refused(kind, "from-text", text=text)


class Cbor(Case):
    def test_examples(self) -> None:
        for item, hex_ in (
            ("Ada", "63416461"),
            (cbor.Decimal(-2, 110), "c48221186e"),
            (cbor.Instant(0, 0), "d903e9a201002800"),
            (cbor.Decimal(0, -(2**63) - 1), "c48200c3488000000000000000"),
            (cbor.Decimal(0, 2**64), "c48200c249010000000000000000"),
            (cbor.Decimal(-28, 2**96 - 1), "c482381bc24c" + "ff" * 12),
            (cbor.Date("0000-02-29"), "d903ec6a" + b"0000-02-29".hex()),
            (2**64 - 1, "1b" + "ff" * 8),
            (-(2**63), "3b7fffffffffffffff"),
            (cbor.F32(H("7fa00001")), "fa7fa00001"),
        ):
            self.assertEqual(cbor.encode(item).hex(), hex_)
            self.assertEqual(cbor.decode(H(hex_)), item)

    def test_nesting(self) -> None:
        self.assertEqual(cbor.encode(cbor.decode(H("81" * 64 + "80"))), H("81" * 64 + "80"))
        at_63 = "81" * 62
        for good in (at_63 + "c4820001", "81" * 63 + "d82550" + "00" * 16):
            cbor.decode(H(good))
        for bad in (
            "81" * 65 + "80",
            "81" * 64 + "d82550" + "00" * 16,
            "81" * 63 + "c4820001",
            at_63 + "c48200c249010000000000000000",
        ):
            self.refused("malformed", "uncbor", item=bad)
        deep: cbor.Item = cbor.Decimal(0, 2**64)
        for level in range(63):
            self.assertEqual(level <= 61, self._encodes(deep))
            deep = [deep]

    @staticmethod
    def _encodes(item: cbor.Item) -> bool:
        try:
            cbor.encode(item)
        except Refused:
            return False
        return True

    def test_malformed(self) -> None:
        for bad in (
            "", "1800", "190001", "1817", "5f4100ff", "9f00ff", "f7", "f820", "f93c00", "e0", "ff",
            "3b8000000000000000", "62c328", "63eda080", "42ff", "9a7fffffff00", "bb" + "ff" * 8,
            "c0", "c11a00000000", "c24101", "c34101", "d90025" + "50" + "00" * 16,
            "d8254f" + "00" * 15, "d82570" + "30" * 16, "d903ec6a" + b"2023-02-29".hex(),
            "d903e9a2011b" + "80" + "00" * 7 + "2800",
            "d903ec6a" + b"2023-2-029".hex(), "d903e9a10100", "d903e9a228000100",
            "d903e9a201002820", "d903e9a20100281a3b9aca00", "d903e9a3010028000200",
            "c4820101", "c482381c01", "c48301", "c4820000" + "00", "c48200f4", "c482f401",
            "c48200c2490001" + "00" * 7, "c48200c248" + "ff" * 8, "c48200c348" + "7f" * 8,
            "c48200c34c" + "ff" * 12, "c48200c24d01" + "00" * 12, "d8c482", "c49f0001ff",
        ):  # fmt: skip
            self.refused("malformed", "uncbor", item=bad)

    def test_instants(self) -> None:
        """[PT-6]: seconds fit 64 bits with a sign."""
        for seconds in (-(2**63), 2**63 - 1):
            item = cbor.Instant(seconds, 999_999_999)
            self.assertEqual(cbor.decode(cbor.encode(item)), item)
        for seconds, nanos in ((2**63, 0), (-(2**63) - 1, 0), (0, 10**9), (0, -1)):
            with self.assertRaises(Refused):
                cbor.encode(cbor.Instant(seconds, nanos))

    def test_types(self) -> None:
        with self.assertRaises(Refused):
            cbor.accept("u8", 256, False)
        self.assertEqual(
            cbor.accept("f64", cbor.F32(H("3fc00000")), False), cbor.F64(H("3ff8" + "00" * 6))
        )
        self.assertEqual(cbor.widen(cbor.F32(H("ffa00001"))), cbor.F64(H("fffc000020000000")))

    def test_pseudonyms(self) -> None:
        """[PS-2]: what is fixed in a UUID, and the bits behind a text."""
        for mac, uuid, text in (
            (bytes(16), "00000000-0000-8000-8000-000000000000", "0" * 26),
            (b"\xff" * 16, "ffffffff-ffff-8fff-bfff-ffffffffffff", "Z" * 25 + "W"),
            (bytes(range(16)), "00010203-0405-8607-8809-0a0b0c0d0e0f", "000G40R40M30E209185GR38E1W"),
        ):
            self.assertEqual(pseudonym.shown("token", mac), mac.hex())
            self.assertEqual(pseudonym.shown("uuid", mac), uuid)
            self.assertEqual(pseudonym.shown("text", mac), text)
