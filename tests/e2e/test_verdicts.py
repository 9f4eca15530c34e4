"""Real server, real clients, real loss: each verdict as a user gets it. One lab serves every run of its topology."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from lab.analysis.flows.case import asked_of, case_of
from lab.analysis.flows.flow import follow
from lab.analysis.values import Hop, Outcome, Owner
from lab.batch.runs.one import Judged, judged
from lab.evidence import names
from lab.evidence.lines import read_headed
from lab.evidence.reading import read
from lab.evidence.recording import Recording
from lab.rig.standing.lab import Machine
from tests.e2e.conftest import Runner, scenario, standing

pytestmark = pytest.mark.e2e

ROOT = Path(__file__).parents[2]
TWENTY = scenario("  ", duration="10s").replace("{publisher: {}", "{publisher: {up: {loss: 20%}}")
FAULT = 'expect: {unexplained_frames: "== 0", verdict: CODE/client}'


@pytest.fixture(scope="module")
def lab(here: Machine) -> Iterator[Runner]:
    """Return what runs scenarios of the usual topology: publisher and subscriber, a bump each."""
    with standing(here, scenario("")) as run:
        yield valid(run)


def valid(run: Runner) -> Runner:
    """Run again, twice at most, what this noisy machine made void; a void run says nothing about the product."""

    def again(text: str) -> Judged:
        for _ in range(2):
            done = run(text)
            if done.verdict.outcome is not Outcome.VOID:
                return done
        return run(text)

    return again


def hop(done: Judged, name: str) -> Hop:
    """Return one row of the only flow's ledger."""
    (flow,) = done.verdict.flows
    return next(row for row in flow.hops if row.name == name)


def rtp_ordinals_lost_on_uplink(recording: Recording) -> list[int]:
    """Return which of the publisher's RTP packets, counted from the impairment's command, did not cross its uplink.

    Not from its read-back: before that comes it is in force, and may have dropped.
    """
    ip = next(client.address for client in recording.clients if client.name == "publisher")
    number = int.from_bytes(bytes(map(int, ip.split("."))), "big")
    since = next(step.from_ns for step in recording.steps if step.name == "impair")

    def sequence(place: str) -> list[int]:
        packets = next(t.packets for t in recording.taps if t.place == place and t.client == "publisher")
        mine = packets[(packets["src"] == number) & (packets["kind"] == 1) & (packets["t_ns"] > since)]
        return [int(value) for value in mine["seq"]]

    arrived = set(sequence("inner"))
    return [ordinal for ordinal, seq in enumerate(sequence("edge")) if seq not in arrived]


def test_a_clean_lab_loses_nothing(lab: Runner) -> None:
    """Nothing lost at any hop, nothing unexplained: what later runs lose is not the lab's own."""
    done = lab(scenario(""))
    assert (done.verdict.outcome, done.verdict.owner) == (Outcome.PASS, Owner.NONE), done.text(120)
    (flow,) = done.verdict.flows
    assert (flow.frames.made, flow.frames.lost, flow.frames.unexplained) == (400, 0, 0)
    assert [hop(done, name).packets_dropped for name in ("uplink", "server", "downlink")] == [0, 0, 0]


def test_twenty_percent_is_the_networks_and_counted_to_the_packet(lab: Runner) -> None:
    """The tap before the bump is what the kernel sent and dropped; the loss is what was asked (99.9 % band)."""
    done = lab(TWENTY)
    assert (done.verdict.outcome, done.verdict.owner) == (Outcome.PASS, Owner.UPLINK), done.text(120)
    uplink = hop(done, "uplink")
    assert uplink.undecided == ""
    assert uplink.packets_in is not None
    assert uplink.packets_dropped is not None
    assert abs(uplink.packets_dropped - 0.2 * uplink.packets_in) < 3.29 * (uplink.packets_in * 0.16) ** 0.5
    assert uplink.causes == {"random": uplink.packets_dropped}


def test_the_same_seed_drops_the_same_packets(here: Machine) -> None:
    """With `impair_only: rtp` no stranger draws, so the lost packets are the same in two runs, counted from the first.

    (Which packet met the change itself is decided within the few milliseconds that the change takes.)
    """
    text = TWENTY.replace("media: {duration: 10s", "impair_only: rtp\nmedia: {duration: 4s")
    with standing(here, text) as run:
        first, second = (rtp_ordinals_lost_on_uplink(read(run(text).folder)) for _ in range(2))
    patterns = [[n - lost[0] for n in lost if n - lost[0] < 170] for lost in (first, second)]
    assert patterns[0] == patterns[1]
    assert len(patterns[0]) > 10


def test_stalls_are_the_clients(lab: Runner) -> None:
    """Three stalls of 400 ms, pushed 60 ms ahead, leave holes of about 340 ms each, and both links are clean."""
    done = lab(scenario("inject: [{stall: {client: publisher, length: 400ms, times: 3}}]\n").replace(*_expect()))
    (flow,) = done.verdict.flows
    assert (done.verdict.outcome, done.verdict.owner) == (Outcome.PASS, Owner.CLIENT), done.text(120)
    assert flow.damage[Owner.CLIENT] == pytest.approx(3 * 340 / 8000, abs=0.006)
    assert [hop(done, name).packets_dropped for name in ("uplink", "downlink")] == [0, 0]


def test_skips_are_the_clients(lab: Runner) -> None:
    """Every 20th frame never pushed is five points of damage at the first hop, and nothing anywhere else.

    The window begins with the first frame sent after the impairment was confirmed, which may be one before the first
    that the fault counts: of 20 skipped the last is then behind it.
    """
    done = lab(scenario("inject: [{skip: {client: publisher, every: 20}}]\n").replace(*_expect()))
    assert (done.verdict.outcome, done.verdict.owner) == (Outcome.PASS, Owner.CLIENT), done.text(120)
    case = case_of(read(done.folder), asked_of(read(done.folder)))
    measured = follow(case.scene, *case.scene.pairs[0], case.times, case.links).window
    log = read_headed(done.folder / names.client("publisher", "injected.jsonl"), "injected").lines
    skipped = [line.fields["frame"] for line in log if measured.first <= line.fields["frame"] < measured.end]
    assert hop(done, "push").frames_lost == len(skipped)
    assert len(skipped) in (19, 20)
    assert [hop(done, name).packets_dropped for name in ("uplink", "downlink")] == [0, 0]


def test_a_queue_that_overflows_is_told_from_chance(lab: Runner) -> None:
    """A link narrower than the stream drops at its queue, and the counter of that queue says so."""
    done = lab(scenario("").replace("{publisher: {}", "{publisher: {up: {rate: 60kbit, queue: 300ms}}"))
    uplink = hop(done, "uplink")
    assert set(uplink.causes) == {"queue"}, done.text(120)
    assert uplink.packets_dropped == uplink.causes["queue"] > 100


def test_judging_again_gives_the_same_bytes(lab: Runner) -> None:
    """A recording is judged from its evidence alone: on disk, twice, byte for byte."""
    done = lab(TWENTY)
    assert judged(done.folder).json == done.json == (done.folder / "derived/verdict.json").read_text()


def test_no_secret_is_written_anywhere(lab: Runner) -> None:
    """No access token, no key: not in logs, not in the manifest, not in anything else of the run folder."""
    done = lab(scenario("", duration="2s"))
    kept = {path: _without_audio(path) for path in done.folder.rglob("*") if path.is_file()}
    guilty = [path for path, content in kept.items() if b"eyJ" in content or b"lab-secret-" in content]
    assert guilty == []


def _without_audio(path: Path) -> bytes:
    """Return the file, or nothing for captures (which hold the signalling of the lab in clear) and samples."""
    return b"" if path.suffix in {".pcap", ".pcm"} else path.read_bytes()


def _expect() -> tuple[str, str]:
    return 'expect: {unexplained_frames: "== 0", audio_loss: "<= network + 1%"}', FAULT


def test_two_listeners_have_two_ledgers(here: Machine) -> None:
    """One publisher, two subscribers on different links: each flow is charged with its own link's loss alone."""
    text = """
version: 1
name: two
media: {duration: 8s}
clients: {publisher: {role: publisher}, near: {role: subscriber}, far: {role: subscriber}}
links: {publisher: {}, near: {}, far: {down: {loss: 20%}}}
expect: {unexplained_frames: "== 0", audio_loss: "<= network + 1%"}
"""
    with standing(here, text) as run:
        done = valid(run)(text)
    flows = {flow.subscriber: flow for flow in done.verdict.flows}
    assert set(flows) == {"near", "far"}
    dropped = {name: next(h.packets_dropped for h in flow.hops if h.name == "downlink") for name, flow in flows.items()}
    assert dropped["near"] == 0, done.text(120)
    assert dropped["far"] is not None
    assert 40 < dropped["far"] < 130
    assert np.isclose(flows["near"].damage.get(Owner.DOWNLINK, 0), 0)


def shipped(name: str, duration: str) -> str:
    """Return a scenario of the gallery, with less media."""
    text = (ROOT / "scenarios" / f"{name}.yaml").read_text()
    return f"{text}\nname: {name.split('/')[-1]}\nmedia: {{duration: {duration}}}\n"


def test_others_fill_the_queue(here: Machine) -> None:
    """Competing traffic through the same queue: it drops our packets, chance a few; the kernel tells which."""
    text = shipped("congested", "8s")
    with standing(here, text) as run:
        done = valid(run)(text)
    assert done.verdict.outcome is not Outcome.VOID, done.text(120)
    uplink = hop(done, "uplink")
    assert uplink.undecided == ""
    assert uplink.causes["queue"] > 0
    assert sum(uplink.causes.values()) == uplink.packets_dropped
    assert done.verdict.owner in (Owner.UPLINK, Owner.NONE)


def test_a_blackout_begins_and_ends_on_time(lab: Runner) -> None:
    """A timeline takes the link down for a second: 50 packets, by their own counter, within 200 ms of the time."""
    cut = "{at: %ds, links: {publisher: {up: {outage: %s}}}}"
    done = lab(scenario(f"timeline: [{cut % (3, 'true')}, {cut % (4, 'false')}]\n"))
    uplink = hop(done, "uplink")
    assert set(uplink.causes) == {"outage"}, done.text(120)
    assert uplink.packets_dropped == pytest.approx(50, abs=10)
    steps = {step.name: step for step in read(done.folder).steps}
    late = [steps[name].to_ns - (steps[name].due_ns or 0) for name in ("change-1", "change-2")]
    assert max(late) < 200_000_000


def test_a_firewall_that_drops_udp_is_a_verdict(here: Machine) -> None:
    """No media ever: not a crash, not an endless wait, but the link that STUN entered and did not leave."""
    text = shipped("udp-blocked", "8s")
    with standing(here, text) as run:
        done = run(text)
    assert (done.verdict.outcome, done.verdict.owner) == (Outcome.PASS, Owner.CONNECT), done.text(120)
    (flow,) = done.verdict.flows
    assert flow.frames.made is None


def test_a_starved_server_is_never_the_networks_fault(here: Machine) -> None:
    """One percent of a core for three listeners: at least two points of damage, all of it the server's load."""
    text = shipped("code/server-starved", "8s")
    with standing(here, text) as run:
        done = valid(run)(text)
    assert done.verdict.owner in (Owner.LOAD, Owner.SERVER), done.text(120)
    assert all(sum(flow.damage.values()) > 0.02 for flow in done.verdict.flows)
