"""The error kinds of section 18."""

from __future__ import annotations

KINDS = frozenset(
    {
        "malformed",
        "not-sealed",
        "already-sealed",
        "unsupported",
        "wrong-key",
        "not-permitted",
        "expired",
        "erased",
        "tampered",
        "type-mismatch",
        "rolled-back",
        "missing-class",
        "retention",
        "missing-key",
        "invalid-input",
        "exhausted",
        "unlock",
        "unprotected",
    }
)


class Refused(Exception):
    """A refusal by the format. `detail` is for people and never answered [OP-6]."""

    def __init__(self, kind: str, detail: str = "") -> None:
        assert kind in KINDS, kind
        super().__init__(f"{kind}: {detail}" if detail else kind)
        self.kind = kind
