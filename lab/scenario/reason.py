"""What a reason is: one way to lose, delay or distort audio, of which `reasons` holds the closed table."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, kw_only=True)
class Reason:
    """One way to lose, delay or distort audio at one of `hops`; `witness` is what tells it from the others."""

    code: str
    owners: tuple[str, ...]
    hops: tuple[str, ...]
    meaning: str
    witness: str


def told(code: str, owners: tuple[str, ...], hops: tuple[str, ...], meaning: str, witness: str) -> Reason:
    """Return one row of a table."""
    return Reason(code=code, owners=owners, hops=hops, meaning=meaning, witness=witness)
