"""Lanes: side by side for real, each cell once, labs kept for the cells they are fit for, and every end a clean one."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lab.batch.crews.crew import Attempt, Finish, Recorder
from lab.batch.crews.fidelity import Fidelity
from lab.batch.crews.lanes import Lanes
from lab.batch.crews.turns import Turn, Turns
from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.errors import LeftoverError, StorageError
from tests.fakes.sweeps import FakeRuns, laid, planned, swept


class FirstVoid(FakeRuns):
    """Runs of which the first ones are void through the machine."""

    def __init__(self, void: int) -> None:
        """Let so many of them be void."""
        super().__init__()
        self.void = void

    def __call__(self, cell: Cell, folder: Path) -> Attempt:
        """Make a run of `cell` in `folder`."""
        failed = ("pacer",) if self.made.total() < self.void else ()
        return replace(super().__call__(cell, folder), failed=failed)


@dataclass
class FakeLabs:
    """Opens lanes that make fake runs: counts labs, how many were recording at once, and what was loud beside them."""

    runs: FakeRuns = field(default_factory=FakeRuns)
    together: int = 1
    labs: list[str] = field(default_factory=list)
    begun: int = 0
    recording: int = 0
    most: int = 0
    measuring: int = 0
    disturbed: int = 0
    closed: int = 0
    fails: BaseException | None = None
    left: bool = False
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        """Let the first runs wait for each other: as many as there should be at once."""
        self.met = threading.Barrier(self.together)

    @contextmanager
    def open(self, turn: Turn) -> Iterator[Recorder]:
        """Open a lane."""
        host = ""

        def record(cell: Cell, folder: Path) -> Finish:
            nonlocal host
            with self.lock:
                self.disturbed += bool(self.measuring)
                if cell.host != host:
                    host = cell.host
                    self.labs.append(host)
                self.begun += 1
                self.recording += 1
                self.most = max(self.most, self.recording)
                first = self.begun <= self.together
            if first:
                self.met.wait(10)
            if self.fails:
                raise self.fails
            with turn:
                attempt = self._measured(cell, folder)
            with self.lock:
                self.disturbed += bool(self.measuring)
                self.recording -= 1
            return lambda: attempt

        yield record
        with self.lock:
            self.disturbed += bool(self.measuring)
            self.closed += 1
        if self.left:
            raise LeftoverError("a network stays")

    def _measured(self, cell: Cell, folder: Path) -> Attempt:
        """Make the run, in two steps that let others who may begin now do so."""
        with self.lock:
            self.measuring += 1
        threading.Event().wait(0.001)
        with self.lock:
            self.measuring -= 1
            return self.runs(cell, folder)


def run(folder: Path, labs: FakeLabs, lanes: int | None, notes: list[str] | None = None) -> Lanes:
    """Run the sweep in `folder` on so many lanes; return them."""
    with Lanes(
        labs.open, Fidelity(lanes), (notes if notes is not None else []).append, Turns(apart_s=0.0, first_apart_s=0.0)
    ) as crew:
        done = swept(folder, crew)
    assert done.missing() == ()
    return crew


def two_hosts(tmp_path: Path) -> Plan:
    """Return a plan whose cells alternate between two labs, in two repetitions."""
    plan = planned(tmp_path, axis="links.publisher.up.loss=0%,1%,2%,3%", repeat=2)
    cells = tuple(replace(cell, host=f"{cell.host}# {place % 2}\n") for place, cell in enumerate(plan.cells))
    return replace(plan, cells=cells)


def test_runs_are_made_side_by_side_and_each_once(tmp_path: Path) -> None:
    """Three lanes: the first three runs are under way at once, or the barrier would break."""
    plan = planned(tmp_path, axis="links.publisher.up.loss=0%..9%/1%")
    labs = FakeLabs(together=3)
    run(laid(plan, tmp_path / "sweep"), labs, 3)
    assert labs.runs.made == Counter(cell.id for cell in plan.cells)
    assert (labs.most, labs.closed) == (3, 3)


def test_nobody_changes_a_lab_while_another_lane_measures(tmp_path: Path) -> None:
    """Four lanes, two kinds of labs, void runs that are made again and take lanes away: not once."""
    labs, notes = FakeLabs(together=4, runs=FirstVoid(2)), []
    run(laid(two_hosts(tmp_path), tmp_path / "sweep"), labs, 4, notes)
    assert (labs.disturbed, labs.most, len(notes)) == (0, 4, 1)


def test_cells_of_one_length_are_measured_side_by_side(tmp_path: Path) -> None:
    """While a short cell is under way, the next short one comes before a long one; a long one where none is left."""
    cells = planned(tmp_path, axis="media.duration=4s,5s").cells
    short, long = sorted(cells, key=lambda cell: cell.scenario.media.whole_ms)
    short_too = replace(short, id="another")
    crew, busy = Lanes(FakeLabs().open, Fidelity(2), lambda _: None), _Lane("", short.scenario.media.whole_ms)
    crew._lanes = [busy, _Lane("")]  # type: ignore[list-item]
    assert crew.choose([long, short_too]) is long
    busy.idle = False
    assert crew.choose([long, short_too]) is short_too
    assert crew.choose([long]) is long


def test_a_lane_that_dies_holds_no_other_up(tmp_path: Path) -> None:
    """One lane waits for the other to be ready; that one fails, and all end with what it failed of."""
    labs = FakeLabs()
    waits = threading.Event()

    @contextmanager
    def opened(turn: Turn) -> Iterator[Recorder]:
        def record(cell: Cell, folder: Path) -> Finish:
            if not labs.begun:
                labs.begun = 1
                waits.wait(10)
                raise StorageError("no room")
            waits.set()
            with turn:
                return lambda: labs.runs(cell, folder)

        yield record

    with pytest.raises(StorageError, match="no room"), Lanes(opened, Fidelity(2), lambda _: None) as crew:
        swept(laid(planned(tmp_path), tmp_path / "sweep"), crew)
    assert not [thread for thread in threading.enumerate() if thread.name == "lane"]


def test_one_lane_uses_one_lab_for_all_cells_of_a_host(tmp_path: Path) -> None:
    """And another lab only when no cell of the repetition is left that fits: three changes, not seven."""
    labs = FakeLabs()
    plan = two_hosts(tmp_path)
    folder = laid(plan, tmp_path / "sweep")
    run(folder, labs, 1)
    assert len(labs.labs) == 3
    first, second = plan.cells[:4], plan.cells[4:]
    assert set(list(labs.runs.made)[:4]) == {cell.id for cell in first}
    assert set(list(labs.runs.made)[4:]) == {cell.id for cell in second}


def test_two_lanes_keep_a_lab_each(tmp_path: Path) -> None:
    """Of two kinds of cells each takes one kind; no lab is built a second time but for the last ones."""
    labs = FakeLabs(together=2)
    run(laid(two_hosts(tmp_path), tmp_path / "sweep"), labs, 2)
    assert len(set(labs.labs[:2])) == 2


def test_void_runs_end_a_lane_while_the_sweep_goes_on(tmp_path: Path) -> None:
    """Two void runs on two lanes: one is taken down, and that is said once."""
    plan = planned(tmp_path, axis="links.publisher.up.loss=0%..9%/1%")
    labs, notes = FakeLabs(runs=FirstVoid(2)), []
    run(laid(plan, tmp_path / "sweep"), labs, 2, notes)
    assert [note.partition(":")[0] for note in notes] == ["a lane is taken away, one lane left"]
    assert labs.closed == 2


def test_a_bad_round_ends_one_lane(tmp_path: Path) -> None:
    """Four lanes begin together, and all four runs are void: the verdicts of the last two say nothing about three."""
    plan = planned(tmp_path, axis="links.publisher.up.loss=0%..9%/1%")
    labs, notes = FakeLabs(together=4, runs=FirstVoid(4)), []
    run(laid(plan, tmp_path / "sweep"), labs, 4, notes)
    assert [note.partition(":")[0] for note in notes] == ["a lane is taken away, 3 lanes left"]


def test_what_cannot_be_stored_ends_all_lanes_and_is_raised(tmp_path: Path) -> None:
    """In the thread of the sweep; every lane is closed before."""
    plan = planned(tmp_path, axis="links.publisher.up.loss=0%..9%/1%")
    labs = FakeLabs(fails=StorageError("no room"))
    with pytest.raises(StorageError, match="no room"):
        run(laid(plan, tmp_path / "sweep"), labs, 2)
    assert not [thread for thread in threading.enumerate() if thread.name == "lane"]


def test_what_is_left_behind_is_noted_and_counted_and_hides_nothing(tmp_path: Path) -> None:
    """The sweep is whole; the exit code will say it."""
    labs, notes = FakeLabs(left=True), []
    crew = run(laid(planned(tmp_path), tmp_path / "sweep"), labs, 2, notes)
    assert crew.leftovers == len(notes) == labs.closed
    assert set(notes) == {"a network stays"}


def test_a_run_under_way_is_told_when_all_is_over(tmp_path: Path) -> None:
    """The sweep fails in its own thread while a lane records: the lane hears of it and ends."""
    plan = planned(tmp_path)
    heard = threading.Event()

    @contextmanager
    def opened(turn: Turn) -> Iterator[Recorder]:
        def record(cell: Cell, folder: Path) -> Finish:
            started.set()
            while not turn.over():
                threading.Event().wait(0.001)
            heard.set()
            return lambda: Attempt(outcome="ERROR", why="over", exit_code=4)

        yield record

    def failing() -> None:
        with Lanes(opened, Fidelity(1), lambda _: None) as crew:
            crew.begin(crew.choose(plan.cells) or plan.cells[0], tmp_path / "run")
            started.wait(10)
            raise ZeroDivisionError

    started = threading.Event()
    with pytest.raises(ZeroDivisionError):
        failing()
    assert heard.is_set()


class _Lane:
    """An idle lane with a lab, or none, that notes what it is given."""

    idle = True

    def __init__(self, host: str, length_ms: int = 0) -> None:
        """Have the lab `host`."""
        self.host, self.length_ms, self.given = host, length_ms, 0

    def give(self, _cell: Cell, _folder: Path) -> None:
        """Count."""
        self.given += 1


@pytest.mark.parametrize(
    ("hosts", "taken"), [(("other", "", "its own"), 2), (("other", ""), 1), (("other", "another"), 0)]
)
def test_a_cell_goes_to_its_lab_then_to_a_lane_without_one(tmp_path: Path, hosts: tuple[str, ...], taken: int) -> None:
    """A lab that is fit for others is given up last."""
    crew, lanes = Lanes(FakeLabs().open, Fidelity(1), lambda _: None), [_Lane(host) for host in hosts]
    crew._lanes = lanes  # type: ignore[assignment]
    crew.begin(replace(planned(tmp_path).cells[0], host="its own"), tmp_path)
    assert [lane.given for lane in lanes] == [int(place == taken) for place in range(len(lanes))]
