"""Section 16: pseudonyms."""

from __future__ import annotations

import hashlib
import hmac
import uuid

from .crypto import expand, scope_info
from .encoding import s8, u8
from .errors import Refused
from .ring import DerivedForm, Ring, RingKey, Scope, SymmetricForm

FORMS = {"token": 1, "uuid": 2, "text": 3}  # [PS-2]
_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # of RF-19


def purpose_key(key: RingKey, scope: Scope) -> bytes | None:
    """[RK-7]: of the secret, or the derived key that is held."""
    if isinstance(key.form, SymmetricForm):
        return expand(key.form.secret, scope_info(scope), 32)
    if isinstance(key.form, DerivedForm):
        return dict(key.form.keys).get(scope)
    return None


def mac_of(key: bytes, form: int, subject: bytes) -> bytes:
    """[PS-1]"""
    return hmac.new(key, u8(form) + s8(subject), hashlib.sha256).digest()[:16]


def shown(form: str, mac: bytes) -> str:
    """[PS-2]: a token as its hex."""
    number = int.from_bytes(mac, "big")
    if form == "token":
        return mac.hex()
    if form == "uuid":
        number = number & ~(0xF << 76) | 0x8 << 76
        number = number & ~(0x3 << 62) | 0x2 << 62
        return str(uuid.UUID(int=number))
    fives = f"{number:0128b}00"
    return "".join(_ALPHABET[int(fives[at : at + 5], 2)] for at in range(0, 130, 5))


class Pseudonyms:
    """Those of one purpose."""

    def __init__(self, ring: Ring, tenant: str, purpose: str, rescue: bool) -> None:
        """The first two checks of [PS-5]."""
        self._scope = Scope("pseudonym", (tenant, purpose))
        counting = {"primary", "open-only"} | ({"compromised"} if rescue else set())
        keys = [key for key in ring.keys if key.use == "pseudonym" and key.state in counting]
        keys.sort(key=lambda key: key.state != "primary")
        self._keys = [(key, purpose_key(key, self._scope)) for key in keys]
        if all(derived is None for _, derived in self._keys):
            raise Refused("missing-key", purpose)

    def one(self, form: str, subject: bytes) -> str:
        """[PS-3]"""
        for key, derived in self._keys:
            if key.state == "primary" and derived is not None:
                return shown(form, mac_of(derived, FORMS[form], subject))
        raise Refused("missing-key", "no primary key of this purpose")

    def all(self, form: str, subject: bytes) -> list[str]:
        """[PS-4]"""
        made = []
        for _, derived in self._keys:
            if derived is None:
                raise Refused("missing-key", "a former key of this purpose")
            made.append(shown(form, mac_of(derived, FORMS[form], subject)))
        return made
