"""The closed table of reason codes: why audio was damaged, one word each, and which witness decides it.

Law: an owner says whose damage it is, a reason says what happened there. A reason belongs to the owners named with it
and to no other; the same words stand in `expect:`, in the verdict, in the tables and in docs/verdicts.md.
"""

from __future__ import annotations

from lab.scenario.reason import Reason, told
from lab.scenario.reasons_code import OF_CODE
from lab.scenario.reasons_network import OF_NETWORK
from lab.scenario.tree import did_you_mean

REASONS: tuple[Reason, ...] = (
    told(
        "none",
        ("NONE",),
        (),
        "Nothing cost 0.2 points or more.",
        "the ledger",
    ),
    told(
        "undecided",
        ("UNDECIDED",),
        (),
        "The evidence does not tell.",
        "what the reasons name",
    ),
    told(
        "dtx",
        ("NONE",),
        ("send",),
        "Packets are missing by intent: silence was not sent (DTX).",
        "RTP numbers without a gap where timestamps have one",
    ),
    *OF_NETWORK,
    *OF_CODE,
)
"""Each code once; docs/verdicts.md prints this table."""


def table() -> str:
    """Return the table of docs/verdicts.md, a line per reason: what happened, where, whose it is, how it is told."""
    head = ("what happened", "hop", "owner", "reason", "told by")
    rows = [
        (each.meaning, ", ".join(each.hops) or "-", ", ".join(each.owners), f"`{each.code}`", each.witness)
        for each in REASONS
    ]
    return "".join(f"| {' | '.join(row)} |\n" for row in (head, ("---",) * len(head), *rows))


def reason(code: str) -> Reason:
    """Return the reason called `code`; ValueError with the nearest when there is none."""
    found = next((each for each in REASONS if each.code == code), None)
    if found is None:
        raise ValueError(f"unknown reason {did_you_mean(code, [each.code for each in REASONS])}")
    return found
