"""From a recording to a verdict: the story.

Law: pure, and blind to what was injected (`case`). A piece that is missing makes the answer UNKNOWN, naming the piece
and what it would have decided; it never makes a traceback. Evidence that is not what was sealed decides nothing, not
even that the run is void: what it seems to say is shown, and the answer is UNKNOWN.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import TypeVar

from lab.analysis.flows.case import Asked, Case, asked_of, case_of
from lab.analysis.flows.flow import Flow, follow
from lab.analysis.flows.repairs import repairs, unreliable
from lab.analysis.ledger import ledger
from lab.analysis.ledger.blame import blame, held
from lab.analysis.ledger.damage import Damage, damage
from lab.analysis.ledger.limits import beyond
from lab.analysis.ledger.pieces import Story
from lab.analysis.measures.expectations import UNKNOWN
from lab.analysis.measures.measured import measured, nothing_measured
from lab.analysis.measures.measures import Measures
from lab.analysis.measures.symptoms import symptoms
from lab.analysis.reasons.latency import latency
from lab.analysis.reasons.reasons import causes
from lab.analysis.values import Cause, FlowVerdict, Gate, Outcome, Owner, RunVerdict
from lab.analysis.verdicts.connect import over_tcp
from lab.analysis.verdicts.gates import Witnesses, gates
from lab.analysis.verdicts.starving import Machine, starved_share
from lab.analysis.verdicts.unmeasured import broken_off, silent, unconnected
from lab.analysis.verdicts.verdict import Answer, answer, spoken, worst
from lab.analysis.wire.scene import Seat
from lab.analysis.wire.streams import rtp_of
from lab.errors import LabError
from lab.evidence import names
from lab.evidence.recording import Recording
from lab.pcm import FRAME_MS

T = TypeVar("T")


@dataclass(frozen=True, kw_only=True)
class _Judged:
    """A flow's verdict, the flow where it could be followed, and its story where it could be settled."""

    verdict: FlowVerdict
    flow: Flow | None = None
    story: Story | None = None


def judge(recording: Recording, asked: Asked | None = None) -> RunVerdict:
    """Judge `recording`; `asked` None reads what was asked from its own folder. Never raises for what is in it."""
    case, broke = _tried(lambda: case_of(recording, asked or asked_of(recording)))
    if case is None:
        return _run(recording, (), (), (broke,))
    judged = [_flow(case, publisher, subscriber) for publisher, subscriber in case.scene.pairs]
    checked, broke = _tried(lambda: gates(_witnesses(recording, case, judged)))
    broken = (*recording.broken, *((f"gates: {broke}",) if checked is None else ()))
    run = _run(recording, tuple(one.verdict for one in judged), checked or (), broken)
    return run if run.void else replace(run, reasons=(*run.reasons, *_stopped(case)))


def _stopped(case: Case) -> tuple[str, ...]:
    """Say that the media was ended before its time, because what there was sufficed."""
    measured, asked = case.times.media_frames, case.asked.media.duration_ms // FRAME_MS
    if measured >= asked:
        return ()
    seconds = (frames * FRAME_MS / 1000 for frames in (measured, asked))
    return ("stopped after {:.1f} s of at most {:g} s of media: that was enough".format(*seconds),)


def _tried(work: Callable[[], T]) -> tuple[T | None, str]:
    """Return what `work` makes, or None and why not: evidence that breaks the judge is UNKNOWN, never a crash."""
    try:
        return work(), ""
    except LabError as failure:
        return None, str(failure)
    except Exception as failure:  # noqa: BLE001 - whatever a recording holds, its words are the answer
        return None, f"judging broke on this evidence: {type(failure).__name__}: {failure}"


def _flow(case: Case, publisher: Seat, subscriber: Seat) -> _Judged:
    def unknown(words: str, flow: Flow | None = None) -> _Judged:
        verdict = silent(case, publisher, subscriber, Owner.UNDECIDED, (words,), ())
        return _Judged(verdict=verdict, flow=flow)

    if missing := case.scene.missing_taps():
        return unknown(f"{missing[0]} is missing (it tells the hops beside it apart)")
    if not _met(case, publisher, subscriber) and (verdict := unconnected(case, publisher, subscriber)):
        return _Judged(verdict=verdict)
    if found := over_tcp(case.scene, (publisher, subscriber), (case.times.media_from_ns, case.until_ns)):
        return _Judged(verdict=broken_off(case, publisher, subscriber, found))
    if not case.measured:
        return unknown("the run ended before the media: there is nothing to measure the expectations on")
    flow, broke = _tried(lambda: follow(case.scene, publisher, subscriber, case.times, case.links))
    if flow is None:
        return unknown(broke)
    settled, broke = _tried(lambda: _settled(case, flow))
    return settled or unknown(broke, flow)


def _met(case: Case, publisher: Seat, subscriber: Seat) -> bool:
    """Say whether media got through, by the subscriber's statistics or, where they are missing, by the captures."""
    left = case.scene.evidence(subscriber.name)
    if left is not None and any(sample.publisher == publisher.name for sample in left.inbound):
        return True
    sent, received = rtp_of(case.scene.core, src=publisher.ip), rtp_of(case.scene.outer(subscriber), dst=subscriber.ip)
    return bool(sent.size and received.size)


def _settled(case: Case, flow: Flow) -> _Judged:
    held_up = held(case, flow.publisher, steady=not case.asked.media.dtx)
    listening = held(case, flow.subscriber, steady=False)
    owned = blame(case, flow, held_up, listening)
    loss = damage(flow, owned)
    story = Story(case=case, flow=flow, loss=loss, held=held_up, listener_held=listening, loaded=owned.loaded)
    why = causes(story)
    rows = ledger.hops(case.scene, flow, loss, case.links, case.door(flow))
    owners = {row.name: Owner.UNDECIDED if row.undecided else row.owner for row in rows}
    measures = Measures(flow=flow, loss=loss, hop_owner={**owners, "server": owned.server}, loaded=owned.loaded)
    why = (*why, *latency(measures, why))
    found = answer(measures, case.asked.expect, why)
    saved = repairs(case.scene, flow, case.times, case.asked.media.bitrate_bps)
    unmeasurable = (*beyond(flow, loss, case.times.media_frames), *unreliable(flow, saved))
    before = _until_moved(flow, loss) if unmeasurable else ()
    limits = (*unmeasurable, *before, *_unwatched(case, found.owner), *_unheld(found, why))
    verdict = FlowVerdict(
        publisher=flow.publisher.name,
        subscriber=flow.subscriber.name,
        outcome=Outcome.UNKNOWN if limits else found.outcome,
        owner=Owner.UNDECIDED if limits else found.owner,
        frames=ledger.frames(flow, loss),
        hops=rows,
        expectations=found.checked,
        damage=loss.by_owner(),
        reasons=(*(limits or found.reasons), *(f"{row.name}: {row.undecided}" for row in rows if row.undecided)),
        concealed_share=flow.concealed_share,
        causes=why,
        symptoms=symptoms(measures),
        metrics=nothing_measured() if unmeasurable else measured(measures),
        repairs=saved,
        named_share=flow.named_share,
        level_extension="described" if case.scene.describes(flow.publisher) else "inferred",
    )
    return _Judged(verdict=verdict, flow=flow, story=story)


def _until_moved(flow: Flow, loss: Damage) -> tuple[str, ...]:
    """Say what was lost before the media moved to where no frame is seen."""
    costs = loss.by_owner()
    return (f"until then: {spoken(costs)}",) if flow.move and costs else ()


def _unwatched(case: Case, owner: Owner) -> tuple[str, ...]:
    """Say that the server is to blame, but not whether it was starved: nobody watched its cgroup."""
    if owner != Owner.SERVER or case.watched:
        return ()
    file = names.CGROUPS.format(container=names.SERVER)
    return (f"{file} does not cover the media: it tells {Owner.LOAD} from {Owner.SERVER}",)


def _unheld(found: Answer, why: Sequence[Cause]) -> tuple[str, ...]:
    """Say that a client's host would be to blame, but that nothing tells what held it back: perhaps the SDK did."""
    code = [one for one in why if one.owner.startswith("CODE/")]
    if found.outcome != Outcome.FAIL or not code or found.owner not in (Owner.BOTH, code[0].owner):
        return ()
    return (code[0].note,) if (code[0].owner, code[0].reason) == (Owner.CLIENT_HOST, "undecided") else ()


def _witnesses(recording: Recording, case: Case, judged: Sequence[_Judged]) -> Witnesses:
    start, end = case.times.media_from_ns, case.until_ns
    ticks = tuple(tick for tick in recording.ticks if start <= tick.t_ns <= end)
    seconds = tuple(second for second in recording.seconds if start <= second.t_ns <= end)
    machine = Machine(ticks=ticks, seconds=seconds)
    starved = [starved_share(one.story, machine, one.verdict.owner) for one in judged if one.story]
    return Witnesses(
        scene=case.scene,
        links=case.links,
        flows=tuple(one.flow for one in judged if one.flow),
        ticks=ticks,
        seconds=seconds,
        recorded=recording.seconds,
        from_ns=start,
        to_ns=end,
        starved_share=max(starved, default=None),
    )


def _doubtful(flow: FlowVerdict, broken: tuple[str, ...]) -> FlowVerdict:
    """Return what remains of a verdict on broken evidence: what it seems to say is shown, and decides nothing."""
    undecided = replace(flow, outcome=Outcome.UNKNOWN, owner=Owner.UNDECIDED, reasons=broken, causes=())
    return replace(undecided, metrics=nothing_measured())


def _void(flow: FlowVerdict) -> FlowVerdict:
    """Return what remains of a verdict in a void run: what was counted is shown, nothing is answered or blamed."""
    unknown = tuple(replace(one, result=UNKNOWN, note="") for one in flow.expectations)
    undecided = replace(flow, outcome=Outcome.VOID, owner=Owner.UNDECIDED, reasons=(), causes=(), damage={})
    return replace(undecided, expectations=unknown)


def _run(
    recording: Recording, flows: tuple[FlowVerdict, ...], checked: tuple[Gate, ...], broken: tuple[str, ...]
) -> RunVerdict:
    """Join flows and gates: UNKNOWN when evidence is broken, VOID when a gate says so, else as the worst flow."""
    if broken:
        flows = tuple(_doubtful(one, broken) for one in flows)
    void = tuple(f"{gate.name}: {gate.why}" for gate in checked if gate.ok is False and not broken)
    flows = tuple(map(_void, flows)) if void else flows
    leading = worst(flows)
    outcome = Outcome.VOID if void else leading.outcome if leading else Outcome.UNKNOWN
    owner = leading.owner if leading else Owner.UNDECIDED
    manifest = recording.manifest
    return RunVerdict(
        run=manifest.run,
        scenario=manifest.scenario,
        outcome=outcome,
        owner=owner,
        reasons=tuple(dict.fromkeys((*(leading.reasons if leading else broken), *recording.problems))),
        void=void,
        netem_driver=manifest.netem.driver if manifest.netem else None,
        netem_seeded=manifest.netem.seeded if manifest.netem else None,
        seed=manifest.seed,
        server_version=manifest.versions.get("server"),
        gates=checked,
        flows=flows,
    )
