"""`make bench`, or `python -m tests.bench [NAME…] [--rounds N] [--cells N]`: measure, store and tabulate the ratios.

Each is measured on its own, and stored and in the table as soon as it is there; without names all of them, in a bit
more than half an hour. Real runs want the machine to themselves.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass

from tests.bench import calls, packets, walls, workers
from tests.bench.figures import LIMITS, Figure, store, write_page

Asked = argparse.Namespace
"""`rounds`: how often each is measured; `cells`: how long the sweeps are."""


@dataclass(frozen=True, kw_only=True)
class Measure:
    """Yields figures, each as soon as it is there; and about how many seconds that takes."""

    figures: Callable[[Asked], Iterator[Figure]]
    seconds: Callable[[Asked], float]


MEASURES = {
    "run": Measure(figures=walls.run, seconds=walls.run_s),
    "sweep": Measure(figures=walls.sweep, seconds=walls.sweep_s),
    "lanes": Measure(figures=walls.lanes, seconds=walls.lanes_s),
    "audible": Measure(figures=calls.audible, seconds=calls.audible_s),
    "measuring": Measure(figures=calls.measuring, seconds=calls.measuring_s),
    "packets": Measure(figures=packets.packets, seconds=packets.packets_s),
    "workers": Measure(figures=workers.workers, seconds=workers.workers_s),
    "overhead": Measure(figures=workers.overhead, seconds=workers.overhead_s),
}


def plan(names: list[str], asked: Asked) -> Iterator[str]:
    """Yield about how long each of `names` takes, and all of them together."""
    seconds = {name: MEASURES[name].seconds(asked) for name in names}
    yield from (f"{name:10} about {each / 60:4.1f} min" for name, each in seconds.items())
    yield f"{'all':10} about {sum(seconds.values()) / 60:4.1f} min"


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=(*LIMITS, []), help="which ratios; all of them when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--cells", type=int, choices=range(4, 101, 4), metavar="N", default=20, help="of the sweeps")
    asked = parser.parse_args()
    names = asked.names or list(LIMITS)
    print("\n".join(plan(names, asked)), flush=True)
    for name in names:
        began = time.monotonic()
        for figure in MEASURES[name].figures(asked):
            store(figure)
            text = write_page()
            took = f"{(time.monotonic() - began) / 60:.1f} min"
            print(f"{figure.name}: {figure.ratio:.3g} ({figure.low:.3g} … {figure.high:.3g}) {took}", flush=True)
    print(text)


if __name__ == "__main__":
    main()
