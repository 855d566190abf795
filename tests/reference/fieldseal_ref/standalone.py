"""Section 10: the standalone envelope."""

from __future__ import annotations

from . import cbor, crypto
from .classes import (
    DEFAULT_READER,
    ClassDecl,
    default_period,
    expires_at,
    retention_seconds,
)
from .crypto import Generator
from .edit import Editor
from .encoding import STANDALONE_CLASS, U16_MAX, check_name, s16, u64
from .envelope import Verified, verify_from_b
from .errors import Refused
from .field import open_under, plaintext, refuse_sealed, sealed_bytes
from .ring import Ring
from .standalone_layout import check, split

SUBJECT = b""  # [SA-2]
MULTIPLE = 16  # [SA-6]


def _aad(head: bytes, context: bytes) -> bytes:
    """[SA-3]"""
    return head + b"\x02" + s16(context)


def _check_context(context: bytes) -> None:
    if len(context) > U16_MAX:
        raise Refused("invalid-input", "context too long")


def _declared(readers: list[str]) -> ClassDecl:
    """[SA-2] [SA-5]: the readers named, `app` if none, are the class's declared ones."""
    roles = readers or [DEFAULT_READER]
    for role in roles:
        check_name(role)
    if len(set(roles)) != len(roles):
        raise Refused("invalid-input", "a role twice")
    return ClassDecl(STANDALONE_CLASS, tuple(roles), (), None, None)


def seal(
    ring: Ring,
    tenant: bytes,
    now: int,
    readers: list[str],
    retain_days: int,
    context: bytes,
    item: cbor.Item,
    gen: Generator,
) -> bytes:
    """[SA-1] [SA-2] [SA-6], in the order of [SF-3]."""
    decl = _declared(readers)
    _check_context(context)
    retention = retention_seconds(retain_days)
    padded = plaintext(item, MULTIPLE, hides_absence=False)
    refuse_sealed(item, None)
    editor = Editor(ring, tenant, SUBJECT, now, gen)
    expires = expires_at(now, retention, default_period(retention))
    data_key = editor.begin_standalone(expires, list(decl.readers))
    envelope = editor.finish()
    keys = crypto.derive(data_key, crypto.SUITE, tenant, SUBJECT, STANDALONE_CLASS, 1)
    nonce = gen.take(16) + u64(0)
    sealed = sealed_bytes(keys, nonce, _aad(b"\xf5" + keys.tag, context), padded)
    return b"\xf7" + s16(envelope) + sealed


def _verify(data: bytes, ring: Ring, tenant: bytes, rescue: bool) -> tuple[Verified, bytes]:
    """Steps a to c of [SA-5]."""
    if not data or data[0] < 0xF7:
        raise Refused("not-sealed")
    if data[0] >= 0xF8:
        raise Refused("unsupported", "reserved first byte")
    inner, sealed = split(data)
    return verify_from_b(inner, ring, tenant, SUBJECT, rescue, floor=0), sealed


def open_(
    ring: Ring,
    tenant: bytes,
    now: int,
    rescue: bool,
    readers: list[str],
    context: bytes,
    kind: str,
    data: bytes,
) -> cbor.Item:
    """[SA-5]"""
    decl = _declared(readers)
    _check_context(context)
    verified, sealed = _verify(data, ring, tenant, rescue)
    entry = check(verified.envelope, sealed)
    aad = _aad(sealed[:5], context)
    counting = decl.counting(ring)
    return open_under(verified, ring, now, rescue, entry, counting, sealed, aad, kind, False)


def rewrap(
    ring: Ring,
    tenant: bytes,
    now: int,
    rescue: bool,
    readers: list[str],
    data: bytes,
    gen: Generator,
) -> tuple[bytes, list[tuple[str, int, int]], list[tuple[str, int]]]:
    """[SA-7]: the new envelope, and what [ED-9] reports."""
    decl = _declared(readers)
    verified, sealed = _verify(data, ring, tenant, rescue)
    check(verified.envelope, sealed)
    editor = Editor(ring, tenant, SUBJECT, now, gen, verified, rescue)
    editor.rewrap({STANDALONE_CLASS: decl})
    out = b"\xf7" + s16(editor.finish()) + sealed
    return out, editor.unproven, editor.not_lifted
