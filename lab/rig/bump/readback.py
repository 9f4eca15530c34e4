"""What the kernel says it does, read and compared with what was asked.

Law: nothing counts as set before it was read back. Every number is compared; the tolerances are `tc`'s own
rounding and nothing else. (The table of a distribution and its name cannot be read back.)
"""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields
from typing import Any

from lab.errors import EnvironmentFault
from lab.evidence.steps import Qdisc
from lab.rig.bump import tc
from lab.scenario.model import Impairment

PRINTED_DIGITS = 1e-5
"""tc prints shares and seconds with six significant digits."""
TICK_S = 64e-9
"""The kernel keeps a burst as a time in ticks of 64 ns (PSCHED_SHIFT), rounded down; `tc` prints whole bytes."""


@dataclass(frozen=True, kw_only=True)
class Shape:
    """The state of one direction: every number of its tree and the filters in front of it."""

    tree: tuple[str, ...]  # "kind handle parent" of each qdisc
    priomap: str
    clear_limit: float
    blocked_limit: float
    limit: float
    delay_s: float
    jitter_s: float
    loss: float
    gemodel_p: float
    gemodel_r: float
    duplicate: float
    corrupt: float
    netem_rate: float  # bytes/s, as everywhere below
    seed: float | None
    rate: float
    burst: float
    queue: float
    filters: tuple[str, ...]  # "preference class"


_TREE = ("netem 2: 1:2", "pfifo 10: 1:1", "pfifo 3: 1:3", "prio 1: root", "tbf 20: 2:1")


def asked_shape(asked: Impairment, only: tc.Only, seed: int | None) -> Shape:
    """Return what must be read back when `asked` is in force."""
    loss = asked.loss
    p, r = tc.gilbert(loss) if loss and loss.burst is not None else (0.0, 0.0)
    rate_bps, burst, queue = tc.tbf_numbers(asked)
    filters = tuple(f"{pref} 1:3" for pref in tc.blocks(asked))
    return Shape(
        tree=_TREE,
        priomap=" ".join(tc.PRIOMAP),
        clear_limit=tc.CLEAR_LIMIT,
        blocked_limit=0,
        limit=tc.netem_limit(asked),
        delay_s=asked.delay_ms / 1000,
        jitter_s=asked.jitter_ms / 1000,
        loss=loss.share if loss and loss.burst is None else 0.0,
        gemodel_p=p,
        gemodel_r=r,
        duplicate=asked.duplicate,
        corrupt=asked.corrupt,
        netem_rate=tc.netem_rate_bps(asked) // 8,
        seed=seed,
        rate=rate_bps // 8,
        burst=burst,
        queue=queue,
        filters=filters + tc.chosen(only),
    )


def got_shape(qdiscs: Sequence[Qdisc], filters: Sequence[Mapping[str, Any]]) -> Shape:
    """Return the shape of a direction as the kernel reported it. Raises EnvironmentFault when the tree is another."""
    tree = tuple(sorted(f"{each.kind} {each.handle} {each.parent}" for each in qdiscs))
    if tree != _TREE:
        raise EnvironmentFault(f"the bump's qdiscs are {list(tree)}, not {list(_TREE)}", fix="run `lab doctor`")
    options = {each.handle: json.loads(each.options_json) for each in qdiscs}
    netem, tbf = options[tc.NETEM], options[tc.TBF]
    delay, gemodel = netem.get("delay", {}), netem.get("loss-gemodel", {})
    return Shape(
        tree=tree,
        priomap=" ".join(map(str, options[tc.ROOT]["priomap"])),
        clear_limit=options[tc.CLEAR]["limit"],
        blocked_limit=options[tc.BLOCKED]["limit"],
        limit=netem["limit"],
        delay_s=delay.get("delay", 0.0),
        jitter_s=delay.get("jitter", 0.0),
        loss=netem.get("loss-random", {}).get("loss", 0.0),
        gemodel_p=gemodel.get("p", 0.0),
        gemodel_r=gemodel.get("r", 0.0),
        duplicate=netem.get("duplicate", {}).get("duplicate", 0.0),
        corrupt=netem.get("corrupt", {}).get("corrupt", 0.0),
        netem_rate=netem.get("rate", {}).get("rate", 0),
        seed=netem.get("seed"),
        rate=tbf["rate"],
        burst=tbf["burst"],
        queue=tbf["limit"],
        filters=_filters(filters),
    )


def compare(device: str, asked: Shape, got: Shape) -> None:
    """Raise EnvironmentFault with the first field of `device` that is not what was asked."""
    for field in fields(Shape):
        want, have = getattr(asked, field.name), getattr(got, field.name)
        if field.name == "seed" and want is None:
            continue
        if not _same(field.name, want, have, asked.rate):
            raise EnvironmentFault(
                f"{device}: asked for {field.name} {want}, the kernel holds {have}", fix="run `lab doctor`"
            )


def _same(name: str, want: object, have: object, rate: float) -> bool:
    if not isinstance(want, (int, float)) or not isinstance(have, (int, float)):
        return want == have
    if name in ("seed", "limit", "clear_limit", "blocked_limit", "queue"):
        return want == have
    return math.isclose(want, have, rel_tol=PRINTED_DIGITS, abs_tol=1 + 2 * TICK_S * rate if name == "burst" else 1e-9)


def _filters(listed: Sequence[Mapping[str, Any]]) -> tuple[str, ...]:
    rules = [(int(each["pref"]), each["options"]["flowid"]) for each in listed if "flowid" in each.get("options", {})]
    return tuple(f"{pref} {flow}" for pref, flow in sorted(rules))


def qdiscs(listed: Sequence[Mapping[str, Any]], device: str) -> tuple[Qdisc, ...]:
    """Return the qdiscs of `device` out of one array of `tc -j -s qdisc show`."""
    return tuple(
        Qdisc(
            kind=each["kind"],
            handle=each["handle"],
            parent="root" if each.get("root") else each["parent"],
            options_json=json.dumps(each.get("options", {}), sort_keys=True),
            sent_packets=each["packets"],
            sent_bytes=each["bytes"],
            dropped=each["drops"],
            overlimits=each["overlimits"],
            backlog_packets=each["qlen"],
        )
        for each in listed
        if each["dev"] == device
    )
