"""JSON values → frozen dataclasses, by their annotations, strictly; each annotation is looked into once.

Law: nothing is converted but whole numbers to floats and lists to tuples; unknown and missing keys, wrong types, NaN,
infinity and what needs more than 64 bits are refused with the path of the offending value. A key with a default may be
missing.
"""

from __future__ import annotations

import json
import math
import types
from collections.abc import Callable, Hashable, Mapping
from dataclasses import MISSING, fields, is_dataclass
from functools import cache
from typing import Any, Literal, TypeVar, Union, cast, get_args, get_origin, get_type_hints

from lab.errors import EvidenceError

T = TypeVar("T")
_MOST = 2**63
_RECORD_AGAIN = "the file was changed or cut; record again"
_Read = Callable[[Any], Any]
"""Returns a JSON value as what an annotation says; _RefusedError when it is none."""


class _RefusedError(Exception):
    """A value of the wrong kind; its text is the path to it, from where decoding began, and what is wrong."""


def parse(text: str, where: str, *, fix: str = _RECORD_AGAIN) -> dict[str, Any]:
    """Return the JSON object in `text`; EvidenceError naming `where`, and what to do (`fix`), when it is none."""
    try:
        raw = _JSON.decode(text)
    except (ValueError, RecursionError) as error:
        raise EvidenceError(f"{where}: not JSON: {error}", fix=fix) from None
    if not isinstance(raw, dict):
        raise EvidenceError(f"{where}: not a JSON object", fix=fix)
    return raw


def document(text: str, where: str, *, kind: str, newest: int, fix: str) -> dict[str, Any]:
    """Return the JSON object in `text`, a `kind` of format `newest` or older.

    EvidenceError naming `where` when it is none (`fix` says what to do then), or when a newer lab wrote it.
    """
    raw = parse(text, where, fix=fix)
    found = raw.get("format")
    if type(found) is not int:
        raise EvidenceError(f"{where}: not a {kind} of lab: it has no format number", fix=fix)
    if found > newest:
        raise EvidenceError(f"{where}: format {found} needs a newer lab", fix=f"this one reads up to {newest}; upgrade")
    return raw


def decode(kind: type[T], raw: Any, where: str) -> T:
    """Return `raw` as a `kind`; EvidenceError naming `where` and the key otherwise."""
    try:
        value: T = _reader(cast("Hashable", kind))(raw)
    except _RefusedError as refused:
        raise EvidenceError(f"{where}{refused}", fix="this is not what lab wrote there") from None
    return value


def _refuse_constant(text: str) -> float:
    raise ValueError(f"{text} is not a finite number")


_JSON = json.JSONDecoder(parse_constant=_refuse_constant)


@cache
def _reader(kind: Any) -> _Read:
    """Return what reads the annotation `kind`."""
    if is_dataclass(kind):
        return _record(kind)
    origin = get_origin(kind)
    if origin in (Union, types.UnionType):
        return _optional(kind)
    if origin is Literal:
        words = get_args(kind)
        return lambda raw: raw if isinstance(raw, str) and raw in words else _refuse(kind, raw)
    if origin is tuple:
        return _sequence(kind)
    if origin is Mapping:
        return _mapping(kind)
    return _scalar(kind)


def _record(kind: Any) -> _Read:
    """Read the dataclass `kind`."""
    hints = get_type_hints(kind)
    readers = {field.name: _reader(hints[field.name]) for field in fields(kind)}
    required = {f.name for f in fields(kind) if f.default is MISSING and f.default_factory is MISSING}

    def read(raw: Any) -> Any:
        if not isinstance(raw, dict):
            _refuse(kind, raw)
        if not required <= raw.keys() <= readers.keys():
            missing = [name for name in readers if name in required and name not in raw]
            raise _RefusedError(f": missing {missing}, unknown {sorted(set(raw) - set(readers))}")
        return kind(**_each(raw, readers.__getitem__))

    return read


def _each(raw: dict[str, Any], reader_of: Callable[[str], _Read]) -> dict[str, Any]:
    """Read every value of an object; a refusal names its key."""
    found, name = {}, ""
    try:
        for name, value in raw.items():
            found[name] = reader_of(name)(value)
    except _RefusedError as refused:
        raise _RefusedError(f": {name}{refused}") from None
    return found


def _optional(kind: Any) -> _Read:
    """Read `X | None`."""
    (inner,) = (argument for argument in get_args(kind) if argument is not type(None))
    read = _reader(inner)
    return lambda raw: None if raw is None else read(raw)


def _sequence(kind: Any) -> _Read:
    """Read `tuple[X, ...]`."""
    inner = _reader(get_args(kind)[0])

    def read(raw: Any) -> Any:
        if not isinstance(raw, list):
            _refuse(kind, raw)
        found: list[Any] = []
        try:
            for item in raw:
                found.append(inner(item))
        except _RefusedError as refused:
            raise _RefusedError(f"[{len(found)}]{refused}") from None
        return tuple(found)

    return read


def _mapping(kind: Any) -> _Read:
    """Read `Mapping[str, X]`."""
    inner = _reader(get_args(kind)[1])
    return lambda raw: _each(raw, lambda _: inner) if isinstance(raw, dict) else _refuse(kind, raw)


def _scalar(kind: Any) -> _Read:
    """Read int, float, str, bool or anything."""
    if kind is Any:
        return lambda raw: raw
    if kind is float:
        return lambda raw: float(raw) if _whole(raw) or _real(raw) else _refuse(kind, raw)
    if kind is int:
        return lambda raw: raw if _whole(raw) else _refuse(kind, raw)
    return lambda raw: raw if type(raw) is kind else _refuse(kind, raw)


def _whole(raw: Any) -> bool:
    return type(raw) is int and -_MOST <= raw < _MOST


def _real(raw: Any) -> bool:
    return type(raw) is float and math.isfinite(raw)


def _refuse(kind: Any, raw: Any) -> Any:
    raise _RefusedError(f": {str(raw)[:80]!r} is not of type {getattr(kind, '__name__', str(kind))}")
