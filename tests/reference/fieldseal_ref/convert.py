"""The JSON forms of rings, ids, classes and values used by `serve`."""

from __future__ import annotations

import json
import math
import re
import struct
import uuid
from typing import Any

from . import cbor
from .classes import ClassDecl, declare
from .encoding import Id
from .errors import Refused
from .ring import (
    DerivedForm,
    Form,
    PairForm,
    PublicForm,
    Ring,
    RingKey,
    Scope,
    SymmetricForm,
    WriterForm,
    make_form,
)

_INT = re.compile(r"-?[0-9]{1,80}")


def integer(text: str) -> int:
    if not _INT.fullmatch(text):
        raise Refused("invalid-input", "integer")
    return int(text)


def exactly(n: int, text: str) -> bytes:
    out = bytes.fromhex(text)
    if len(out) != n:
        raise Refused("invalid-input", f"not {n} bytes")
    return out


def ring_key(j: dict[str, Any]) -> RingKey:
    parts = [
        bytes.fromhex(j[name]) if j.get(name) is not None else None
        for name in ("secret", "private", "public", "writer")
    ]
    if j["form"] == "derived":
        keys = ((scope(j["use"], one), exactly(32, one["key"])) for one in j["derived"])
        form: Form = DerivedForm(tuple(keys))
    else:
        form = make_form(j["form"], *parts)
    hints = (j.get("created_at"), j.get("rotate_after_days"))
    return RingKey(j["id"], j["use"], j["name"], j["state"], form, *hints)


SCOPES = {"index": ("tenant", "record", "index"), "pseudonym": ("tenant", "purpose")}


def scope(use: str, j: dict[str, Any]) -> Scope:
    return Scope(use, tuple(j[name] for name in SCOPES[use]))


def json_key(key: RingKey) -> dict[str, Any]:
    form = key.form
    out: dict[str, Any] = {"id": key.id, "use": key.use, "name": key.name, "state": key.state}
    if isinstance(form, SymmetricForm):
        out |= {"form": "symmetric", "secret": form.secret.hex()}
    elif isinstance(form, PairForm):
        out |= {"form": "pair", "private": form.private.hex()}
        out |= {"public": form.public.hex(), "writer": form.writer.hex()}
    elif isinstance(form, WriterForm):
        out |= {"form": "writer", "public": form.public.hex(), "writer": form.writer.hex()}
    elif isinstance(form, PublicForm):
        out |= {"form": "public", "public": form.public.hex()}
    elif isinstance(form, DerivedForm):
        keys = ((dict(zip(SCOPES[key.use], of.parts)), secret) for of, secret in form.keys)
        out |= {"form": "derived", "derived": [{**of, "key": secret.hex()} for of, secret in keys]}
    else:
        out["form"] = "name-only"
    for name in ("created_at", "rotate_after_days"):
        if getattr(key, name) is not None:
            out[name] = getattr(key, name)
    return out


def json_ring(ring: Ring) -> dict[str, Any]:
    return {"keys": [json_key(key) for key in ring.keys]}


def ring(j: dict[str, Any]) -> Ring:
    return Ring(ring_key(key) for key in j["keys"])


def id_(j: dict[str, Any] | None) -> Id | None:
    if j is None:
        return None
    ((form, v),) = j.items()
    if form == "int":
        return integer(v)
    if form == "text":
        return str(v)
    if form == "uuid":
        return uuid.UUID(bytes=exactly(16, v))
    if form == "bytes":
        return bytes.fromhex(v)
    if form == "composite":
        return tuple(_part(part) for part in v)
    raise ValueError(f"id form {form}")


def _part(j: dict[str, Any] | None) -> Id:
    """[ID-4]: a part is a whole encoded id, so never the empty one."""
    part = id_(j)
    if part is None:
        raise Refused("invalid-input", "empty part")
    return part


def class_(j: dict[str, Any]) -> ClassDecl:
    return declare(
        j["name"],
        j.get("readers"),
        j.get("consent") or [],
        j.get("retain_days") or 0,
        j.get("period"),
        j.get("consented"),
    )


def class_or_name(j: dict[str, Any] | str) -> ClassDecl:
    """A bare name is a class whose readers are not declared [GN-1]."""
    return class_({"name": j} if isinstance(j, str) else j)


def value(j: dict[str, Any]) -> cbor.Item:
    t, v = j["t"], j.get("v")
    if t == "null":
        return None
    if t == "instant":
        return cbor.Instant(integer(j["s"]), j["n"])
    if t == "decimal":
        return cbor.Decimal(j["e"], integer(j["m"]))
    if v is None:
        raise ValueError(f"value of {t}")
    if t == "text":
        return str(v)
    if t == "bytes":
        return bytes.fromhex(v)
    if t == "bool":
        return bool(v)
    if t == "int":
        return integer(v)
    if t == "json":
        return cbor.Json(_json_item(v))
    if t == "f32":
        return cbor.F32(exactly(4, v))
    if t == "f64":
        return cbor.F64(exactly(8, v))
    if t == "array":
        return [value(x) for x in v]
    if t == "map":
        return cbor.Map(tuple((value(k), value(x)) for k, x in v))
    if t == "uuid":
        return uuid.UUID(bytes=exactly(16, v))
    if t == "date":
        return cbor.Date(v)
    raise ValueError(f"value {t}")


def _json_item(text: str) -> cbor.Item:
    """[PT-19]: the item of a text of JSON."""

    def item(of: Any) -> cbor.Item:
        if isinstance(of, float):
            if not math.isfinite(of):
                raise Refused("invalid-input", "a number that is no 64-bit float")
            return cbor.F64(struct.pack(">d", of))
        if isinstance(of, list):
            return [item(one) for one in of]
        if isinstance(of, cbor.Map):
            return cbor.Map(tuple((key, item(one)) for key, one in of.pairs))
        return of  # type: ignore[no-any-return]

    def pairs(of: list[tuple[str, Any]]) -> cbor.Map:
        if len({key for key, _ in of}) != len(of):
            raise Refused("invalid-input", "a key twice")
        return cbor.Map(tuple(of))

    return item(json.loads(text, object_pairs_hook=pairs))


def _json_text(item: cbor.Item) -> str:
    def plain(of: cbor.Item) -> Any:
        if isinstance(of, cbor.F64):
            return struct.unpack(">d", of.bits)[0]
        if isinstance(of, list):
            return [plain(one) for one in of]
        if isinstance(of, cbor.Map):
            return {key: plain(one) for key, one in of.pairs}
        return of

    return json.dumps(plain(item), ensure_ascii=False, separators=(",", ":"))


def json_value(item: cbor.Item) -> dict[str, Any]:
    if item is None:
        return {"t": "null"}
    if isinstance(item, bool):
        return {"t": "bool", "v": item}
    if isinstance(item, int):
        return {"t": "int", "v": str(item)}
    if isinstance(item, bytes):
        return {"t": "bytes", "v": item.hex()}
    if isinstance(item, str):
        return {"t": "text", "v": item}
    if isinstance(item, list):
        return {"t": "array", "v": [json_value(x) for x in item]}
    if isinstance(item, cbor.Map):
        return {"t": "map", "v": [[json_value(k), json_value(x)] for k, x in item.pairs]}
    if isinstance(item, cbor.Json):
        return {"t": "json", "v": _json_text(item.item)}
    if isinstance(item, cbor.F32):
        return {"t": "f32", "v": item.bits.hex()}
    if isinstance(item, cbor.F64):
        return {"t": "f64", "v": item.bits.hex()}
    if isinstance(item, uuid.UUID):
        return {"t": "uuid", "v": item.bytes.hex()}
    if isinstance(item, cbor.Date):
        return {"t": "date", "v": item.text}
    if isinstance(item, cbor.Instant):
        return {"t": "instant", "s": str(item.seconds), "n": item.nanos}
    return {"t": "decimal", "e": item.exponent, "m": str(item.mantissa)}
