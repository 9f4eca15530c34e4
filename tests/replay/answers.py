"""The questions that a verdict answers, one by one, so that it shows which of them got another answer."""

from __future__ import annotations

from lab.analysis.values import FlowVerdict, RunVerdict
from lab.batch.runs.one import Judged


def answers(verdict: RunVerdict) -> dict[str, object]:
    """Return every question that a verdict answers."""
    (flow,) = verdict.flows
    found: dict[str, object] = {"verdict": (verdict.outcome, verdict.owner)}
    found |= {f"gate {gate.name}": gate.ok for gate in verdict.gates}
    return found | _hops(flow) | _frames(flow)


def _hops(flow: FlowVerdict) -> dict[str, object]:
    found: dict[str, object] = {}
    for hop in flow.hops:
        found[f"{hop.name} dropped"] = hop.packets_dropped
        found[f"{hop.name} causes"] = dict(hop.causes)
        found[f"{hop.name} lost"] = hop.frames_lost
        found[f"{hop.name} made up"] = hop.made_up_ms
        found[f"{hop.name} decided"] = not hop.undecided
        found[f"{hop.name} repaired"] = dict(hop.repaired)
    return found


def _frames(flow: FlowVerdict) -> dict[str, object]:
    found: dict[str, object] = {f"inserted by {owner}": round(ms) for owner, ms in flow.frames.inserted_ms.items()}
    found |= {f"kind {name}": frames for name, frames in flow.frames.kinds.items()}
    found |= {"heard": flow.frames.heard, "unexplained": flow.frames.unexplained}
    found |= {f"cause {one.owner} {one.hop} {one.reason}": True for one in flow.causes}
    return found | {f"{one.metric} {one.limit}": one.result for one in flow.expectations}


def flipped(before: Judged, after: Judged) -> set[str]:
    """Return the questions that got another answer."""
    one, other = answers(before.verdict), answers(after.verdict)
    return {question for question in one | other if one.get(question) != other.get(question)}
