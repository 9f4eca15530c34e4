"""What to do about a void run: how to get one that counts.

Law: a gate says nothing about the call, and so does what is told here; only the machine and the lab are advised on.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis.values import Gate

_QUIET = "when this machine is quiet: lab doctor says whether it can measure"
_STEPS = {
    "bump passed": "and ask lab doctor first whether packets pass its bump",
    "path": "where media can take no other way than to the lab's own server",
    "clock": "while nobody sets this machine's clock",
}


def next_steps(gates: Sequence[Gate]) -> list[str]:
    """Return what makes the run valid, a line for each kind of gate that failed."""
    failed = (gate.name for gate in gates if gate.ok is False)
    return [f"to measure it, run it again {step}" for step in dict.fromkeys(_STEPS.get(one, _QUIET) for one in failed)]
