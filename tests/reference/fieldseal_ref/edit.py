"""Sections 8 and 9: making, changing and storing a key envelope."""

from __future__ import annotations

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
    Verified,
    aad_of,
    length_of,
    order,
    unwrap,
    write,
)
from .errors import Refused
from .ring import Ring


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
        self._outcomes: dict[tuple[str, int], Outcome] = {}

    # --- looking -----------------------------------------------------------

    def of_class(self, cls: str) -> list[ClassEntry]:
        return [e for e in self.entries if not isinstance(e, SubjectErased) and e.cls == cls]

    def live_of(self, cls: str) -> list[Live]:
        return [e for e in self.of_class(cls) if isinstance(e, Live)]

    @property
    def subject_erased(self) -> bool:
        return any(isinstance(e, SubjectErased) for e in self.entries)

    def outcome(self, entry: Live) -> Outcome:
        at = (entry.cls, entry.generation)
        if at not in self._outcomes:
            self._outcomes[at] = unwrap(entry, self.ring, self.tenant, self.subject, self.rescue)
        return self._outcomes[at]

    def knows_all(self, entry: Live) -> bool:
        return all(self.ring.knows(r.key_id) for r in entry.recipients)

    def consented(self, decl: ClassDecl) -> list[str]:
        """The consented readers of 8.1."""
        live = self.live_of(decl.name)
        if not live:
            return []
        roles = {self.ring.role_of(r.key_id) for r in live[-1].recipients}
        return [role for role in decl.consent if role in roles]

    def refuse_untold_consent(self, decl: ClassDecl) -> None:
        """[ED-7] [GN-3]: it cannot be told who consented."""
        live = self.live_of(decl.name)
        if decl.consent and live and not self.knows_all(live[-1]):
            raise Refused("missing-key", "a recipient's key is unknown")

    # --- parts of changes --------------------------------------------------

    def _allow(self, erased_refuses: bool) -> None:
        """[ED-4] [ED-5]"""
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
        for role in roles:
            key = self.ring.wrapping_or_missing(role)
            kind = crypto.kind_of(key)
            assert kind is not None
            aad = aad_of(entry, kind, key.id, self.tenant, self.subject)
            out.append(
                Recipient(kind, key.id, crypto.wrap_fresh(kind, key, data_key, aad, self.gen))
            )
        return out

    @staticmethod
    def _with(entry: Live, recipients: list[Recipient]) -> Live:
        """[RC-1] [RC-4]"""
        if len(recipients) > 255:
            raise Refused("exhausted", "more than 255 recipients")
        return replace(entry, recipients=tuple(sorted(recipients, key=lambda r: r.key_id)))

    def _begin(self, cls: str, generation: int, expires_at: int, roles: list[str]) -> bytes:
        """[DK-2] [DK-5] [GN-6] [RT-3]"""
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
        self._put(self._with(entry, self._wrap(entry, data_key, roles)))
        self._outcomes[cls, generation] = Outcome("opened", data_key)
        return data_key

    def begin_first(self, decl: ClassDecl) -> bytes:
        """[GN-7]"""
        roles = list(decl.readers) + list(decl.consented)
        return self._begin(decl.name, 1, decl.expires_at(self.now), roles)

    def begin_standalone(self, expires_at: int, roles: list[str]) -> bytes:
        """[SA-2]"""
        return self._begin(STANDALONE_CLASS, 1, expires_at, roles)

    def begin_next(self, decl: ClassDecl, roles: list[str]) -> bytes:
        """[GN-4]"""
        highest = self.of_class(decl.name)[-1]
        if highest.generation == U16_MAX:
            raise Refused("exhausted", "generation 65,535")
        return self._begin(decl.name, highest.generation + 1, decl.expires_at(self.now), roles)

    def _erase(self, entry: Live) -> None:
        """[ED-12]"""
        self._put(Erased(entry.cls, entry.generation, entry.tag, self.now))

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

    # --- the changes of 9.2 ------------------------------------------------

    def ensure(self, decl: ClassDecl) -> None:
        """[ED-6]"""
        self._allow(erased_refuses=True)
        if not self.of_class(decl.name):
            self.begin_first(decl)

    def renew(self, decl: ClassDecl, also: tuple[str, ...] = ()) -> None:
        """[ED-7]"""
        self._allow(erased_refuses=True)
        self._renewable(decl.name)
        self.refuse_untold_consent(decl)
        roles = list(decl.readers) + self.consented(decl)
        self.begin_next(decl, roles + [role for role in also if role not in roles])

    def _renewable(self, cls: str) -> None:
        entries = self.of_class(cls)
        if not entries:
            raise Refused("missing-class", cls)
        highest = entries[-1]
        if isinstance(highest, Live) and highest.suite != crypto.SUITE:
            raise Refused("unsupported", "suite of the highest generation")

    def rewrap(self) -> None:
        """[ED-8]: every recipient it may is wrapped anew."""
        for entry in [e for e in self.entries if isinstance(e, Live)]:
            data_key = self.outcome(entry).data_key
            if data_key is None:
                continue
            names = {self.ring.role_of(r.key_id) for r in entry.recipients if r.is_known_kind}
            roles = sorted(n for n in names if n is not None and self.ring.wrapping(n))
            if roles:
                self._replace_roles(entry, roles, data_key)
        self.changed = True

    def grant(self, decl: ClassDecl, role: str, history: bool) -> None:
        """[ED-10]"""
        check_name(role)
        if role not in decl.readers and role not in decl.consent:
            raise Refused("invalid-input", "role not declared")
        self._allow(erased_refuses=True)
        entries = self.of_class(decl.name)
        if not entries:
            raise Refused("missing-class", decl.name)
        self.ring.wrapping_or_missing(role)
        if not history:
            if isinstance(entries[-1], Erased):
                raise Refused("erased", "highest generation")
            self.renew(decl, also=(role,))
            return
        live = self.live_of(decl.name)
        if not live:
            raise Refused("erased", "no live generation")
        data_keys = [self.outcome(entry).key_or_refuse() for entry in live]
        for entry, data_key in zip(live, data_keys):
            self._replace_roles(entry, [role], data_key)

    def withdraw(self, decl: ClassDecl, role: str) -> None:
        """[ED-11]"""
        check_name(role)
        if role in decl.readers:
            raise Refused("invalid-input", "a declared reader")
        self._allow(erased_refuses=True)
        entries = self.of_class(decl.name)
        if not entries:
            raise Refused("missing-class", decl.name)
        live = self.live_of(decl.name)
        if not all(self.knows_all(entry) for entry in live):  # step 1
            raise Refused("missing-key", "a recipient's key is unknown")
        readers = list(decl.readers) + [r for r in self.consented(decl) if r != role]
        found = False
        for entry in live:  # steps 2 and 3
            kept = [r for r in entry.recipients if self.ring.role_of(r.key_id) != role]
            if len(kept) == len(entry.recipients):
                continue
            found = True
            if kept:
                self._put(self._with(entry, kept))
            else:
                self._erase(entry)
        if not found:
            return
        if not readers:  # step 5
            for entry in self.live_of(decl.name):
                self._erase(entry)
        elif isinstance(entries[-1], Live):  # step 4
            self._renewable(decl.name)
            self.begin_next(decl, readers)

    def erase_class(self, cls: str) -> None:
        """[ED-13]"""
        check_declared_class(cls)
        self._allow(erased_refuses=False)
        if not self.of_class(cls):
            raise Refused("missing-class", cls)
        for entry in self.live_of(cls) + self.live_of(MASK_PREFIX + cls):
            self._erase(entry)

    def erase_subject(self) -> None:
        """[ED-14]"""
        self._allow(erased_refuses=False)
        if self.subject_erased:
            return
        for entry in [e for e in self.entries if isinstance(e, Live)]:
            self._erase(entry)
        self.entries.append(SubjectErased(self.now))
        self.changed = True
        self._prune_to_fit()

    def _prune_to_fit(self) -> None:
        """[RT-7]: front to back, as few as needed, never a class's highest generation."""
        while length_of(self.entries) > MAX_LENGTH:
            classes = [e for e in self.entries if not isinstance(e, SubjectErased)]
            for entry, following in zip(classes, classes[1:]):
                if isinstance(entry, Erased) and following.cls == entry.cls:
                    self.entries.remove(entry)
                    break
            else:
                raise Refused("exhausted", "envelope too long")

    def sweep(self) -> None:
        """[RT-6]"""
        self._allow(erased_refuses=False)
        for entry in [e for e in self.entries if isinstance(e, Live)]:
            if entry.expired(self.now):
                self._erase(entry)

    # --- storing -----------------------------------------------------------

    def finish(self) -> bytes:
        """[ED-1] [ED-2]: the new envelope, or the given bytes if nothing changed."""
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
    editor = Editor(ring, tenant, subject, now, gen)
    for decl in declarations:
        editor.ensure(decl)
    return editor.finish()
