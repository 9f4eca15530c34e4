"""Does the bump lose and delay what it is told? Plain UDP through the VM, against theory.

    python -m tests.bench.emulator_truth run [--cells N] [-o FILE]      # appends; 40 cells a lab, 4 s a cell
    python -m tests.bench.emulator_truth report [-o FILE]               # writes its part of docs/accuracy.md

Each cell sends 2 500 datagrams at 1 250 a second through a link with random or bursty loss and a delay of its own, taps
both sides, and compares: z = (lost share - p) / its standard deviation. With bursts the losses are a two-state Markov
chain, whose share has a variance (1 + rho) / (1 - rho) times the binomial one, rho = 1 - P(good to bad) - P(bad to
good). Over all cells the root of the mean square of z is 1 when both the emulator and the model are right (0.86 to 1.14
for 100 cells, shared/facts/netem.md). The error of the delay is per packet: out - in - configured.
"""

from __future__ import annotations

import argparse
import json
import math
import statistics
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from random import Random

from lab.host import images
from lab.host.machine import cache_folder
from lab.rig.bump.driver import Bump
from lab.rig.bump.tc import gilbert
from lab.rig.engine.docker_engine import DockerEngine
from lab.scenario.model import Impairment, Loss
from tests.bench.page import ROOT, commit, write_part
from tests.rig.bump_lab import BumpLab, Rig

CELLS_PER_LAB = 40
PACKETS, GAP_MS = 2_500, 0.8
SEED = 4
WAYS = (("a", "up"), ("a", "down"))


@dataclass(frozen=True, kw_only=True)
class Cell:
    """One measurement: what was asked, and what came of it. `errors_ms` are p50, p99 and the most of the delay's."""

    number: int
    commit: str
    share: float
    burst: float | None
    delay_ms: float
    sent: int
    lost: int
    counted: int
    rate_pps: float
    z: float
    errors_ms: tuple[float, float, float]


def deviation(loss: Loss, packets: int) -> float:
    """Return the standard deviation of the share lost of `packets`."""
    rho = 0.0
    if loss.burst is not None:
        to_bad, to_good = gilbert(loss)
        rho = 1 - to_bad - to_good
    inflation = (1 + rho) / (1 - rho) - 2 * rho * (1 - rho**packets) / (packets * (1 - rho) ** 2)
    return math.sqrt(loss.share * (1 - loss.share) / packets * inflation)


def drawn(number: int) -> Impairment:
    """Return what cell `number` asks for: every other one independent loss, the others bursts of 1.5 to 6."""
    dice = Random(f"{SEED}/{number}")
    share, burst = dice.uniform(0.01, 0.4), dice.uniform(1.5, 6)
    loss = Loss(share=round(share, 3), burst=None if number % 2 else round(max(burst, share / (1 - share) + 0.1), 1))
    return Impairment(loss=loss, delay_ms=round(dice.uniform(1, 100)))


def measure(lab: BumpLab, bump: Bump, number: int, commit: str) -> Cell:
    """Send the packets of cell `number` and compare."""
    asked, way = drawn(number), WAYS[number // 2 % 2]
    assert asked.loss is not None
    bump.apply(f"cell-{number}", {way: asked}, None)
    crossing = lab.cross(bump, way, PACKETS, gap_ms=GAP_MS)
    span_s = (crossing.before[-1].t_ns - crossing.before[0].t_ns) / 1e9
    late = sorted(each - asked.delay_ms for each in crossing.delays_ms)
    return Cell(
        number=number,
        commit=commit,
        share=asked.loss.share,
        burst=asked.loss.burst,
        delay_ms=asked.delay_ms,
        sent=len(crossing.before),
        lost=len(crossing.lost),
        counted=crossing.counted["2:"][1],
        rate_pps=round(len(crossing.before) / span_s),
        z=(len(crossing.lost) / len(crossing.before) - asked.loss.share) / deviation(asked.loss, len(crossing.before)),
        errors_ms=(statistics.median(late), late[int(0.99 * len(late))], late[-1]),
    )


def run(asked: argparse.Namespace) -> None:
    """Measure the next cells and append them to the file."""
    measured, done = commit(), len(read(asked.output))
    numbers = range(done, done + asked.cells)
    with asked.output.open("a") as file:
        for first in numbers[::CELLS_PER_LAB]:
            with BumpLab(_rig(), ["a"], "vm") as lab, lab.bump(seed=SEED) as bump:
                for number in range(first, min(first + CELLS_PER_LAB, numbers.stop)):
                    cell = measure(lab, bump, number, measured)
                    file.write(json.dumps(asdict(cell)) + "\n")
                    file.flush()
                    print(f"{number:4} {cell.share:6.1%} {cell.burst} z {cell.z:+.2f} {cell.errors_ms}", flush=True)


def read(path: Path) -> list[Cell]:
    """Return the cells in `path`; none when it is not there yet."""
    return [Cell(**json.loads(line)) for line in path.read_text().splitlines()] if path.exists() else []


def lines(cells: Sequence[Cell]) -> Iterator[str]:
    """Yield the report as Markdown."""
    packets, slowest = sum(cell.sent for cell in cells), min(cell.rate_pps for cell in cells)
    commits = ", ".join(dict.fromkeys(cell.commit for cell in cells))
    yield (
        f"Commit {commits}, {datetime.now(UTC).date()}: {len(cells)} cells, {packets} datagrams at {slowest} packets/s "
        f"and more, loss 1 to 40 %, delay 1 to 100 ms, both directions, through the VM."
    )
    yield ""
    yield "| loss | cells | RMS z | max abs z | tap and kernel count alike |"
    yield "| --- | --- | --- | --- | --- |"
    kinds = {"independent": [c for c in cells if c.burst is None], "in bursts": [c for c in cells if c.burst]}
    for name, some in {**kinds, "all": list(cells)}.items():
        alike = sum(cell.lost == cell.counted for cell in some)
        yield f"| {name} | {len(some)} | {rms(some):.2f} | {max(abs(c.z) for c in some):.2f} | {alike} of {len(some)} |"
    yield ""
    p50, p99, most = (statistics.median(cell.errors_ms[i] for cell in cells) for i in range(3))
    worst = max(cell.errors_ms[0] for cell in cells)
    yield (
        f"Delay beyond what was configured, median over the cells: p50 {p50:.2f} ms, p99 {p99:.2f} ms, "
        f"most {most:.2f} ms (worst p50 of a cell {worst:.2f} ms)."
    )


def rms(cells: Sequence[Cell]) -> float:
    """Return the root of the mean square of z."""
    return math.sqrt(statistics.fmean(cell.z**2 for cell in cells))


def report(asked: argparse.Namespace) -> None:
    """Print the report, and write it into docs/accuracy.md."""
    text = "\n".join(lines(read(asked.output)))
    write_part("emulator", text)
    print(text)


def _rig() -> Rig:
    engine = DockerEngine.connect()
    ready = images.present(engine) or images.ensure(engine, report=print)
    return Rig(
        engine=engine,
        router_image=ready.router.reference,
        client_image=ready.client.reference,
        cache=cache_folder(),
    )


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("command", choices=("run", "report"))
    parser.add_argument("--cells", type=int, default=120)
    parser.add_argument("-o", "--output", type=Path, default=ROOT / "results" / "accuracy" / "emulator.ndjson")
    asked = parser.parse_args()
    asked.output.parent.mkdir(parents=True, exist_ok=True)
    {"run": run, "report": report}[asked.command](asked)


if __name__ == "__main__":
    main()
