"""Sections 8.1 and 8.3: what an application declares about a class."""

from __future__ import annotations

from dataclasses import dataclass

from .encoding import U64_MAX, check_declared_class, check_name
from .errors import Refused

DAY = 86_400
DEFAULT_READER = "app"


@dataclass(frozen=True)
class ClassDecl:
    name: str
    readers: tuple[str, ...]
    consent: tuple[str, ...]
    retention: int | None  # R, seconds
    period: int | None  # P, seconds, if set
    consented: tuple[str, ...] = ()  # named by the caller for a first generation [GN-7]

    def expires_at(self, created_at: int) -> int:
        return expires_at(created_at, self.retention, self.period)


def expires_at(created_at: int, retention: int | None, period: int | None) -> int:
    """[RT-2] [RT-3]"""
    if retention is None:
        return 0
    p = max(DAY, retention // 12) if period is None else period
    out = created_at + p + retention
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
    """[NM-2] [GN-1] [RT-1] [RT-2]"""
    check_declared_class(name)
    declared = [DEFAULT_READER] if readers is None else readers
    roles = declared + consent
    for role in roles:
        check_name(role)
    if len(set(roles)) != len(roles):
        raise Refused("invalid-input", "a role twice")
    if period is not None and period < 1:
        raise Refused("invalid-input", "period below one second")
    named = consented or []
    if len(set(named)) != len(named) or not set(named) <= set(consent):
        raise Refused("invalid-input", "consented role not declared so")
    return ClassDecl(
        name, tuple(declared), tuple(consent), retention_seconds(retain_days), period, tuple(named)
    )


def consistent(declarations: list[ClassDecl]) -> None:
    """One class declared in two ways in one call is `invalid-input`."""
    seen: dict[str, ClassDecl] = {}
    for d in declarations:
        first = seen.setdefault(d.name, d)
        if (
            set(first.readers) != set(d.readers)
            or set(first.consent) != set(d.consent)
            or (first.retention, first.period) != (d.retention, d.period)
        ):
            raise Refused("invalid-input", "class declared in two ways")
