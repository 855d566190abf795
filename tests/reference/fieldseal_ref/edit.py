"""Sections 8 and 9: making, changing and storing a key envelope."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from . import crypto
from .classes import ClassDecl
from .crypto import Generator
from .encoding import (
    MASK_PREFIX,
    STANDALONE_CLASS,
    U16_MAX,
    U64_MAX,
    check_declared_class,
    check_name,
)
from .envelope import (
    MAX_LENGTH,
    ClassEntry,
    Entry,
    Erased,
    Live,
    Outcome,
    Recipient,
    SubjectErased,
    Tried,
    Tries,
    Verified,
    aad_of,
    length_of,
    order,
    unwrap,
    write,
)
from .errors import Refused
from .ledger import Act
from .ring import Ring


KEPT = 4_096  # for withdrawals [ED-19]


def is_empty_mark(entry: Entry) -> bool:
    """[ED-21]"""
    return isinstance(entry, Erased) and entry.tag == crypto.empty_tag(
        entry.cls, entry.generation, entry.erased_at
    )


class Editor:
    """Changes to one envelope, stored as one version [ED-2] [ED-4]."""

    def __init__(
        self,
        ring: Ring,
        tenant: bytes,
        subject: bytes,
        now: int,
        gen: Generator,
        verified: Verified | None = None,
        rescue: bool = False,
    ) -> None:
        self.ring, self.tenant, self.subject = ring, tenant, subject
        self.now, self.gen, self.rescue = now, gen, rescue
        self.verified = verified
        self.entries: list[Entry] = [] if verified is None else list(verified.envelope.entries)
        self.changed = False
        self.unproven: list[tuple[str, int, int]] = []  # of the last rewrap [ED-9]
        self.not_lifted: list[tuple[str, int]] = []
        self.acts: list[Act] = []  # what a ledger is told [LG-7]
        self.has_evidence = True  # or none is needed, as no ledger is kept
        self.to_renew: list[str] = []  # classes that a withdrawal closed [ED-11]
        self._data_keys: dict[tuple[str, int], bytes] = {}  # of what this call wrapped
        self._made: set[tuple[str, int, Recipient]] = set()

    # --- looking -----------------------------------------------------------

    def of_class(self, cls: str) -> list[ClassEntry]:
        return [e for e in self.entries if not isinstance(e, SubjectErased) and e.cls == cls]

    def live_of(self, cls: str) -> list[Live]:
        return [e for e in self.of_class(cls) if isinstance(e, Live)]

    @property
    def subject_erased(self) -> bool:
        return any(isinstance(e, SubjectErased) for e in self.entries)

    def tries(self, entry: Live) -> Tries:
        """What the call wrapped itself counts as unwrapped in it [GN-9]."""
        at = (entry.cls, entry.generation)
        tried = unwrap(entry, self.ring, self.tenant, self.subject, self.rescue)
        made = [
            Tried(r.key_id, self.ring.role_of(r.key_id), False, self._data_keys[at])
            for r in entry.recipients
            if (*at, r) in self._made
        ]
        ids = {t.key_id for t in made}
        return replace(tried, all=(*made, *(t for t in tried.all if t.key_id not in ids)))

    def outcome(self, entry: Live, decl: ClassDecl) -> Outcome:
        """[GN-13]: the generation, unwrapped for the class as declared."""
        return self.tries(entry).judged(decl.counting(self.ring))

    def consented(self, decl: ClassDecl, aside: tuple[str, ...] = ()) -> list[str]:
        """[GN-10]; `aside` are the roles being withdrawn [ED-11] [LG-12]."""
        if decl.consented is not None:
            named = list(decl.consented)
            if len(set(named)) != len(named) or not set(named) <= set(decl.consent):
                raise Refused("invalid-input", "not readers with consent")
            return named
        entries = self.of_class(decl.name)
        if not decl.consent or not entries or not isinstance(entries[-1], Live):
            return []
        proven = self.tries(entries[-1]).proven
        for r in entries[-1].recipients:
            role = self.ring.role_of(r.key_id)
            if role in aside:
                continue
            unproven = role in decl.consent and role not in proven
            if role is None or not r.is_known_kind or unproven:
                raise Refused("missing-key", "it cannot be told who consented")
        out = [role for role in decl.consent if role in proven and role not in aside]
        if out and not proven & set(decl.readers):
            raise Refused("missing-key", "no declared reader vouches for the generation")
        return out

    # --- parts of changes --------------------------------------------------

    def allow(self, erased_refuses: bool) -> None:
        """[ED-4] [ED-5], the first two checks of a change [ED-16]."""
        if self.verified is not None and self.verified.under_compromised:
            raise Refused("not-permitted", "compromised envelope key")
        if erased_refuses and self.subject_erased:
            raise Refused("erased", "subject")

    def _put(self, entry: ClassEntry) -> None:
        """In its place, by class and generation [KE-3]."""
        rest = [e for e in self.entries if isinstance(e, SubjectErased) or order(e) != order(entry)]
        rest.append(entry)
        self.entries = sorted(
            rest, key=lambda e: (1, b"", 0) if isinstance(e, SubjectErased) else (0, *order(e))
        )
        self.changed = True

    def _wrap(self, entry: Live, data_key: bytes, roles: list[str]) -> list[Recipient]:
        """[GN-6]"""
        out = []
        self._data_keys[entry.cls, entry.generation] = data_key
        for role in roles:
            key = self.ring.wrapping_or_missing(role)
            kind = crypto.kind_of(key)
            assert kind is not None
            aad = aad_of(entry, kind, key.id, self.tenant, self.subject)
            made = Recipient(kind, key.id, crypto.wrap_fresh(kind, key, data_key, aad, self.gen))
            self._made.add((entry.cls, entry.generation, made))
            out.append(made)
        return out

    @staticmethod
    def _with(entry: Live, recipients: list[Recipient]) -> Live:
        """[RC-1] [RC-4]"""
        if len(recipients) > 255:
            raise Refused("exhausted", "more than 255 recipients")
        return replace(entry, recipients=tuple(sorted(recipients, key=lambda r: r.key_id)))

    def _begin(
        self, cls: str, generation: int, expires_at: int, roles: list[str], kept: int = 0
    ) -> bytes:
        """[DK-2] [DK-5] [GN-6] [RT-3], leaving `kept` bytes [ED-19]"""
        if not roles:
            raise Refused("invalid-input", "a generation without readers")
        for role in roles:
            self.ring.wrapping_or_missing(role)
        taken = {e.tag for e in self.entries if not isinstance(e, SubjectErased)}
        while True:
            data_key = self.gen.take(32)
            keys = crypto.derive(data_key, crypto.SUITE, self.tenant, self.subject, cls, generation)
            if keys.tag not in taken:
                break
        entry = Live(cls, generation, crypto.SUITE, self.now, expires_at, keys.commitment, ())
        entry = self._with(entry, self._wrap(entry, data_key, roles))
        if length_of([*self.entries, entry]) + kept > MAX_LENGTH:
            raise Refused("exhausted", "no room")
        self._put(entry)
        return data_key

    def begin_first(self, decl: ClassDecl) -> bytes:
        """[GN-7], by steps 3, 5, 6 and 7 of [ED-7]."""
        consented = self.consented(decl)
        self.tell_consents(decl, consented)
        roles = list(decl.readers) + consented
        return self._begin(decl.name, 1, decl.expires_at(self.now), roles, KEPT)

    def begin_standalone(self, expires_at: int, roles: list[str]) -> bytes:
        """[SA-2]"""
        return self._begin(STANDALONE_CLASS, 1, expires_at, roles)

    def begin_next(self, decl: ClassDecl, roles: list[str], kept: int = KEPT) -> bytes:
        """[GN-4], by steps 4 to 7 of [ED-7]."""
        number = self.of_class(decl.name)[-1].generation + 1
        if number >= U16_MAX:
            raise Refused("exhausted", "generation 65,535 is never begun")
        return self._begin(decl.name, number, decl.expires_at(self.now), roles, kept)

    def _make_room(self, more: int) -> None:
        while length_of(self.entries) + more > MAX_LENGTH:
            entry = self._prunable(self.entries) or self._not_highest()
            if entry is None:
                raise Refused("exhausted", "envelope too long")
            self.entries.remove(entry)

    def _close(self, cls: str) -> None:
        """[ED-11] 4: an erased entry of the next number."""
        number = self.of_class(cls)[-1].generation + 1
        if number <= U16_MAX:
            self._make_room(16 + len(cls))
            self._add_mark(cls, number, self.now)
        self.to_renew.append(cls)

    def _erase(self, entry: Live, at: int | None = None) -> None:
        """[ED-12]"""
        erased_at = self.now if at is None else at
        self._put(Erased(entry.cls, entry.generation, entry.tag, erased_at))

    def _replace_roles(self, entry: Live, roles: list[str], data_key: bytes) -> None:
        """One wrap a role under its primary, in place of its kind 1 and 2 recipients."""
        kept = [
            r
            for r in entry.recipients
            if not (r.is_known_kind and self.ring.role_of(r.key_id) in roles)
        ]
        made = self._wrap(entry, data_key, roles)
        if {r.key_id for r in kept} & {r.key_id for r in made}:
            raise Refused("unsupported", "an unknown kind bears the primary's id")
        self._put(self._with(entry, kept + made))

    # --- what a ledger is told [LG-7] ---------------------------------------

    def _need_evidence(self) -> None:
        if not self.has_evidence:
            raise Refused("invalid-input", "consent without its evidence")

    def _granted_at(self, cls: str) -> int:
        entries = self.of_class(cls)
        return entries[-1].generation if entries else 1

    def tell_consents(self, decl: ClassDecl, consented: list[str]) -> None:
        """Of a generation that is begun for them."""
        entries = self.of_class(decl.name)
        live = [entries[-1]] if entries and isinstance(entries[-1], Live) else []
        had = {self.ring.role_of(r.key_id) for e in live for r in e.recipients}
        for role in decl.consent:
            if role in consented and role not in had:
                self._need_evidence()
                at = self._granted_at(decl.name)
                self.acts.append(Act("grant", decl.name, role, at, history=False))

    # --- the changes of 9.2: after `allow` and what the caller gave [ED-16] ---

    def ensure(self, decl: ClassDecl) -> None:
        """[ED-6]"""
        if not self.of_class(decl.name):
            self.begin_first(decl)

    def renew(self, decl: ClassDecl, also: tuple[str, ...] = ()) -> None:
        """[ED-7]"""
        if not self.of_class(decl.name):
            raise Refused("missing-class", decl.name)
        self._refuse_unknown_suite(decl.name)
        consented = self.consented(decl, aside=also)
        self.tell_consents(decl, [role for role in consented if role not in also])
        self.mark_empty(decl.name)
        roles = list(decl.readers) + consented
        self.begin_next(decl, roles + [role for role in also if role not in roles])

    def _refuse_unknown_suite(self, cls: str) -> None:
        highest = self.of_class(cls)[-1]
        if isinstance(highest, Live) and highest.suite != crypto.SUITE:
            raise Refused("unsupported", "suite of the highest generation")

    def rewrap(self, declared: dict[str, ClassDecl]) -> None:
        """[ED-8] [ED-9]"""
        self.unproven, self.not_lifted = [], []
        for entry in [e for e in self.entries if isinstance(e, Live)]:
            decl = declared.get(entry.cls)
            tries = self.tries(entry)
            if decl is None or not tries.proven & set(decl.readers):
                self.not_lifted.append((entry.cls, entry.generation))
                continue
            trusted = tries.proven & set(decl.readers + decl.consent)
            roles: list[str] = []  # in the order of their recipients
            for r in entry.recipients:
                role = self.ring.role_of(r.key_id)
                if role is None or not r.is_known_kind or role not in trusted:
                    self.unproven.append((entry.cls, entry.generation, r.key_id))
                elif self.ring.wrapping(role) and role not in roles:
                    roles.append(role)
            if roles:
                data_key = tries.judged(frozenset(decl.readers)).key_or_refuse()
                self._replace_roles(entry, roles, data_key)
        self.changed = True

    def grant(self, decl: ClassDecl, role: str, history: bool) -> None:
        """[ED-10]"""
        check_name(role)
        if role not in decl.readers and role not in decl.consent:
            raise Refused("invalid-input", "role not declared")
        if role in decl.consent:
            self._need_evidence()
        entries = self.of_class(decl.name)
        if not entries:
            raise Refused("missing-class", decl.name)
        self.ring.wrapping_or_missing(role)
        granted = Act("grant", decl.name, role, self._granted_at(decl.name), history)
        if not history:
            if isinstance(entries[-1], Erased):
                raise Refused("erased", "highest generation")
            self.renew(decl, also=(role,))
            self.acts.append(granted)
            return
        live = self.live_of(decl.name)
        if not live:
            raise Refused("erased", "no live generation")
        for entry in live:
            # What a consented role alone opens is not for the class's readers to believe.
            by_readers = frozenset(decl.readers) if role in decl.readers else decl.counting(self.ring)
            outcome = self.tries(entry).judged(by_readers)
            data_key = outcome.key_or_refuse()
            if outcome.only_compromised:
                raise Refused("not-permitted", "only a compromised key opens it")
            self._replace_roles(entry, [role], data_key)
        if length_of(self.entries) + KEPT > MAX_LENGTH:  # [ED-19]
            raise Refused("exhausted", "no room")
        self.acts.append(granted)

    def withdraw(self, decl: ClassDecl, role: str) -> None:
        """[ED-11]"""
        check_name(role)
        if role in decl.readers:
            raise Refused("invalid-input", "a declared reader")
        unknown = decl.consented is not None  # those are removed too
        held = {self.ring.role_of(r.key_id) for e in self.live_of(decl.name) for r in e.recipients}
        if role not in decl.consent and role not in held and not (unknown and None in held):
            raise Refused("invalid-input", "neither the class nor the envelope knows the role")
        entries = self.of_class(decl.name)
        if not entries:
            raise Refused("missing-class", decl.name)
        live = self.live_of(decl.name)
        if decl.consented is None:  # step 1
            if any(self.ring.role_of(r.key_id) is None for e in live for r in e.recipients):
                raise Refused("missing-key", "a recipient's key is unknown")
            consented = self.consented(decl, aside=(role,))
        else:
            consented = self.consented(decl)
            if role in consented:
                raise Refused("invalid-input", "the withdrawn role remains")
        readers = list(decl.readers) + consented
        told = len(self.acts)
        if isinstance(entries[-1], Live):  # else no generation is begun
            self.tell_consents(decl, consented)
        granted = slice(told, len(self.acts))

        def stays(r: Recipient) -> bool:
            name = self.ring.role_of(r.key_id)
            return name != role if decl.consented is None else name in readers

        found, others = False, set()
        for entry in live:  # steps 2 and 3
            kept = [r for r in entry.recipients if stays(r)]
            if len(kept) == len(entry.recipients):
                continue
            found = True
            others |= {self.ring.role_of(r.key_id) for r in entry.recipients if not stays(r)}
            if kept:
                self._put(self._with(entry, kept))
            else:
                self._erase(entry)
        if not found:
            self.acts[told:] = [Act("withdraw", decl.name, role, 0)]
            self.changed = True
            return
        for name in [role, *sorted(name for name in others if name and name != role)]:
            self.acts.append(Act("withdraw", decl.name, name, entries[-1].generation))
        if not readers:  # step 5
            for entry in self.live_of(decl.name):
                if entry.generation == entries[-1].generation:
                    self._erase(entry)
        elif isinstance(entries[-1], Live):  # step 4
            try:
                self._refuse_unknown_suite(decl.name)
                self.begin_next(decl, readers, kept=0)
            except Refused:  # it goes through all the same
                del self.acts[granted]
                self._close(decl.name)
            return
        self.mark(decl.name, entries[-1].generation + 1, self.now)  # step 6

    def mark(self, cls: str, generation: int, erased_at: int) -> None:
        """[ED-21]"""
        entries = self.of_class(cls)
        if entries and isinstance(entries[-1], Live):
            return
        self._leave_erased(cls, generation, erased_at)

    def _leave_erased(self, cls: str, generation: int, erased_at: int) -> None:
        entries = self.of_class(cls)
        if (entries and entries[-1].generation >= generation) or generation > U16_MAX:
            return
        try:
            self._make_room(16 + len(cls))
        except Refused:
            return
        self._add_mark(cls, generation, erased_at)

    def _add_mark(self, cls: str, generation: int, erased_at: int) -> None:
        """[ED-21]: a tag of its own where nothing of the class is live."""
        taken = {e.tag for e in self.entries if not isinstance(e, SubjectErased)}
        tag = crypto.empty_tag(cls, generation, erased_at)
        if self.live_of(cls) or tag in taken:
            while (tag := self.gen.take(4)) in taken:
                pass
        self._put(Erased(cls, generation, tag, erased_at))

    def mark_empty(self, cls: str) -> None:
        """[ED-7] 9: before a class is begun again of which nothing is live."""
        highest = self.of_class(cls)[-1]
        if self.live_of(cls) or is_empty_mark(highest) or highest.generation + 1 >= U16_MAX - 1:
            return
        self._add_mark(cls, highest.generation + 1, self.now)

    def erase_class(self, cls: str) -> None:
        """[ED-13]"""
        check_declared_class(cls)
        if not self.of_class(cls) and not self.of_class(MASK_PREFIX + cls):
            raise Refused("missing-class", cls)
        for name in (cls, MASK_PREFIX + cls):
            if self.of_class(name):  # [LG-7]: also where nothing is live
                highest = self.of_class(name)[-1].generation
                self.acts.append(Act("erase-class", name, generation=highest))
                if not self.live_of(name) and not self.subject_erased:
                    self.mark(name, highest + 1, self.now)
            for entry in self.live_of(name):
                self._erase(entry)

    def erase_older(self, cls: str) -> None:
        """[ED-18]"""
        entries = self.of_class(cls)
        if not entries:
            raise Refused("missing-class", cls)
        if isinstance(entries[-1], Erased):
            raise Refused("erased", "highest generation")
        for entry in self.live_of(cls)[:-1]:
            self._erase(entry)

    def erase_resealed(self, cls: str, generation: int) -> None:
        """[ED-20]"""
        settled = [
            e for e in self.live_of(cls) if e.generation <= generation and e.created_at + 90_000 <= self.now
        ]
        if not settled:
            return
        kept = settled[-1].generation
        for entry in self.live_of(cls):
            if entry.generation < kept:
                self._erase(entry)
        if length_of(self.entries) > 32_767:
            while old := self._prunable(e for e in self.of_class(cls) if e.generation < kept):
                self.entries.remove(old)
                self.changed = True

    def erase_subject(self) -> None:
        """[ED-14]"""
        self.acts.append(Act("erase-subject"))  # [LG-7]: also where it is erased already
        if self.subject_erased:
            return
        for entry in [e for e in self.entries if isinstance(e, Live)]:
            self._erase(entry)
        self.entries.append(SubjectErased(self.now))
        self.changed = True
        self._prune_to_fit()

    def _is_needed(self, entry: Erased) -> bool:
        """[RT-7]"""
        of_class = self.of_class(entry.cls)
        mark = max((e.generation for e in of_class if is_empty_mark(e)), default=0)
        if entry.generation in (of_class[-1].generation, mark):
            return True
        lowest = min((e.generation for e in self.live_of(entry.cls)), default=U16_MAX + 1)
        concerned = [e for e in of_class if isinstance(e, Erased) and mark < e.generation < lowest]
        return entry in concerned and all(
            e.erased_at < entry.erased_at for e in concerned if e.generation > entry.generation
        )

    def _prunable(self, entries: Iterable[Entry]) -> Erased | None:
        """[RT-7]: the first of these that may be pruned."""
        return next((e for e in entries if isinstance(e, Erased) and not self._is_needed(e)), None)

    def _not_highest(self) -> Erased | None:
        """[ED-14]: the first erased entry that is not its class's highest generation."""
        classes = [e for e in self.entries if not isinstance(e, SubjectErased)]
        pairs = zip(classes, classes[1:])
        return next((e for e, n in pairs if isinstance(e, Erased) and n.cls == e.cls), None)

    def _prune_to_fit(self) -> None:
        """[ED-14]: from the front, as few as needed."""
        while length_of(self.entries) > MAX_LENGTH:
            entry = self._prunable(self.entries) or self._not_highest() or self.entries[0]
            self.entries.remove(entry)

    def prune(self) -> None:
        """[RT-7]: every entry that may be."""
        if self.subject_erased:
            return
        while (entry := self._prunable(self.entries)) is not None:
            self.entries.remove(entry)
            self.changed = True

    def sweep(self) -> None:
        """[RT-6]"""
        for entry in [e for e in self.entries if isinstance(e, Live)]:
            if entry.expired(self.now):
                self._erase(entry)

    # --- storing -----------------------------------------------------------

    def finish(self) -> bytes:
        """[ED-1] [ED-2] [ED-17]: the new envelope, or the given bytes if nothing changed."""
        if self.verified is not None and not self.changed:
            return self.verified.data
        version = 0 if self.verified is None else self.verified.envelope.version
        if version == U64_MAX:
            raise Refused("exhausted", "version 2^64-1")
        return write(version + 1, self.entries, self.ring, self.tenant, self.subject)


def create(
    ring: Ring,
    tenant: bytes,
    subject: bytes,
    now: int,
    declarations: list[ClassDecl],
    gen: Generator,
) -> bytes:
    """Create (9.2): generation 1 of the classes asked for."""
    if not declarations:
        raise Refused("invalid-input", "an envelope without entries")
    editor = Editor(ring, tenant, subject, now, gen)
    for decl in declarations:
        editor.ensure(decl)
    return editor.finish()
