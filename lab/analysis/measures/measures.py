"""The metrics of one flow: value, and for estimates the 95 % interval. The closed table is `lab.scenario.metrics`.

Law: every metric can be asked again with some owners' damage taken away; that is how a verdict finds whose it is.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np

from lab.analysis.flows.flow import Flow
from lab.analysis.ledger.damage import Damage
from lab.analysis.ledger.fates import FATES
from lab.analysis.ledger.ledger import dropped, entering
from lab.analysis.ledger.owners import OWNERS
from lab.analysis.measures import playing
from lab.analysis.measures.gaps import absence, cuts, missing_line
from lab.analysis.measures.slowness import CROSSED, SLOW_MS, slowness
from lab.analysis.numbers import shares, statistics
from lab.analysis.numbers.shares import Floats
from lab.analysis.values import Owner
from lab.analysis.way.windows import FRAMES_PER_BLOCK
from lab.analysis.wire.streams import Flags, Ints
from lab.pcm import BLOCK_MS, FRAME_MS

Owners = frozenset[Owner]
NETWORK: Owners = frozenset(owner for owner in Owner if owner.startswith("NETWORK/"))
CODE: Owners = frozenset(owner for owner in Owner if owner.startswith("CODE/"))
_EVERYBODY: Owners = frozenset(Owner)
NOBODY: Owners = frozenset()


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What can be measured on one flow, `loss` being what was settled about it.

    `loaded` marks the slots whose packet came to a server without CPU: what it does to them is its load's.
    """

    flow: Flow
    loss: Damage
    hop_owner: Mapping[str, Owner]
    loaded: Flags | None = None

    def value(self, metric: str, without: Owners = NOBODY) -> float | None:
        """Return the metric's value, as if `without` had done nothing; None when its evidence is missing."""
        if metric in _COUNTS:
            return _COUNTS[metric](self, without)
        if metric == _DRIFT:
            return self._drift(without)[0]
        series = self.series(metric, without)
        if metric == "gap_p95" and not series.size:
            return 0.0
        if not series.size:
            return None
        if metric in PLAYED:
            return playing.overall(self.flow.inbound, self._played(metric, without))
        return statistics.quantile(series, QUANTILES[metric]) if metric in QUANTILES else float(series.mean())

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Return an estimate's interval, an open end infinite; None for a count, or without evidence."""
        if metric in _COUNTS:
            return None
        if metric == _DRIFT:
            return self._drift(NOBODY)[1]
        series = self.series(metric)
        if not series.size:
            return None
        if metric in QUANTILES:
            return statistics.quantile_interval(series, QUANTILES[metric], _apart(metric))
        (low, high), value = shares.interval(series, _frames(metric)), self.value(metric) or 0.0
        return min(low, value), max(high, value)  # what is played is not read at even times

    def series(self, metric: str, without: Owners = NOBODY) -> Floats:
        """Return an estimate's values in the order of time: per frame, packet, cut, 10 ms or 100 ms of playing."""
        if metric in SHARES:
            return self._per_frame(without | (_EVERYBODY - SHARES[metric]))
        if metric in PLAYED:
            return playing.even(self.flow.inbound, self._played(metric, without))
        if metric == "gap_p95":
            return cuts(self.line(without)).astype(np.float64)
        if metric in QUANTILES:
            delay = self._delay(without)
            return delay[~np.isnan(delay)]
        hop = metric.removesuffix("_loss")
        entered = entering(self.flow, hop)
        lost = dropped(self.flow, hop)[entered].astype(np.float64)
        gone = [OWNERS.index(owner) for owner in without]
        return lost * ~np.isin(self._owners(hop)[entered], gone)

    def length_to_decide(self, metric: str, bounds: tuple[float, float], limit: float) -> float | None:
        """Return how many times as much media would put an estimate's interval `bounds` on one side of `limit`.

        None when its value stands on the limit.
        """
        value, closed = self.value(metric) or 0.0, all(math.isfinite(end) for end in bounds)
        if metric == _DRIFT and not closed:
            return _CLOSING_SECONDS * 1000 / (self.loss.made_frames * FRAME_MS)
        series = self.series(metric) if metric != _DRIFT else np.zeros(0)
        if metric in QUANTILES and not closed:
            return statistics.length_to_close(series, QUANTILES[metric], _apart(metric))
        if metric in QUANTILES or metric == _DRIFT or not shares.is_share(series):
            return statistics.length_to_decide(value, bounds, limit)
        trials = shares.trials_to_decide(value, shares.independent(series, _frames(metric)), series.size, limit)
        return None if trials is None else trials / series.size

    @property
    def slowing(self) -> Owners:
        """Who made audio come clearly later than usual; what is undecided is nobody."""
        held = {owner for owner, ms in self.slow.items() if (np.nan_to_num(ms) > SLOW_MS).any()}
        return frozenset(held - {Owner.UNDECIDED})

    def line(self, without: Owners = NOBODY) -> Flags:
        """Return the window's `missing_line`, as if `without` had done nothing."""
        inserted = self.loss.inserted(without)
        return missing_line(self.loss.missing(without) > inserted, inserted)

    @cached_property
    def slow(self) -> Mapping[Owner, Floats]:
        """What each owner added to the delay of each 10 ms, in ms."""
        return slowness(self.flow, self.loss, {hop: self._owners(hop) for hop in CROSSED})

    def undecided(self, metric: str) -> str:
        """Say why nobody can tell the metric, although it has a value: its hop's witnesses disagree; else empty."""
        hop = metric.removesuffix("_loss")
        return f"the witnesses of {hop} disagree" if self.hop_owner.get(hop) == Owner.UNDECIDED else ""

    def predicted(self, metric: str) -> float | None:
        """Return what the network's observed drops explain of the metric."""
        return self.value("network_loss") if metric in (*SHARES, "concealed") else None

    def assigned(self, owner: Owner) -> Measures:
        """Return the same measures, all undecided damage laid at `owner`'s door; an undecided hop remains one."""
        return replace(self, loss=self.loss.assigned(owner))

    def _owners(self, hop: str) -> Ints:
        """Return per slot whose its packet's crossing of `hop` is."""
        usual = np.full(self.flow.journey.size, OWNERS.index(self.hop_owner.get(hop, Owner.UNDECIDED)))
        starved = self.loaded if hop == "server" else None
        return usual if starved is None else np.where(starved, OWNERS.index(Owner.LOAD), usual)

    def _per_frame(self, without: Owners) -> Floats:
        frame = self.flow.made.frame[self.flow.made.inside(self.flow.window)]
        if not frame.size:
            return np.zeros(0)
        return np.asarray(
            np.bincount(frame - frame[0], weights=self.loss.missing(without) * FRAMES_PER_BLOCK), dtype=np.float64
        )

    def _played(self, metric: str, without: Owners) -> Floats:
        series = playing.shares(self.flow.inbound, metric)
        return (
            series * playing.innocent(self.flow, self.loss, self.slow, without) if without and series.size else series
        )

    def _delay(self, without: Owners) -> Floats:
        """Return the delay of each 10 ms in ms, NaN where it never came."""
        total = self.flow.delays.total_ms[self.flow.made.inside(self.flow.window)]
        return total - sum(self.slow[owner] for owner in without if owner in self.slow)

    def _drift(self, without: Owners) -> tuple[float, tuple[float, float]] | tuple[None, None]:
        """Return how many ms later the audio comes with every minute, from the medians of each second."""
        delay = self._delay(without)
        rows = [delay[start : start + _SECOND] for start in range(0, delay.size - _SECOND + 1, _SECOND)]
        known = [(i, float(np.nanmedian(row))) for i, row in enumerate(rows) if not np.isnan(row).all()]
        if len(known) < _FEWEST_SECONDS:
            return None, None
        seconds, medians = np.array(known).T
        slope, (low, high) = statistics.slope(seconds / 60, medians)
        return slope, (low, high)

    def lost_frames(self, without: Owners) -> float:
        """Return the frames of which no copy came in time."""
        gone = [OWNERS.index(owner) for owner in without]
        lost = (self.loss.lost_to >= 0) & (self.loss.fate != FATES.index("unexplained"))
        return self.loss.frames(lost & ~np.isin(self.loss.lost_to, gone))

    def unexplained_frames(self, without: Owners) -> float:
        """Return the frames that nothing accounts for; nobody's, so nobody can be left out."""
        return self.loss.frames(self.loss.fate == FATES.index("unexplained"))

    def inserted_silence(self, without: Owners) -> float:
        """Return the inserted silence in ms."""
        return sum(ms for owner, ms in self.loss.silence.ms().items() if owner not in without)

    def missing_audio(self, without: Owners) -> float:
        """Return the time in ms that is missing, lost and inserted together."""
        return float(self.loss.missing(without).sum() * BLOCK_MS)

    def longest_gap(self, without: Owners) -> float:
        """Return the longest stretch in ms without intended audio, lost and inserted together."""
        return float(cuts(self.line(without)).max(initial=0))

    def gaps(self, without: Owners) -> float:
        """Return how many such stretches there are."""
        return float(cuts(self.line(without)).size)

    def absence(self, without: Owners) -> float:
        """Return how many ms are in such stretches of a second or more."""
        return absence(cuts(self.line(without)))

    def corrupt_frames(self, without: Owners) -> float:
        """Return the frames lost of which the packet came out of a link altered."""
        gone = [OWNERS.index(owner) for owner in without]
        journey, made = self.flow.journey, self.flow.made
        slot = made.slot[made.inside(self.flow.window)]
        altered = (journey.altered_up | journey.altered_down)[slot] & (slot >= 0) if journey.size else slot < -1
        return self.loss.frames((self.loss.lost_to >= 0) & ~np.isin(self.loss.lost_to, gone) & altered)


_COUNTS: Mapping[str, Callable[[Measures, Owners], float]] = {
    "lost_frames": Measures.lost_frames,
    "unexplained_frames": Measures.unexplained_frames,
    "inserted_silence": Measures.inserted_silence,
    "missing_audio": Measures.missing_audio,
    "longest_gap": Measures.longest_gap,
    "gaps": Measures.gaps,
    "absence": Measures.absence,
    "corrupt_frames": Measures.corrupt_frames,
}
SHARES: Mapping[str, Owners] = {"audio_loss": _EVERYBODY, "network_loss": NETWORK, "code_loss": CODE}
PLAYED = ("concealed", "stretched")
_DRIFT = "delay_drift"
QUANTILES: Mapping[str, float] = {"gap_p95": 0.95, "delay_p50": 0.5, "delay_p95": 0.95}
"""Which share of the values a quantile does not fall short of."""
_SECOND = 1000 // BLOCK_MS
_PLAYED_FRAMES = 5
"""What NetEQ counts is read each 100 ms."""
_FEWEST_SECONDS, _CLOSING_SECONDS = 3, 5
"""What a slope takes, and its interval."""


def _apart(metric: str) -> int:
    """Return how many neighbours of a quantile's series hang together: cuts are each on their own."""
    return 1 if metric == "gap_p95" else _SECOND


def _frames(metric: str) -> int:
    """Return how many frames a value of a share's series stands for."""
    return _PLAYED_FRAMES if metric in PLAYED else 1
