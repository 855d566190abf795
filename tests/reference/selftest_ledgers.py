"""Ledgers, replays and receipts: a part of selftest.py. What they are in detail, their vectors say."""

from __future__ import annotations

import json
from typing import Any

from fieldseal_ref import receipt
from fieldseal_ref.jcs import canonical
from ledger_positives import (
    EVIDENCE,
    NEWS,
    OLD_KEY,
    RING,
    by,
    call,
    ensure,
    key_text,
    withdraw,
    written,
)
from selftest_support import NOW, Case, J, do


class Ledgers(Case):
    def lines(self, *changes: J, **of: Any) -> list[str]:
        out: list[str] = written([call(ensure(NEWS, "marketing")), call(*changes, **of)])["lines"]
        return out

    def read(self, lines: list[str], **of: Any) -> J:
        data = "".join(f"{line}\n" for line in lines).encode("utf-8").hex()
        return self.ok("ledger-read", ring=RING, ledger=data, **of)

    def test_every_cut_and_every_change_of_a_byte_is_noticed(self) -> None:
        lines = self.lines({"do": "erase-subject"})
        head = self.read(lines)["head"]
        data = "".join(f"{line}\n" for line in lines).encode("utf-8")
        for at in (*range(0, len(data) - 1, 37), len(data) - 1):
            altered = data[:at] + bytes([data[at] ^ 1]) + data[at + 1 :]
            # The last line feed alone is not missed.
            for cut in (altered, data[: min(at, len(data) - 2)]):
                answer = do("ledger-read", ring=RING, ledger=cut.hex(), head=head)
                self.assertIn(answer.get("error"), ("malformed", "rolled-back", "unsupported"))

    def test_other_keys(self) -> None:
        lines = self.lines({"do": "erase-subject"})
        data = "".join(f"{line}\n" for line in lines).encode("utf-8").hex()
        for kind, keys in (("missing-key", []), ("missing-key", [key_text(OLD_KEY)])):
            self.refused(kind, "ledger-read", ring=RING, ledger=data, keys=keys)

    def test_consent_needs_its_evidence(self) -> None:
        for missing in EVIDENCE:
            said = {name: of for name, of in EVIDENCE.items() if name != missing}
            for changes in (ensure(NEWS, "marketing"), ensure(NEWS)):
                calls = [
                    {"tenant": "", "subject": {"int": "1"}, "at": NOW, "changes": [changes], **said}
                ]
                asked = {"ring": RING, "id": "00" * 16, "at": NOW, "calls": calls}
                if changes["class"]["consented"]:
                    self.refused("invalid-input", "ledger-write", **asked)
                else:
                    self.ok("ledger-write", **asked)

    def test_a_replay_is_repeated(self) -> None:
        made = written(
            [
                call(ensure(NEWS, "marketing", "support")),
                call(withdraw(NEWS, "support"), at=NOW + 1),
                call(withdraw(by(NEWS), "marketing"), at=NOW + 2),
            ]
        )
        data = "".join(f"{line}\n" for line in made["lines"]).encode("utf-8").hex()
        asked = {"ring": RING, "tenant": "", "subject": {"int": "42"}, "now": NOW + 9}
        asked |= {"ledgers": [{"ledger": data}], "classes": [NEWS]}
        first = self.ok("replay", envelope=made["envelopes"][0], **asked)["envelope"]
        self.assertNotEqual(first, made["envelopes"][0])
        self.assertEqual(self.ok("replay", envelope=first, **asked)["envelope"], first)

    def test_a_receipt_has_as_many_bytes_as_it_may(self) -> None:
        of: J = {"at": NOW, "generations": [], "keys": [], "tenant": "", "subject": {"int": "1"}}
        least = len(canonical(self.ok("receipt", ring=RING, **of, actor="")["members"]))
        room = receipt.MAX_LENGTH - least
        made = canonical(self.ok("receipt", ring=RING, **of, actor="x" * room)["members"])
        self.assertEqual(len(made), receipt.MAX_LENGTH)
        self.ok("receipt-read", ring=RING, receipt=made.hex())
        self.refused("malformed", "receipt-read", ring=RING, receipt=(made + b" ").hex())
        self.refused("invalid-input", "receipt", ring=RING, **of, actor="x" * (room + 1))
        self.assertEqual(json.loads(made)["actor"], "x" * room)
