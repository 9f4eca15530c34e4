"""JSON values → frozen dataclasses, by their annotations, strictly.

Law: nothing is converted but whole numbers to floats and lists to tuples; unknown and missing keys, wrong types, NaN
and infinity are refused with the path of the offending value. A key with a default may be missing.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Mapping
from dataclasses import MISSING, Field, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, get_args, get_origin, get_type_hints

from lab.errors import EvidenceError

T = TypeVar("T")


def parse(text: str, where: str) -> dict[str, Any]:
    """Return the JSON object in `text`; EvidenceError naming `where` when it is none."""
    try:
        raw = json.loads(text, parse_constant=_refuse_constant)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{where}: not JSON: {error}", fix="the file was changed or cut; record again") from None
    if not isinstance(raw, dict):
        raise EvidenceError(f"{where}: not a JSON object", fix="this file is not one of lab's")
    return raw


def decode(kind: type[T], raw: Any, where: str) -> T:
    """Return `raw` as a `kind`; EvidenceError naming `where` and the key otherwise."""
    value: T = _value(kind, raw, where)
    return value


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")


def _value(kind: Any, raw: Any, where: str) -> Any:
    """Return `raw` as the annotation `kind` says."""
    if is_dataclass(kind):
        return _record(kind, raw, where)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind, raw, where)
    if origin is Literal:
        return raw if raw in get_args(kind) and isinstance(raw, str) else _refuse(kind, raw, where)
    if origin is tuple:
        return _sequence(kind, raw, where)
    if origin is Mapping:
        return _mapping(kind, raw, where)
    return _scalar(kind, raw, where)


def _record(kind: Any, raw: Any, where: str) -> Any:
    """Return `raw` as the dataclass `kind`."""
    if not isinstance(raw, dict):
        _refuse(kind, raw, where)
    known, hints = _fields(kind)
    missing = [name for name, field in known.items() if name not in raw and _required(field)]
    unknown = sorted(set(raw) - set(known))
    if missing or unknown:
        raise EvidenceError(f"{where}: missing {missing}, unknown {unknown}", fix="this is not what lab wrote there")
    return kind(**{name: _value(hints[name], value, f"{where}: {name}") for name, value in raw.items()})


@cache
def _fields(kind: Any) -> tuple[dict[str, Field[Any]], dict[str, Any]]:
    """Return a dataclass's fields and their resolved annotations."""
    return {field.name: field for field in fields(kind)}, get_type_hints(kind)


def _required(field: Field[Any]) -> bool:
    return field.default is MISSING and field.default_factory is MISSING


def _optional(kind: Any, raw: Any, where: str) -> Any:
    """Return `raw` as `X | None`."""
    (inner,) = (argument for argument in get_args(kind) if argument is not type(None))
    return None if raw is None else _value(inner, raw, where)


def _sequence(kind: Any, raw: Any, where: str) -> Any:
    """Return `raw` as `tuple[X, ...]`."""
    inner, _ = get_args(kind)
    if not isinstance(raw, list):
        _refuse(kind, raw, where)
    return tuple(_value(inner, item, f"{where}[{index}]") for index, item in enumerate(raw))


def _mapping(kind: Any, raw: Any, where: str) -> Any:
    """Return `raw` as `Mapping[str, X]`."""
    _, inner = get_args(kind)
    if not isinstance(raw, dict):
        _refuse(kind, raw, where)
    return {key: _value(inner, value, f"{where}: {key}") for key, value in raw.items()}


def _scalar(kind: Any, raw: Any, where: str) -> Any:
    """Return `raw` as int, float, str, bool or anything."""
    if kind is Any or (type(raw) is kind and kind is not float):
        return raw
    if kind is float and type(raw) in (int, float) and math.isfinite(raw):
        return float(raw)
    return _refuse(kind, raw, where)


def _refuse(kind: Any, raw: Any, where: str) -> Any:
    name = getattr(kind, "__name__", str(kind))
    raise EvidenceError(f"{where}: {str(raw)[:80]!r} is not of type {name}", fix="this is not what lab wrote there")
