"""What a comparison says: the sides, what they differ in, which verdicts changed, and every difference. Frozen values.

`None` is unknown, never 0. A difference is the second side minus the first, in the metric's unit; every metric is
damage, so that more is worse.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from lab.analysis.several.pooling import Difference, Pooled
from lab.analysis.values import Measured, Outcome, Owner
from lab.scenario.sweeping import Dice, Setting, dice, spelled


class Flow(Protocol):
    """A judged flow, as far as a comparison asks."""

    @property
    def publisher(self) -> str: ...  # noqa: D102 - as in FlowVerdict

    @property
    def subscriber(self) -> str: ...  # noqa: D102

    @property
    def metrics(self) -> tuple[Measured, ...]: ...  # noqa: D102


class Run(Protocol):
    """A judged run, as far as a comparison asks."""

    @property
    def run(self) -> str: ...  # noqa: D102 - as in RunVerdict

    @property
    def outcome(self) -> Outcome: ...  # noqa: D102

    @property
    def owner(self) -> Owner: ...  # noqa: D102

    @property
    def flows(self) -> Sequence[Flow]: ...  # noqa: D102


class Scope(StrEnum):
    """What a row is about."""

    ALL = "all settings"
    SETTING = "setting"
    CONTROLS = "clean controls"


class Finding(StrEnum):
    """What a difference comes to, or a verdict that is another one; in the order in which they are told."""

    WORSE = "worse"
    CHANGED = "changed"
    BETTER = "better"
    NOT_SIGNIFICANT = "not significant"
    UNTOLD = "one pair: nothing tells"
    UNKNOWN = "unknown"


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where a run stands in its side: its setting, empty where there is but one, and which time that was tried."""

    setting: Setting
    repetition: int
    control: bool = False

    @property
    def dice(self) -> Dice:
        """What the places of a side share whose chance is the same."""
        return dice(self.setting, self.repetition)

    def __str__(self) -> str:
        """Return the place as one would speak of it."""
        words = spelled(self.setting) or "repetition"
        return f"{'clean control, ' * self.control}{words} #{self.repetition}"


@dataclass(frozen=True, kw_only=True)
class Pair:
    """The same place on both sides."""

    place: Place
    first: Run
    second: Run


@dataclass(frozen=True, kw_only=True)
class Change:
    """A verdict that is another one on the second side; `finding` CHANGED where neither is better."""

    place: Place
    first: tuple[Outcome, Owner]
    second: tuple[Outcome, Owner]
    finding: Finding


@dataclass(frozen=True, kw_only=True)
class Compared:
    """One metric of one flow over the pairs of one scope; `corrected` is p as it counts in its family.

    `known` is in how many runs of either side the metric is known, whether the other run of the pair knows it or not.
    """

    scope: Scope
    setting: Setting
    flow: str
    metric: str
    unit: str
    first: Pooled
    second: Pooled
    difference: Difference
    known: tuple[int, int] = (0, 0)
    corrected: float | None = None
    finding: Finding = Finding.UNKNOWN


@dataclass(frozen=True, kw_only=True)
class Differing:
    """A condition that two runs do not share: `thing` may be compared as one, `detail` is the fact in it, if several.

    A value is empty where that side has none.
    """

    thing: str
    detail: str
    first: str
    second: str


@dataclass(frozen=True, kw_only=True)
class Alone:
    """A run or cell that was not compared: on which side it is missing, which one, and why."""

    side: str
    what: str
    why: str


@dataclass(frozen=True, kw_only=True)
class Comparison:
    """Two sides, as they were named. `compared` is the one thing they differ in, `allowed` what was allowed beside it.

    `uncompared` are settings of which there is no pair at all; `unheard` are flows, each with its setting in words, of
    which the second side has none, or which have no like on the first; `regressions` is what is worse, in words, and
    `undecided` what nobody can tell any more: verdicts, and metrics.
    """

    first: str
    second: str
    compared: tuple[Differing, ...]
    allowed: tuple[Differing, ...]
    pairs: int
    alone: tuple[Alone, ...]
    uncompared: tuple[Setting, ...]
    changes: tuple[Change, ...]
    rows: tuple[Compared, ...]
    unheard: tuple[str, ...] = ()
    regressions: tuple[str, ...] = ()
    undecided: tuple[str, ...] = ()
