"""What was measured: `results/bench.json`, and the table of docs/performance.md that is made of it.

Law: a figure is a ratio with its spread, the limit it is held to and the raw numbers behind it, all from one run at one
commit, stored as soon as it is there; one that misses its limit says so.
"""

from __future__ import annotations

import hashlib
import json
import os
import platform
import statistics
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from tests.bench.page import ROOT, commit, write_part

FILE = ROOT / "results" / "bench.json"
PAGE = ROOT / "docs" / "performance.md"


@dataclass(frozen=True, kw_only=True)
class Limit:
    """What a ratio is held to: `most` or `least`; and what it is, in words."""

    words: str
    most: float | None = None
    least: float | None = None

    def keeps(self, ratio: float) -> bool:
        """Return whether `ratio` is within it."""
        return (self.most is None or ratio <= self.most) and (self.least is None or ratio >= self.least)

    def __str__(self) -> str:
        """Say it in short."""
        return f"≤ {self.most:g}" if self.most is not None else f"≥ {self.least:g}"


LIMITS = {
    "run": Limit(most=1.10, words="`lab run` until judged and printed ÷ its 35 s of settling, control and media"),
    "sweep": Limit(most=1.08, words="`lab sweep` of such cells on one lane ÷ their planned media"),
    "lanes": Limit(least=0.9, words="four lanes: wall on one lane ÷ four times the wall on four, same answers"),
    "audible": Limit(most=1.0, words="`lab run` to the first audible frame ÷ its containers by `docker run`, in a row"),
    "measuring": Limit(most=1.05, words="CPU of a call with measuring ÷ without"),
    "packets": Limit(least=50, words="packets per second into the ledger ÷ `tshark -T fields` of the same facts"),
    "workers": Limit(least=1.8, words="a sweep on one Dask worker ÷ on two, simulated media"),
    "overhead": Limit(most=10, words="ms of a cell on a Dask worker that are not its run"),
}


@dataclass(frozen=True, kw_only=True)
class Figure:
    """One ratio; `low` and `high` are the least and the most of the single measurements, or of its parts."""

    name: str
    ratio: float
    low: float
    high: float
    raw: Mapping[str, Any]

    @classmethod
    def of(cls, name: str, ratios: Sequence[float], ratio: float | None = None, **raw: object) -> Figure:
        """Return `ratio`, or else the median of `ratios`, with their spread, and where it was measured."""
        found = statistics.median(ratios) if ratio is None else ratio
        where = {"commit": commit(), "code": code(), "date": str(datetime.now(UTC).date())}
        machine = {"cpus": os.cpu_count(), "kernel": platform.release()}
        return cls(
            name=name,
            ratio=round(found, 4),
            low=round(min(found, *ratios), 4),
            high=round(max(found, *ratios), 4),
            raw={**raw, "ratios": [round(each, 4) for each in ratios], **where, **machine},
        )

    @property
    def kept(self) -> bool:
        """Whether its limit is kept, with nothing that differs where nothing may."""
        return LIMITS[self.name].keeps(self.ratio) and not self.raw.get("differing")


def code() -> str:
    """Return a hash of the program that is measured."""
    digest = hashlib.sha256()
    for file in sorted((ROOT / "lab").rglob("*.py")):
        digest.update(file.relative_to(ROOT).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:12]


def stored(file: Path = FILE) -> dict[str, Figure]:
    """Return the figures in `file`, by name; none when it is not there."""
    return {each["name"]: Figure(**each) for each in json.loads(file.read_text())} if file.exists() else {}


def store(figure: Figure, file: Path = FILE) -> None:
    """Put `figure` into `file` in the place of the last one of its name; whatever interrupts, the file is whole."""
    found = stored(file) | {figure.name: figure}
    file.parent.mkdir(parents=True, exist_ok=True)
    part = file.with_suffix(".part")
    part.write_text(json.dumps([asdict(found[name]) for name in LIMITS if name in found], indent=1) + "\n")
    part.rename(file)


def write_page(page: Path = PAGE) -> str:
    """Write the table into docs/performance.md, and return it."""
    text = "\n".join(lines(stored()))
    write_part("figures", text, page)
    return text


def lines(found: Mapping[str, Figure]) -> Iterator[str]:
    """Yield the table as Markdown, a row per limit, measured or not."""
    yield "| | measured | spread | aim | met | commit, date |"
    yield "| --- | --- | --- | --- | --- | --- |"
    for name, limit in LIMITS.items():
        if (each := found.get(name)) is None:
            yield f"| {limit.words} | not measured | | {limit} | | |"
        else:
            when = f"{each.raw['commit']}, {each.raw['date']}"
            met = "yes" if each.kept else "**no**"
            if differing := each.raw.get("differing"):
                met += f", {len(differing)} of {len(each.raw['cells'])} cells differ"
            yield f"| {limit.words} | {each.ratio:.3g} | {each.low:.3g} … {each.high:.3g} | {limit} | {met} | {when} |"
