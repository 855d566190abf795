"""Sections 8.1 and 8.3: what an application declares about a class."""

from __future__ import annotations

from dataclasses import dataclass

from .encoding import U64_MAX, check_class, check_name, is_mask_class
from .errors import Refused
from .ring import Ring

DAY = 86_400
DEFAULT_READER = "app"


@dataclass(frozen=True)
class ClassDecl:
    name: str
    readers: tuple[str, ...]
    consent: tuple[str, ...]
    retention: int | None  # R, seconds
    period: int | None  # P, seconds, if set
    consented: tuple[str, ...] | None = None  # as the caller names them [GN-10]

    @property
    def period_or_default(self) -> int | None:
        return default_period(self.retention) if self.period is None else self.period

    def counting(self, ring: Ring) -> frozenset[str]:
        """[GN-13]: the roles whose recipients count."""
        if any(ring.opens_as(role) for role in self.readers):
            return frozenset(self.readers)
        return frozenset(self.readers + self.consent)

    def expires_at(self, created_at: int) -> int:
        return expires_at(created_at, self.retention, self.period_or_default)


def default_period(retention: int | None) -> int | None:
    """[RT-2]"""
    return None if retention is None else max(DAY, retention // 12)


def expires_at(created_at: int, retention: int | None, period: int | None) -> int:
    """[RT-3]"""
    if retention is None or period is None:
        return 0
    out = created_at + period + retention
    if out > U64_MAX:
        raise Refused("exhausted", "time overflow")
    return out


def retention_seconds(days: int) -> int | None:
    """[RT-1]; 0 days is no retention."""
    if days < 0:
        raise Refused("invalid-input", "negative retention")
    return days * DAY if days else None


def declare(
    name: str,
    readers: list[str] | None,
    consent: list[str],
    retain_days: int,
    period: int | None,
    consented: list[str] | None = None,
) -> ClassDecl:
    """[NM-2] [GN-1] [RT-1] [RT-2] [MA-2]"""
    check_class(name)
    declared = [DEFAULT_READER] if readers is None else readers
    if is_mask_class(name) and (not declared or consent):
        raise Refused("invalid-input", "a mask class has readers, and none with consent")
    roles = declared + consent
    for role in roles:
        check_name(role)
    if len(set(roles)) != len(roles):
        raise Refused("invalid-input", "a role twice")
    if period is not None and period < 1:
        raise Refused("invalid-input", "period below one second")
    return ClassDecl(
        name,
        tuple(declared),
        tuple(consent),
        retention_seconds(retain_days),
        period,
        None if consented is None else tuple(consented),
    )


class Declarations:
    """[GN-12]: one class declared in two ways in one call."""

    def __init__(self, *, with_consented: bool) -> None:
        self._seen: dict[str, object] = {}
        self._with_consented = with_consented

    def add(self, decl: ClassDecl) -> ClassDecl:
        named = decl.consented if self._with_consented else None
        terms = (
            frozenset(decl.readers),
            frozenset(decl.consent),
            decl.retention,
            decl.period_or_default,
            None if named is None else frozenset(named),
        )
        if self._seen.setdefault(decl.name, terms) != terms:
            raise Refused("invalid-input", "class declared in two ways")
        return decl
