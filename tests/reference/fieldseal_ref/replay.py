"""Section 13.4: what ledgers say, made good in an envelope."""

from __future__ import annotations

from dataclasses import dataclass

from .classes import ClassDecl
from .edit import Editor, is_empty_mark
from .encoding import U16_MAX
from .envelope import Erased, Live
from .errors import Refused
from .ledger import CLOCKS_DIFFER, Ledger, Told, Tokens, of_place, standing
from .ring import Ring


@dataclass(frozen=True)
class Erasure:
    """An entry that erases a class, as [LG-11] has it."""

    generation: int
    at: int
    by: int


@dataclass(frozen=True)
class Withdrawn:
    """A role, as [LG-12] has it."""

    role: str
    told: int
    by: int
    granted: bool
    with_history: bool
    granted_from: int

    def covers(self, entry: Live) -> bool:
        return entry.generation <= self.told or _is_long_before(entry, self.by)

    def is_out(self, entry: Live, is_reader: bool) -> bool:
        if self.with_history:
            return False
        if self.granted:
            early = self.told > 0 and entry.generation <= self.granted_from
            return early or self.covers(entry)
        return self.covers(entry) if is_reader else True


class Replay:
    """[LG-14], what is checked before any envelope. `declared` has each class once."""

    def __init__(self, ring: Ring, ledgers: list[Ledger], declared: list[ClassDecl]) -> None:
        self.ring = ring
        self.declared = {decl.name: decl for decl in declared}
        self.tokens = Tokens(ring, ledgers)

    def apply(self, editor: Player, tenant: str, subject: bytes) -> str | None:
        """The first refusal or report: its kind."""
        told = self.tokens.about(tenant, subject)
        if not told or editor.subject_erased:
            return None
        if editor.verified is not None and editor.verified.under_compromised:
            return "not-permitted"  # [ED-4]
        if any(entry.act.act == "erase-subject" for _, entry in told):
            editor.erase_subject()  # [LG-10]
            return None
        kinds: list[str] = []
        unseen: dict[str, list[Erasure]] = {}
        for cls in _classes(told, "erase-class"):
            unseen[cls] = editor.erase_again(cls, self._erasures(told, cls, editor.now))
        for cls in _classes(told, "withdraw", "grant"):
            roles = self._withdrawn(told, cls, editor.now)
            named = [_highest(told, act, cls) for act in ("erase-class", "grant")]
            if report := editor.withdraw_again(cls, self.declared.get(cls), roles, *named):
                kinds.append(report)
        for cls, entries in unseen.items():
            if report := editor.settle(cls, entries):
                kinds.append(report)
        return kinds[0] if kinds else None

    def _erasures(self, told: list[Told], cls: str, now: int) -> list[Erasure]:
        return [
            Erasure(of[1].act.generation or 0, of[1].at, min(self.tokens.by(of), now))
            for of in told
            if (of[1].act.act, of[1].act.cls) == ("erase-class", cls)
        ]

    def _withdrawn(self, told: list[Told], cls: str, now: int) -> list[Withdrawn]:
        names = {e.act.role or "" for _, e in told if (e.act.act, e.act.cls) == ("withdraw", cls)}
        out = []
        for role in sorted(names):
            ends = of_place(told, "withdraw", cls, role)
            highest = max(entry.act.generation or 0 for _, entry in ends)
            by = min(max(self.tokens.by(end) for end in ends), now)
            stand = standing(told, cls, role)
            history = any(entry.act.history for _, entry in stand)
            lowest = min((entry.act.generation or 0 for _, entry in stand), default=0)
            out.append(Withdrawn(role, highest, by, bool(stand), history, lowest))
        return out


def _is_long_before(entry: Live, by: int) -> bool:
    return entry.created_at + CLOCKS_DIFFER < by


def _classes(told: list[Told], *acts: str) -> list[str]:
    return sorted({entry.act.cls or "" for _, entry in told if entry.act.act in acts})


def _highest(told: list[Told], act: str, cls: str) -> int:
    of = [entry.act for _, entry in told]
    return max((a.generation or 0 for a in of if (a.act, a.cls) == (act, cls)), default=0)


class Player(Editor):
    """The parts of a replay."""

    def erase_again(self, cls: str, entries: list[Erasure]) -> list[Erasure]:
        """[LG-11] 1 to 3: the entries that were not seen."""
        marks = [e.generation for e in self.of_class(cls) if is_empty_mark(e)]
        unseen = [one for one in entries if one.generation > max(marks, default=0)]
        live = self.live_of(cls)
        covered = [
            entry
            for entry in live
            if any(
                (
                    entry.generation <= one.generation
                    and entry.created_at <= one.at + CLOCKS_DIFFER
                )
                or _is_long_before(entry, one.by)
                for one in entries
            )
        ]
        if len(covered) < len(live):
            for entry in covered:
                self._erase(entry)
            return unseen
        for entry in covered:
            self._erase(entry, max(one.at for one in entries))
        self._mark_erased(cls, entries)
        return unseen

    def _mark_erased(self, cls: str, entries: list[Erasure]) -> None:
        generation = max(one.generation for one in entries)
        self.mark(cls, generation, max(one.at for one in entries))

    def settle(self, cls: str, unseen: list[Erasure]) -> str | None:
        """[LG-11] 4 and 5"""
        if not unseen:
            return None
        live = self.live_of(cls)
        if not live:
            self._mark_erased(cls, unseen)
            return None
        lowest = live[0]
        below = [e for e in self.of_class(cls) if e.generation < lowest.generation]
        follows = lowest.generation == 1 or (
            bool(below) and below[-1].generation == lowest.generation - 1
        )
        empty = max((at for at, e in enumerate(below) if is_empty_mark(e)), default=-1)
        after = [e.erased_at for e in below[empty + 1 :] if isinstance(e, Erased)]
        times = [one.at for one in unseen] + after
        if follows and all(at + CLOCKS_DIFFER < lowest.created_at for at in times):
            return None
        return "rolled-back"

    def withdraw_again(
        self,
        cls: str,
        decl: ClassDecl | None,
        roles: list[Withdrawn],
        erased: int,
        granted: int,
    ) -> str | None:
        """[LG-12]: what the class is reported with."""
        entries = self.of_class(cls)
        was_live = bool(entries) and isinstance(entries[-1], Live)
        readers = set(decl.readers) if decl else set()
        by_role = {one.role: one for one in roles}
        emptied, last = [], max((one.told for one in roles), default=0)
        lost, unknown, doubt = False, None, None
        for entry in self.live_of(cls):  # step 1
            out = {one.role for one in roles if one.is_out(entry, one.role in readers)}
            names = [self.ring.role_of(r.key_id) for r in entry.recipients]
            if out and None in names:
                unknown = "missing-key"
            kept = [r for r, name in zip(entry.recipients, names) if name not in out]
            if len(kept) == len(entry.recipients):
                continue
            gone = [name for name in names if name in out]
            has_other = len(gone) < len([name for name in names if name is not None])
            if not has_other and not all(by_role[name or ""].covers(entry) for name in gone):
                doubt = "rolled-back"
                continue
            lost, last = True, max(last, entry.generation)
            if kept:
                self._put(self._with(entry, kept))
            else:
                emptied.append(entry)

        def erase_emptied() -> None:
            for entry in emptied:
                self._erase(entry)

        report = unknown or doubt
        if decl is None:  # step 2
            erase_emptied()
            return report or ("invalid-input" if lost else None)
        highest = entries[-1].generation if entries else 0
        if (entries and highest > last and highest >= granted) or (not entries and last == 0):
            erase_emptied()  # step 3
            return report
        # step 4: nobody is a reader of a generation without recipients.
        following = max(last, erased, granted) + 1
        try:
            highest_is_empty = bool(emptied) and emptied[-1].generation == highest
            aside = tuple(by_role)
            consented = [] if highest_is_empty else self.consented(decl, aside=aside)
        except Refused as refused:
            if last == 0:
                return report
            erase_emptied()
            self._leave_erased(cls, min(following, U16_MAX), self.now)  # step 8
            return report or refused.kind
        if last == 0 and not decl.readers and not consented:
            return report
        consented += [one.role for one in roles if one.granted and one.role in decl.consent]
        named = [*decl.readers, *(role for role in decl.consent if role in consented)]
        erase_emptied()  # step 5
        now_live = self.live_of(cls)
        if not named and doubt is None and now_live and now_live[-1].generation == highest:
            self._erase(now_live[-1])
        if not named or (entries and not was_live):  # step 6
            self.mark(cls, min(following, U16_MAX), self.now)
            return report
        try:  # step 7
            if entries:
                self._refuse_unknown_suite(cls)
            if following >= U16_MAX:
                raise Refused("exhausted", "generation 65,535")
            self._begin(cls, following, decl.expires_at(self.now), named)
        except Refused as refused:
            if last > 0:
                self._leave_erased(cls, min(following, U16_MAX), self.now)  # step 8
            return report or refused.kind
        return report
