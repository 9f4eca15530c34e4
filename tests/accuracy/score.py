"""From the journal to figures: what was right, what was void, and the tables of who was blamed for whom.

Law: of every cell its last recording that carries a verdict counts, and each one made void by this machine counts as
a run too; a cell sabotaged on purpose counts among the harness runs only. UNKNOWN is not right. A void verdict is the
judge's own word; a run that the lab could not finish is one too.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from tests.accuracy.answers import BOTH, NONE, UNKNOWN, VOID
from tests.accuracy.intervals import clopper_pearson
from tests.accuracy.journal import Line

CODE = "CODE/"
Table = Mapping[tuple[str, str], int]


PROMISED = {"right_owner": 0.99, "right_hop": 295 / 300, "right_reason": 0.95}
"""Least shares of the judged runs."""
ALLOWED = {"wrong_blame": 1 / 300, "void": 0.05, "harness_blamed_code": 0.0}
"""Most, as shares of the judged runs, of all runs, and of the harness runs."""


@dataclass(frozen=True, kw_only=True)
class Score:
    """The lines that count, in their classes. `judged` are the proof's runs that were not void."""

    judged: tuple[Line, ...]
    void: tuple[Line, ...]
    sabotaged: tuple[Line, ...]

    @property
    def summary(self) -> dict[str, Any]:
        """Return the figures, as results/accuracy/summary.json holds them."""
        judged, harness = self.judged, self.sabotaged
        return {
            "runs": len(judged) + len(self.void),
            "void": len(self.void),
            "unknown": _count(judged, lambda line: line.found["owner"] == UNKNOWN),
            "judged": len(judged),
            "clean": _count(judged, lambda line: not line.faults),
            "pairs": _count(judged, lambda line: len(line.faults) > 1),
            "right_owner": _count(judged, lambda line: line.found["right_owner"]),
            "right_hop": _count(judged, lambda line: line.found["right_hop"]),
            "right_reason": _count(judged, lambda line: line.found["right_reason"]),
            "wrong_blame": _count(judged, wrong_blame),
            "truth_unsure": _count(judged, lambda line: not line.found["sure"]),
            "truth_contradicted": _count(judged, lambda line: bool(line.found["contradiction"])),
            "naive_right_owner": _count(judged, lambda line: line.found["naive_right_owner"]),
            "naive_wrong_blame": _count(judged, _naive_wrong_blame),
            "unexplained_frames": round(sum(line.found["unexplained"] for line in judged), 1),
            "frames": round(sum(line.found["made"] for line in judged)),
            "harness_runs": len(harness),
            "harness_void": _count(harness, lambda line: said(line) == VOID),
            "harness_unknown": _count(harness, lambda line: said(line) == UNKNOWN),
            "harness_true": _count(harness, lambda line: bool(line.found.get("right_owner"))),
            "harness_blamed_code": _count(harness, blamed_code),
            "harness_blamed_network": _count(harness, _blamed_network),
        }

    @property
    def shortfalls(self) -> list[str]:
        """Return every figure that is not what is promised, in words; a proof without runs falls short of all."""
        figures = self.summary
        wholes = {"void": figures["runs"], "harness_blamed_code": figures["harness_runs"]}
        low = [f"{key} {figures[key]} of {figures['judged']} < {least:.1%}" for key, least in PROMISED.items()
               if figures[key] < least * figures["judged"] or not figures["judged"]]  # fmt: skip
        high = [f"{key} {figures[key]} of {wholes.get(key, figures['judged'])} > {most:.1%}" for key, most in
                ALLOWED.items() if figures[key] > most * wholes.get(key, figures["judged"])]  # fmt: skip
        return low + high

    def interval(self, key: str) -> tuple[float, float]:
        """Return the exact 95 % interval of a count among the judged runs."""
        return clopper_pearson(self.summary[key], len(self.judged))


def score(lines: Iterable[Line]) -> Score:
    """Sort the journal: the last whole answer of each cell, the void ones before it, the sabotaged ones."""
    judged: dict[str, Line] = {}
    void: list[Line] = []
    sabotaged: dict[str, Line] = {}
    for line in lines:
        if line.sabotage:
            if "the sabotage failed" not in line.error:
                sabotaged[line.cell] = line
        elif said(line) == VOID:
            void.append(line)
        else:
            judged[line.cell] = line
    return Score(judged=tuple(judged.values()), void=tuple(void), sabotaged=tuple(sabotaged.values()))


def said(line: Line) -> str:
    """Return the owner that was named; VOID too where there was no whole recording to judge."""
    return VOID if line.error or not line.found else str(line.found["owner"])


def wrong_blame(line: Line) -> bool:
    """Say whether somebody was blamed who is not the one, or not alone."""
    return not line.found["right_owner"] and said(line) not in (VOID, UNKNOWN, NONE)


def blamed_code(line: Line) -> bool:
    """Say whether code was blamed, alone or with the network."""
    return said(line).startswith(CODE) or said(line) == BOTH


def _blamed_network(line: Line) -> bool:
    return said(line).startswith("NETWORK/") and not line.found["right_owner"]


def _naive_wrong_blame(line: Line) -> bool:
    return not line.found["naive_right_owner"] and line.found["naive_owner"] != NONE


def confusion(lines: Sequence[Line], right: Callable[[Line], str], seen: Callable[[Line], str]) -> Table:
    """Return how often `seen` was said where `right` was right."""
    return Counter((right(line), seen(line)) for line in lines)


def _count(lines: Sequence[Line], test: Callable[[Line], Any]) -> int:
    return sum(bool(test(line)) for line in lines)
