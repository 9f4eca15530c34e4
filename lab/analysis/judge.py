"""From a recording to a verdict: the story.

Law: pure, and blind to what was injected (`case`). A piece that is missing makes the answer UNKNOWN, naming the piece
and what it would have decided; it never makes a traceback.
"""

from __future__ import annotations

from collections.abc import Sequence

from lab.analysis import ledger
from lab.analysis.case import Asked, Case, asked_of, case_of
from lab.analysis.connect import broken
from lab.analysis.damage import Blame, Damage, damage
from lab.analysis.flow import Flow, follow
from lab.analysis.gates import Witnesses, gates
from lab.analysis.measures import Measures
from lab.analysis.scene import Seat
from lab.analysis.values import Checked, FlowVerdict, Frames, Gate, Hop, Outcome, Owner, RunVerdict
from lab.analysis.verdict import answer, worst
from lab.errors import EvidenceError, LabError
from lab.evidence.recording import Recording

_NO_FRAMES = Frames(made=None, decodable=None, heard=None, lost=None, inserted_ms={}, unexplained=None)


def judge(recording: Recording, asked: Asked | None = None) -> RunVerdict:
    """Judge `recording`; `asked` None reads what was asked from its own folder. Never raises for what is in it."""
    try:
        case = case_of(recording, asked or asked_of(recording))
    except LabError as failure:
        return _run(recording, (), (), (str(failure),))
    judged = [_flow(case, publisher, subscriber) for publisher, subscriber in case.scene.pairs]
    followed = tuple(flow for flow, _ in judged if flow)
    checked = gates(_witnesses(recording, case, followed))
    return _run(recording, tuple(verdict for _, verdict in judged), checked, recording.problems)


def _flow(case: Case, publisher: Seat, subscriber: Seat) -> tuple[Flow | None, FlowVerdict]:
    left = case.scene.evidence(subscriber.name)
    heard = left is not None and any(sample.publisher == publisher.name for sample in left.inbound)
    if not heard and (verdict := _unconnected(case, publisher, subscriber)):
        return None, verdict
    if not case.measured:
        words = "the run ended before the media: there is nothing to measure the expectations on"
        return None, _silent(case, publisher, subscriber, Owner.UNDECIDED, (words,), ())
    try:
        flow = follow(case.scene, publisher, subscriber, case.times, case.links)
    except EvidenceError as failure:
        return None, _silent(case, publisher, subscriber, Owner.UNDECIDED, (str(failure),), ())
    except Exception as failure:  # noqa: BLE001 - evidence that breaks the judge is UNKNOWN with its words, not a crash
        words = f"judging this flow broke: {type(failure).__name__}: {failure}"
        return None, _silent(case, publisher, subscriber, Owner.UNDECIDED, (words,), ())
    return flow, _settled(case, flow)


def _settled(case: Case, flow: Flow) -> FlowVerdict:
    loss = damage(flow, _blame(case, flow))
    rows = ledger.hops(case.scene, flow, loss, case.links)
    owners = {row.name: Owner.UNDECIDED if row.undecided else row.owner for row in rows}
    found = answer(Measures(flow=flow, loss=loss, hop_owner=owners), case.asked.expect)
    short = _short(case, loss)
    return FlowVerdict(
        publisher=flow.publisher.name,
        subscriber=flow.subscriber.name,
        outcome=Outcome.UNKNOWN if short and found.outcome == Outcome.PASS else found.outcome,
        owner=found.owner,
        frames=ledger.frames(flow, loss),
        hops=rows,
        expectations=found.checked,
        damage=loss.by_owner(),
        reasons=(*short, *found.reasons, *(f"{row.name}: {row.undecided}" for row in rows if row.undecided)),
        concealed_share=flow.lateness.concealed_share,
    )


def _short(case: Case, loss: Damage) -> tuple[str, ...]:
    """Say that less was made than was asked for: what there is may fail, but cannot pass for the whole."""
    asked = case.times.media_frames
    if loss.made_frames >= asked:
        return ()
    return (f"only {loss.made_frames:g} of {asked} frames were made, or logged: the rest would have to be measured",)


def _blame(case: Case, flow: Flow) -> Blame:
    def network(client: str, way: str, owner: Owner) -> Owner:
        link = case.link(client, way)
        return owner if link is not None and not link.undecided else Owner.UNDECIDED

    return Blame(
        server=Owner.LOAD if case.throttled else Owner.SERVER,
        uplink=network(flow.publisher.name, "up", Owner.UPLINK),
        downlink=network(flow.subscriber.name, "down", Owner.DOWNLINK),
    )


def _unconnected(case: Case, publisher: Seat, subscriber: Seat) -> FlowVerdict | None:
    found = broken(case.scene, (publisher, subscriber))
    if found is None:
        return None
    row = Hop(
        name="connect",
        owner=found.owner,
        packets_in=found.packets_in,
        packets_dropped=found.packets_dropped,
        note=found.reason,
    )
    return _silent(case, publisher, subscriber, found.owner, (f"no media: {found.reason}",), (row,))


def _silent(
    case: Case, publisher: Seat, subscriber: Seat, owner: Owner, reasons: tuple[str, ...], rows: tuple[Hop, ...]
) -> FlowVerdict:
    """Return the verdict of a flow without a ledger: failed with an owner, or unknown without."""
    wanted = next((one for one in case.asked.expect if one.metric == "verdict"), None)
    right = () if wanted is None else wanted.owners or (wanted.owner,)
    known = owner != Owner.UNDECIDED
    outcome = Outcome.PASS if owner.value in right else Outcome.FAIL if known else Outcome.UNKNOWN
    limit = "== " + " | ".join(str(one) for one in right)
    result = {Outcome.PASS: "met", Outcome.FAIL: "failed", Outcome.UNKNOWN: "unknown"}[outcome]
    line = Checked(metric="verdict", limit=limit, value=owner.value, interval=None, result=result)
    return FlowVerdict(
        publisher=publisher.name,
        subscriber=subscriber.name,
        outcome=outcome,
        owner=owner,
        frames=_NO_FRAMES,
        hops=rows,
        expectations=(line,) if wanted else (),
        damage={},
        reasons=reasons,
    )


def _witnesses(recording: Recording, case: Case, flows: Sequence[Flow]) -> Witnesses:
    start, end = case.times.media_from_ns, case.until_ns
    return Witnesses(
        scene=case.scene,
        links=case.links,
        flows=tuple(flows),
        ticks=tuple(tick for tick in recording.ticks if start <= tick.t_ns <= end),
        seconds=tuple(second for second in recording.seconds if start <= second.t_ns <= end),
        from_ns=start,
        to_ns=end,
    )


def _run(
    recording: Recording, flows: tuple[FlowVerdict, ...], checked: tuple[Gate, ...], notes: Sequence[str]
) -> RunVerdict:
    """Join flows and gates: VOID when a gate says so, else as the worst flow."""
    void = tuple(f"{gate.name}: {gate.why}" for gate in checked if gate.ok is False)
    leading = worst(flows)
    outcome = Outcome.VOID if void else leading.outcome if leading else Outcome.UNKNOWN
    owner = leading.owner if leading and not void else Owner.UNDECIDED
    manifest = recording.manifest
    return RunVerdict(
        run=manifest.run,
        scenario=manifest.scenario,
        outcome=outcome,
        owner=owner,
        reasons=(*(leading.reasons if leading else ()), *notes),
        void=void,
        netem_driver=manifest.netem.driver if manifest.netem else None,
        netem_seeded=manifest.netem.seeded if manifest.netem else None,
        seed=manifest.seed,
        server_version=manifest.versions.get("server"),
        gates=checked,
        flows=flows,
    )
