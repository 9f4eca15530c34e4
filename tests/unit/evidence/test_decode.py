"""Strict decoding: the path of the offending value, and nothing converted but what is said."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

import pytest

from lab.errors import EvidenceError
from lab.evidence.decode import decode, parse


@dataclass(frozen=True, kw_only=True)
class Inner:
    """A nested record."""

    word: Literal["yes", "no"]


@dataclass(frozen=True, kw_only=True)
class Outer:
    """One field of each kind."""

    number: int
    real: float
    text: str | None
    inner: tuple[Inner, ...]
    table: Mapping[str, int]
    free: Any
    flag: bool = False


GOOD: dict[str, Any] = {
    "number": 1, "real": 2, "text": None, "inner": [{"word": "yes"}], "table": {"a": 3}, "free": [{}], "flag": True,
}  # fmt: skip


def test_decodes_by_annotation() -> None:
    """Whole numbers become floats where floats belong, lists tuples; defaults may be missing."""
    value = decode(Outer, GOOD, "x")
    assert value == Outer(
        number=1, real=2.0, text=None, inner=(Inner(word="yes"),), table={"a": 3}, free=[{}], flag=True
    )
    assert isinstance(value.real, float)
    assert not decode(Outer, {key: GOOD[key] for key in GOOD if key != "flag"}, "x").flag


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"number": True}, "x: number: 'True' is not of type int"),
        ({"number": 1.0}, "x: number: '1.0' is not of type int"),
        ({"number": 2**63}, "x: number: '9223372036854775808' is not of type int"),
        ({"real": 10**400}, "x: real: '1000"),
        ({"real": "2"}, "x: real: '2' is not of type float"),
        ({"real": True}, "x: real"),
        ({"real": float("inf")}, "x: real: 'inf'"),
        ({"text": 3}, "x: text"),
        ({"flag": 0}, "x: flag"),
        ({"inner": {}}, "x: inner"),
        ({"inner": [{"word": "maybe"}]}, r"x: inner\[0\]: word: 'maybe'"),
        ({"inner": [{"word": ["yes"]}]}, r"x: inner\[0\]: word"),
        ({"inner": [7]}, r"x: inner\[0\]: '7' is not of type Inner"),
        ({"table": {"a": None}}, "x: table: a"),
        ({"table": []}, "x: table"),
        ({"strange": 1}, r"x: missing \[\], unknown \['strange'\]"),
    ],
)
def test_refuses_with_the_path(change: dict[str, Any], words: str) -> None:
    """Each kind of wrong value is named by where it stands."""
    with pytest.raises(EvidenceError, match=words):
        decode(Outer, {**GOOD, **change}, "x")


def test_refuses_what_is_missing() -> None:
    """A key without a default must be there."""
    with pytest.raises(EvidenceError, match=r"x: missing \['number'\], unknown \[\]"):
        decode(Outer, {key: GOOD[key] for key in GOOD if key != "number"}, "x")


@pytest.mark.parametrize("text", ["{", '{"a": NaN}', '{"a": -Infinity}', "[1]", "3", "", "[" * 100_000])
def test_parse_takes_one_finite_object(text: str) -> None:
    """Broken JSON, numbers that are none, something else than an object, and nesting that would exhaust the stack."""
    with pytest.raises(EvidenceError, match=r"f:1: not (JSON|a JSON object)"):
        parse(text, "f:1")
