"""The metrics of one flow: value, and for rates the 95 % interval. The closed table is `lab.scenario.metrics`.

Law: every metric can be asked again with some owners' damage taken away; that is how a verdict finds whose it is.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace

import numpy as np

from lab.analysis import statistics
from lab.analysis.damage import FATES, OWNERS, Damage
from lab.analysis.flow import Flow
from lab.analysis.ledger import dropped, entering
from lab.analysis.statistics import Floats
from lab.analysis.streams import Ints
from lab.analysis.values import Owner
from lab.marks import BLOCK_MS, FRAME_MS

Owners = frozenset[Owner]
NETWORK: Owners = frozenset(owner for owner in Owner if owner.startswith("NETWORK/"))
CODE: Owners = frozenset(owner for owner in Owner if owner.startswith("CODE/"))
_HALF = BLOCK_MS / FRAME_MS
_EVERYBODY: Owners = frozenset(Owner)
NOBODY: Owners = frozenset()


@dataclass(frozen=True, kw_only=True)
class Measures:
    """What can be measured on one flow, `loss` being what was settled about it."""

    flow: Flow
    loss: Damage
    hop_owner: Mapping[str, Owner]

    def value(self, metric: str, without: Owners = NOBODY) -> float | None:
        """Return the metric's value, as if `without` had done nothing; None when its evidence is missing."""
        if metric in _COUNTS:
            return _COUNTS[metric](self, without)
        series = self.series(metric, without)
        return float(series.mean()) if series.size else None

    def interval(self, metric: str) -> tuple[float, float] | None:
        """Return a rate's interval; None for a count, or without evidence."""
        series = np.zeros(0) if metric in _COUNTS else self.series(metric)
        if not series.size:
            return None
        return statistics.block_bootstrap(series) if metric == "concealed" else statistics.interval(series)

    def series(self, metric: str, without: Owners = NOBODY) -> Floats:
        """Return a rate's values in the order of time: per frame, packet or 100 ms of playing."""
        if metric in _SHARES:
            return self._per_frame(without | (_EVERYBODY - _SHARES[metric]))
        if metric == "concealed":
            return self._concealed()
        hop = metric.removesuffix("_loss")
        entered = entering(self.flow, hop)
        lost = dropped(self.flow, hop)[entered].astype(np.float64)
        return lost * (self.hop_owner[hop] not in without)

    def undecided(self, metric: str) -> str:
        """Say why nobody can tell the metric, although it has a value: its hop's witnesses disagree; else empty."""
        hop = metric.removesuffix("_loss")
        return f"the witnesses of {hop} disagree" if self.hop_owner.get(hop) == Owner.UNDECIDED else ""

    def predicted(self, metric: str) -> float | None:
        """Return what the network's observed drops explain of the metric."""
        return self.value("network_loss") if metric in (*_SHARES, "concealed") else None

    def assigned(self, owner: Owner) -> Measures:
        """Return the same measures, all undecided damage laid at `owner`'s door; an undecided hop remains one."""
        undecided, now = OWNERS.index(Owner.UNDECIDED), OWNERS.index(owner)
        lost_to = np.where(self.loss.lost_to == undecided, now, self.loss.lost_to)
        return replace(self, loss=replace(self.loss, lost_to=lost_to))

    def _per_frame(self, without: Owners) -> Floats:
        frame = self.flow.made.frame[self.flow.made.inside(self.flow.window)]
        if not frame.size:
            return np.zeros(0)
        return np.asarray(np.bincount(frame - frame[0], weights=self.loss.missing(without) * _HALF), dtype=np.float64)

    def _concealed(self) -> Floats:
        samples = self.flow.inbound
        played = np.diff([sample.total_samples_received for sample in samples])
        hidden = np.diff([sample.concealed_samples for sample in samples])
        return np.asarray(hidden[played > 0] / played[played > 0], dtype=np.float64)

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
        return sum(ms for owner, ms in self.loss.inserted_ms().items() if owner not in without)

    def missing_audio(self, without: Owners) -> float:
        """Return the time in ms that is missing, lost and inserted together."""
        return float(self.loss.missing(without).sum() * BLOCK_MS)

    def longest_gap(self, without: Owners) -> float:
        """Return the longest stretch in ms without intended audio, lost and inserted together."""
        missing = self.loss.missing(without)
        longest = run = 0
        for here, silence in zip(missing.tolist(), self._silence_before(without).tolist(), strict=True):
            run += silence
            lost = here > silence
            run += lost
            longest = max(longest, run)
            run = run if lost else 0
        return float(longest * BLOCK_MS)

    def _silence_before(self, without: Owners) -> Ints:
        gone = [OWNERS.index(owner) for owner in without]
        return np.where(np.isin(self.loss.silence_by, gone), 0, self.loss.silence)


_COUNTS: Mapping[str, Callable[[Measures, Owners], float]] = {
    "lost_frames": Measures.lost_frames,
    "unexplained_frames": Measures.unexplained_frames,
    "inserted_silence": Measures.inserted_silence,
    "missing_audio": Measures.missing_audio,
    "longest_gap": Measures.longest_gap,
}
_SHARES: Mapping[str, Owners] = {"audio_loss": _EVERYBODY, "network_loss": NETWORK, "code_loss": CODE}
