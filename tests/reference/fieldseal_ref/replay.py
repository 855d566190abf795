"""Section 13.4: what ledgers say, made good in an envelope."""

from __future__ import annotations

from dataclasses import dataclass

from .classes import ClassDecl
from .edit import Editor
from .encoding import U16_MAX
from .envelope import Erased, Live, SubjectErased
from .errors import Refused
from .ledger import Ledger, Told, Tokens, of_place, standing
from .ring import Ring

CLOCKS_DIFFER = 86_400  # [LG-11]


@dataclass(frozen=True)
class Withdrawn:
    """A role, as [LG-12] has it."""

    role: str
    covered: int
    by: int
    granted: bool
    with_history: bool

    def covers(self, entry: Live) -> bool:
        return entry.generation <= self.covered or _is_long_before(entry, self.by)


class Replay:
    """[LG-14], what is checked before any envelope. `declared` has each class once."""

    def __init__(self, ring: Ring, ledgers: list[Ledger], declared: list[ClassDecl]) -> None:
        self.ring = ring
        self.declared = {decl.name: decl for decl in declared}
        self.tokens = Tokens(ring, ledgers)
        for ledger in ledgers:
            for entry in ledger.entries:
                if entry.act.act == "withdraw" and entry.act.cls not in self.declared:
                    raise Refused("invalid-input", "a withdrawn class is not declared")

    def apply(self, editor: Player, tenant: str, subject: bytes) -> None:
        told = self.tokens.about(tenant, subject)
        if not told or editor.subject_erased:
            return
        if any(entry.act.act == "erase-subject" for _, entry in told):
            editor.allow(erased_refuses=False)
            editor.erase_subject()  # [LG-10]
            return
        for cls in _classes(told, "erase-class"):
            covered = [
                (of[1].act.generation or 0, of[1].at, min(self.tokens.by(of), editor.now))
                for of in told
                if (of[1].act.act, of[1].act.cls) == ("erase-class", cls)
            ]
            editor.erase_again(cls, covered)
        for cls in _classes(told, "withdraw"):
            erased = [
                entry.act.generation or 0
                for _, entry in told
                if (entry.act.act, entry.act.cls) == ("erase-class", cls)
            ]
            editor.withdraw_again(
                self.declared[cls],
                self._withdrawn(told, cls, editor.now),
                max(erased, default=0),
            )

    def _withdrawn(self, told: list[Told], cls: str, now: int) -> list[Withdrawn]:
        names = {e.act.role or "" for _, e in told if (e.act.act, e.act.cls) == ("withdraw", cls)}
        out = []
        for role in sorted(names):
            ends = of_place(told, "withdraw", cls, role)
            covered = max(entry.act.generation or 0 for _, entry in ends)
            by = min(max(self.tokens.by(end) for end in ends), now)
            stand = standing(told, cls, role)
            history = any(entry.act.history for _, entry in stand)
            out.append(Withdrawn(role, covered, by, bool(stand), history))
        return out


def _is_long_before(entry: Live, by: int) -> bool:
    return entry.created_at + CLOCKS_DIFFER < by


def _classes(told: list[Told], act: str) -> list[str]:
    return sorted({entry.act.cls or "" for _, entry in told if entry.act.act == act})


class Player(Editor):
    """The parts of a replay."""

    def erase_again(self, cls: str, covered: list[tuple[int, int, int]]) -> None:
        """[LG-11]"""
        self.allow(erased_refuses=False)
        for entry in self.live_of(cls):
            if any(
                (entry.generation <= generation and entry.created_at <= at + CLOCKS_DIFFER)
                or _is_long_before(entry, by)
                for generation, at, by in covered
            ):
                self._erase(entry)
        self._leave(cls, max(generation for generation, _, _ in covered))

    def _leave(self, cls: str, generation: int) -> None:
        """[LG-11]: the number of a generation that was reached."""
        entries = self.of_class(cls)
        if entries and (isinstance(entries[-1], Live) or entries[-1].generation >= generation):
            return
        taken = {e.tag for e in self.entries if not isinstance(e, SubjectErased)}
        while (tag := self.gen.take(4)) in taken:
            pass
        self._put(Erased(cls, generation, tag, self.now))

    def withdraw_again(self, decl: ClassDecl, roles: list[Withdrawn], erased: int) -> None:
        """[LG-12]"""
        self.allow(erased_refuses=False)
        entries = self.of_class(decl.name)
        names, last = tuple(one.role for one in roles), max(one.covered for one in roles)
        took_values = not entries or isinstance(entries[-1], Live)
        emptied = []
        for entry in self.live_of(decl.name):  # step 1
            out = [o.role for o in roles if not o.with_history and o.covers(entry)]
            if out and any(self.ring.role_of(r.key_id) is None for r in entry.recipients):
                raise Refused("missing-key", "a recipient's key is unknown")
            kept = [r for r in entry.recipients if self.ring.role_of(r.key_id) not in out]
            if not kept:
                emptied.append(entry)
            elif len(kept) < len(entry.recipients):
                self._put(self._with(entry, kept))
            if len(kept) < len(entry.recipients):
                last = max(last, entry.generation)
        if last == 0:
            return
        if entries and entries[-1].generation > last:  # step 2
            for entry in emptied:
                self._erase(entry)
            return
        # step 3: nobody is a reader of a generation without recipients.
        highest_is_empty = bool(emptied) and emptied[-1] is self.of_class(decl.name)[-1]
        consented = [] if highest_is_empty else self.consented(decl, aside=names)
        consented += [one.role for one in roles if one.granted and one.role in decl.consent]
        readers = [*decl.readers, *(role for role in decl.consent if role in consented)]
        for entry in emptied:  # step 4
            self._erase(entry)
        if not readers and entries and isinstance(self.of_class(decl.name)[-1], Live):
            highest = self.live_of(decl.name)[-1]
            self._erase(highest)
        if not readers or not took_values:  # step 5
            self._leave(decl.name, last)
            return
        if entries:  # step 6
            self._refuse_unknown_suite(decl.name)
        named = max(last, erased)
        if named == U16_MAX:
            raise Refused("exhausted", "generation 65,535")
        self._begin(decl.name, named + 1, decl.expires_at(self.now), readers)
