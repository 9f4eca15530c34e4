"""`make bench`, or `python -m tests.bench [NAME…] [--rounds N] [--cells N]`: measure, store and tabulate the ratios.

Each is measured on its own; without names all of them, in about half an hour. Real runs want the machine to themselves.
"""

from __future__ import annotations

import argparse

from tests.bench import calls, packets, walls, workers
from tests.bench.figures import LIMITS, store, write_page

MEASURES = {
    "run": walls.run,
    "sweep": walls.sweep,
    "lanes": walls.lanes,
    "audible": calls.audible,
    "measuring": calls.measuring,
    "packets": packets.packets,
    "workers": workers.workers,
    "overhead": workers.overhead,
}


def main() -> None:
    """Do what the command line says."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("names", nargs="*", choices=(*LIMITS, []), help="which ratios; all of them when none is named")
    parser.add_argument("--rounds", type=int, default=5, help="how often each is measured")
    parser.add_argument("--cells", type=int, default=20, help="cells of the sweeps")
    asked = parser.parse_args()
    for name in asked.names or LIMITS:
        figure = MEASURES[name](asked)
        print(f"{name}: {figure.ratio:.3g} ({figure.low:.3g} … {figure.high:.3g})", flush=True)
        store(figure)
    print(write_page())


if __name__ == "__main__":
    main()
