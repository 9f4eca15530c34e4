"""The media phase: an answered watch, dead programs, and one formula for how long it may take."""

from __future__ import annotations

import threading
from contextlib import nullcontext, suppress
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.errors import ClientFailed, EnvironmentFault, Interrupted
from lab.evidence import names
from lab.evidence.steps import StepState
from lab.rig import session
from lab.rig.bump.network import Network
from lab.rig.layout import lifetime
from lab.rig.process.watch import Progress
from lab.rig.programs import clients, ending
from lab.rig.surroundings import Surroundings
from lab.scenario.model import Background, Change, Client, Impairment, Limits, Scenario
from tests.fakes.engine import FakeEngine
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))
BLOATED = replace(PLAIN, links=(replace(link("a"), up=Impairment(rate_bps=64_000, queue_bytes=4_000_000)),))
"""Its queue takes 500 s to send when it is full."""
BUSY = link("a", background=Background(rate_bps=1))


class Clock:
    """CLOCK_MONOTONIC that sleeping alone advances."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.now_s = 100.0
        monkeypatch.setattr("time.monotonic", lambda: self.now_s)
        monkeypatch.setattr("time.monotonic_ns", lambda: int(self.now_s * 1e9))
        monkeypatch.setattr("time.sleep", self.sleep)

    def sleep(self, seconds: float) -> None:
        """Pass the time."""
        self.now_s += seconds


class Quiet:
    """A network and traffic that note what was asked of them."""

    def __init__(self) -> None:
        self.impaired = 0
        self.looked = 0
        self.in_force: dict[Any, Any] = {}

    def impair(self) -> None:
        """Note it."""
        self.impaired += 1

    def follow(self, _: object) -> None:
        """Send nothing."""

    def emptying(self) -> Any:
        """Never be empty."""
        return lambda: False

    def timeline(self) -> tuple[Change, ...]:
        """Nothing changes."""
        return ()

    def check_alive(self) -> None:
        """Note it."""
        self.looked += 1


class Idle:
    """A crowd and an injector that do nothing."""

    def begin(self) -> None:
        """Begin with nothing."""

    def check_alive(self) -> None:
        """Live."""


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    """Give a clock, and clients that are always alive."""
    monkeypatch.setattr(clients, "check_alive", lambda *_: None)
    return Clock(monkeypatch)


def stage(tmp_path: Path, watch: Any, asked: Scenario = PLAIN) -> tuple[session._Stage, Quiet]:
    """Return the stage of a run with one publisher that never says that it has pushed all."""
    quiet, folder = Quiet(), run_folder(tmp_path, asked)
    publisher: Any = SimpleNamespace(client=Client(name="a", role="publisher"), events=list, folder=tmp_path)
    made = session._Stage(
        lab=on_fake(FakeEngine(), tmp_path, asked),
        scenario=asked,
        joined=(publisher,),
        around=Surroundings(
            taps=quiet,  # type: ignore[arg-type]
            network=quiet,  # type: ignore[arg-type]
            witnesses=SimpleNamespace(ticking=lambda: None),  # type: ignore[arg-type]
            traffic=quiet,  # type: ignore[arg-type]
            crowd=Idle(),  # type: ignore[arg-type]
        ),
        injector=Idle(),  # type: ignore[arg-type]
        folder=folder,
        room="r",
        watch=watch,
        counts=SimpleNamespace(read=tuple),  # type: ignore[arg-type]
    )
    return made, quiet


def test_counters_are_offered_only_while_nothing_is_due(tmp_path: Path, clock: Clock) -> None:
    """Reading them takes a moment, and at a window's end every moment counts; before the media nobody reads any."""
    seen: list[Progress] = []

    def watch(moment: Progress) -> bool:
        seen.append(moment)
        return False

    made, _ = stage(tmp_path, watch)
    made.until(int((clock.now_s + 2) * 1e9), "control")
    assert {one.counts for one in seen} == {None}
    seen.clear()
    made.until(int((clock.now_s + 2) * 1e9), "media")
    assert {one.counts is not None for one in seen if (one.left_s or 0) > 2 * session.TICK_S} == {True}
    assert {one.counts is not None for one in seen if (one.left_s or 0) <= 2 * session.TICK_S} == {False}


@pytest.mark.parametrize(("enough_in", "windows"), [("settle", 0), ("control", 0), ("media", 1)])
def test_enough_ends_the_media_at_once(tmp_path: Path, clock: Clock, enough_in: str, windows: int) -> None:
    """In whatever window the watch says so: what there is is kept, the end is marked, the buffers drain."""
    seen: list[str] = []

    def watch(moment: Progress) -> bool:
        seen.append(moment.phase)
        return moment.phase == enough_in

    made, quiet = stage(tmp_path, watch)
    session._media(made)
    assert [*dict.fromkeys(seen)][-2:] == [enough_in, "drain"]
    assert seen.count(enough_in) == 1
    assert quiet.impaired == windows
    marks = made.folder.manifest.marks
    assert marks.enough_ns is not None
    assert marks.media_to_ns is not None


def test_programs_are_looked_after_all_the_time(tmp_path: Path, clock: Clock) -> None:
    """At each tick of settling and control: it asks no engine."""
    made, quiet = stage(tmp_path, lambda moment: moment.phase == "media")
    with suppress(session._Enough):
        session._windows(made, int(clock.now_s * 1e9))
    assert quiet.looked >= 5 / session.TICK_S


@pytest.mark.parametrize(("phase", "after_s"), [("settle", 0.5), ("media", 7), ("drain", 3600)])
def test_a_capture_that_dies_ends_the_run_at_once(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, phase: str, after_s: float
) -> None:
    """Within a tick, not at the end of the media, and while the buffers drain, too."""
    seen: list[str] = []
    made, _ = stage(tmp_path, lambda moment: seen.append(moment.phase) or False, BLOATED)
    began = clock.now_s

    def dead() -> None:
        if clock.now_s >= began + after_s or seen[-1:] == ["drain"]:
            raise EnvironmentFault("the capture core ended")

    made = replace(made, around=replace(made.around, taps=SimpleNamespace(check_alive=dead)))  # type: ignore[arg-type]
    with pytest.raises(EnvironmentFault, match="the capture core ended"):
        session._media(made)
    assert seen[-1] == phase
    assert clock.now_s - began <= after_s + session.TICK_S


def test_the_media_ends_with_its_window(tmp_path: Path, clock: Clock) -> None:
    """Not with the frames that a publisher makes beyond it: those are for changes that take long to be confirmed."""

    def watch(moment: Progress) -> bool:
        made_s = clock.now_s - began
        lines = ['{"format": 1}', *(f'{{"frame": {number}}}' for number in range(int(made_s * 50)))]
        (tmp_path / names.CLIENT_FRAMES).write_text("\n".join([*lines, ""]))
        return False

    made, _ = stage(tmp_path, watch)
    began, media = clock.now_s, PLAIN.media
    session._media(made)
    planned_s = (media.settle_ms + media.control_ms + media.duration_ms) / 1000
    assert planned_s <= clock.now_s - began - ending.DRAIN_S < planned_s + lifetime.TRANSITION_MS / 2000


def test_what_is_on_the_way_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    """Delay, jitter and a full queue of the slowest uplink and the slowest downlink, changes included."""
    up = Impairment(delay_ms=20, rate_bps=400_000, queue_bytes=10_000)
    down = Impairment(delay_ms=200, jitter_ms=50)
    later = Change(at_ms=100, client="a", direction="up", impairment=Impairment(delay_ms=1_000))
    slow = replace(PLAIN, links=(replace(link("a"), up=up), replace(link("b"), down=down)))
    assert lifetime.on_the_way_s(PLAIN) == 0
    assert lifetime.on_the_way_s(slow) == pytest.approx(0.22 + 0.4)
    assert lifetime.on_the_way_s(replace(slow, timeline=(later,))) == pytest.approx(1.0 + 0.4)
    made, _ = stage(tmp_path, lambda _: False, slow)
    began = clock.now_s
    made.drain()
    assert clock.now_s - began == pytest.approx(ending.DRAIN_S + 0.62, abs=ending.POLL_S)


def test_a_long_drain_is_looked_after(tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch) -> None:
    """A signal, which comes with the watch where no signal is heard, and a client's death end it at once."""
    told: list[float | None] = []

    def watch(moment: Progress) -> bool:
        told.append(moment.left_s)
        if clock.now_s > began + 2:
            raise Interrupted(15)
        return True

    made, _ = stage(tmp_path, watch, BLOATED)
    began = clock.now_s
    with pytest.raises(Interrupted):
        made.drain()
    assert (told[0], len(told)) == (pytest.approx(501), pytest.approx(2 / session.TICK_S, abs=2))
    assert 2 < clock.now_s - began < 2 + 2 * session.TICK_S

    def dead(_: object) -> None:
        raise ClientFailed("a died")

    monkeypatch.setattr(clients, "check_alive", dead)
    with pytest.raises(ClientFailed, match="a died"):
        made.drain()


def test_a_long_drain_ends_with_what_the_links_hold(tmp_path: Path, clock: Clock) -> None:
    """A queue of eight minutes in which there is hardly anything is not waited for."""
    made, _ = stage(tmp_path, lambda _: False, BLOATED)
    began = clock.now_s
    network: Any = SimpleNamespace(emptying=lambda: lambda: clock.now_s > began + 7)
    replace(made, around=replace(made.around, network=network)).drain()
    assert clock.now_s - began == pytest.approx(7, abs=2 * ending.POLL_S)


def test_frames_that_never_come_are_given_up_before_the_lab_is(tmp_path: Path, clock: Clock) -> None:
    """The wait ends, and says so, well before the lab's own deadline; what was made is evidence, and is kept."""
    said: list[str] = []
    made, _ = stage(tmp_path, lambda moment: said.append(moment.detail) or False)
    began = clock.now_s
    session._media(made)
    assert "a did not push all its frames in time; what it made is judged" in said
    assert made.folder.manifest.marks.enough_ns is not None
    assert clock.now_s - began < lifetime.lab_s(PLAIN) - lifetime.JOIN_S


@pytest.mark.parametrize(
    ("asked", "limits", "judged"),
    [(PLAIN, Limits(), False), (PLAIN, Limits(cpus=0.01), True), (replace(PLAIN, impair="from_start"), Limits(), True)],
)
def test_a_client_that_is_never_ready_is_evidence_where_the_scenario_may_be_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, asked: Scenario, limits: Limits, judged: bool
) -> None:
    """It was kept short, or the network was impaired first; else it is a failure, with its last words."""
    program = SimpleNamespace(fork=SimpleNamespace(said=lambda: "no route\n"))
    late: Any = SimpleNamespace(client=Client(name="a", role="publisher", limits=limits), program=program)
    monkeypatch.setattr(clients, "wait_for", lambda *_: (late,))
    folder = run_folder(tmp_path, asked)
    paced: list[bool] = []
    witnesses: Any = SimpleNamespace(pace=lambda: paced.append(True))
    with nullcontext() if judged else pytest.raises(ClientFailed, match=r"a was not ready within 25 s:\n.*no route"):
        assert session._all_hear(asked, (late,), folder, witnesses) is False
    assert paced == [True]
    assert folder.manifest.phases[-1].facts == {"ready": False}


def test_the_pacer_starts_between_connecting_and_hearing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, clock: Clock
) -> None:
    """Not while they connect, who need that CPU; but whoever never does has a witness of his machine too."""
    happened: list[object] = []

    def wait_for(joined: tuple[Any, ...], event: str, within_s: float) -> tuple[Any, ...]:
        happened.append((event, within_s))
        clock.sleep(1.5)
        return joined if event == "connected" else ()

    monkeypatch.setattr(clients, "wait_for", wait_for)
    witnesses: Any = SimpleNamespace(pace=lambda: happened.append("pace"))
    client: Any = SimpleNamespace(client=Client(name="a", role="publisher"))
    assert session._all_hear(PLAIN, (client,), run_folder(tmp_path, PLAIN), witnesses)
    assert happened == [("connected", session.SOON_S), "pace", ("ready", lifetime.JOIN_S - 1.5)]


def test_nothing_is_measured_before_the_pacer_ticks(tmp_path: Path, clock: Clock) -> None:
    """It is waited for between settling and the clean control."""
    phases: list[str] = []
    made, _ = stage(tmp_path, lambda moment: phases.append(moment.phase) or moment.phase == "control")
    ticking: Any = SimpleNamespace(ticking=lambda: phases.append("ticks"))
    with suppress(session._Enough):
        session._windows(replace(made, around=replace(made.around, witnesses=ticking)), int(clock.now_s * 1e9))
    assert [*dict.fromkeys(phases)] == ["settle", "ticks", "control"]


@pytest.mark.parametrize(("settle_ms", "waited"), [(2_000, []), (1_000, ["ticks"]), (0, ["ticks"])])
def test_who_settles_too_short_for_a_pacer_waits_for_it_first(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch, settle_ms: int, waited: list[str]
) -> None:
    """Publishers make no more frames than they were asked for, so nobody waits while they push."""
    happened: list[str] = []
    made, _ = stage(tmp_path, lambda _: True, replace(PLAIN, media=replace(PLAIN.media, settle_ms=settle_ms)))
    monkeypatch.setattr(clients, "release", lambda *_: happened.append("go"))
    ticking: Any = SimpleNamespace(ticking=lambda: happened.append("ticks"))
    session._media(replace(made, around=replace(made.around, witnesses=ticking)))
    assert happened[: happened.index("go")] == waited


def test_the_server_is_asked_while_the_last_frames_are_heard(
    tmp_path: Path, clock: Clock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """And its answer is there before anybody leaves."""
    waits, asked = threading.Event(), threading.Event()

    def keep_rooms(*_: object) -> None:
        assert waits.wait(10)
        asked.set()

    monkeypatch.setattr(session.server_words, "keep_rooms", keep_rooms)
    monkeypatch.setattr(ending.Ears, "wait", lambda *_: waits.set())
    made, _ = stage(tmp_path, lambda _: False)
    made.drain()
    assert asked.is_set()


def test_the_dice_are_those_of_the_recorded_scenario(tmp_path: Path) -> None:
    """A lab built with one seed records another scenario with that one's, from its first clean state on."""
    seeds: list[int] = []

    def apply(name: str, *_: object) -> StepState:
        seeds.append(bump.seed)
        return StepState(name=name, due_ns=None, from_ns=0, to_ns=0, directions=())

    bump: Any = SimpleNamespace(seed=1, apply=apply)
    asked = replace(PLAIN, seed=99)
    network = Network(bump, asked, run_folder(tmp_path, asked)).__enter__()
    network.impair()
    assert seeds == [99, 99]
