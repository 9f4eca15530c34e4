"""Verdicts as JSON: the same values give the same bytes, on every machine and in every year.

Law: always a list of runs; unknown is null, never 0. Format 1 is described in docs/verdicts.md.
"""

from __future__ import annotations

import dataclasses
import json
from collections.abc import Iterable
from typing import Any

from lab.analysis.values import Cause, Checked, FlowVerdict, Frames, Gate, Hop, Measured, Repair, RunVerdict, Symptoms
from lab.report.figures import finite

FORMAT = 1


def dumps(runs: Iterable[RunVerdict]) -> str:
    """Return `runs` as one JSON document, ending in a newline."""
    document = {"format": FORMAT, "runs": [_run(run) for run in runs]}
    return json.dumps(document, indent=1, ensure_ascii=True, allow_nan=False) + "\n"


def _run(run: RunVerdict) -> dict[str, Any]:
    return {
        "run": run.run,
        "scenario": run.scenario,
        "outcome": run.outcome.value,
        "owner": run.owner.value,
        "reasons": list(run.reasons),
        "void": list(run.void),
        "netem": {"driver": run.netem_driver, "seeded": run.netem_seeded},
        "seed": run.seed,
        "server": run.server_version,
        "gates": [_gate(gate) for gate in run.gates],
        "flows": [_flow(flow) for flow in run.flows],
    }


def _gate(gate: Gate) -> dict[str, Any]:
    return {"name": gate.name, "value": gate.value, "limit": gate.limit, "ok": gate.ok}


def _flow(flow: FlowVerdict) -> dict[str, Any]:
    return {
        "publisher": flow.publisher,
        "subscriber": flow.subscriber,
        "outcome": flow.outcome.value,
        "owner": flow.owner.value,
        "frames": _frames(flow.frames),
        "hops": [_hop(hop) for hop in flow.hops],
        "expectations": [_checked(checked) for checked in flow.expectations],
        "damage": {owner.value: _number(share) for owner, share in sorted(flow.damage.items())},
        "causes": [_cause(cause) for cause in flow.causes],
        "concealed": _number(flow.concealed_share),
        "symptoms": _symptoms(flow.symptoms),
        "metrics": {metric.name: _metric(metric) for metric in flow.metrics},
        "repairs": [_repair(repair) for repair in flow.repairs],
        "named_share": _number(flow.named_share),
        "level_extension": flow.level_extension or None,
        "reasons": list(flow.reasons),
    }


def _symptoms(seen: Symptoms) -> dict[str, Any]:
    return {
        name: value if isinstance(value, bool) else _number(value) for name, value in dataclasses.asdict(seen).items()
    }


def _metric(metric: Measured) -> dict[str, Any]:
    ends = (metric.low, metric.high)
    interval = None if ends == (None, None) else [_number(end) for end in ends]
    return {"value": _number(metric.value), "interval": interval}


def _repair(repair: Repair) -> dict[str, Any]:
    return {
        "mechanism": repair.mechanism,
        "depth": repair.depth,
        "evidence": repair.evidence,
        "frames": _number(repair.frames),
        "heard": _number(repair.heard),
        "unknown": repair.unknown or None,
    }


def _cause(cause: Cause) -> dict[str, Any]:
    return {
        "owner": cause.owner.value,
        "hop": cause.hop,
        "reason": cause.reason,
        "share": _number(cause.share),
        "note": cause.note,
    }


def _frames(frames: Frames) -> dict[str, Any]:
    sums = (sum(one.values(), 0.0) for one in (frames.inserted_ms, frames.made_up_ms))
    inserted, made_up = (None if frames.made is None else _number(one) for one in sums)
    return {
        "made": _number(frames.made),
        "decodable": _number(frames.decodable),
        "heard": _number(frames.heard),
        "lost": _number(frames.lost),
        "inserted_ms": inserted,
        "made_up_ms": made_up,
        "unexplained": _number(frames.unexplained),
        "transition": _number(frames.transition),
        "kinds": {name: _number(count) for name, count in sorted(frames.kinds.items())},
    }


def _hop(hop: Hop) -> dict[str, Any]:
    return {
        "name": hop.name,
        "owner": hop.owner.value,
        "packets_in": hop.packets_in,
        "packets_dropped": hop.packets_dropped,
        "causes": dict(sorted(hop.causes.items())),
        "frames_lost": _number(hop.frames_lost),
        "late": _number(hop.late),
        "contributing": _number(hop.contributing),
        "repaired": {name: _number(count) for name, count in sorted(hop.repaired.items())},
        "made_up_ms": _number(hop.made_up_ms),
        "undecided": hop.undecided or None,
    }


def _checked(checked: Checked) -> dict[str, Any]:
    return {
        "metric": checked.metric,
        "limit": checked.limit,
        "value": _number(checked.value) if isinstance(checked.value, int | float) else checked.value,
        "interval": [_number(end) for end in checked.interval] if checked.interval else None,
        "result": checked.result,
    }


def _number(value: float | None) -> float | int | None:
    """Return `value` as it is on every machine; whole numbers are written whole, and an open end is unknown."""
    rounded = finite(value)
    return int(rounded) if rounded is not None and float(rounded).is_integer() else rounded
