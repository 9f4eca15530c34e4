"""The crew behind a scheduler, with a scheduler and a clock that the test moves: who is given what, and who no more."""

from __future__ import annotations

import errno
import pickle
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from lab.batch.crews.crew import Attempt, Done
from lab.batch.folders import committed
from lab.batch.folders.journal import ERROR
from lab.batch.folders.parcel import Parcel, pack
from lab.batch.plans.cells import Cell
from lab.batch.plans.plan import Plan
from lab.batch.remote import cluster as of_cluster
from lab.batch.remote import orders
from lab.batch.remote.cluster import AHEAD, MOST_TRIES, Cluster
from lab.batch.remote.orders import Answer, Offers, Order
from lab.errors import EnvironmentFault, StorageError
from lab.evidence import names
from lab.evidence.durable import storing
from lab.rig.layout.lifetime import lab_s
from tests.fakes.sweeps import FakeRuns, planned

IMAGES = {"router": "sha256:1", "server v1": "sha256:2"}
FAILED = Attempt(outcome=ERROR, why="no engine", exit_code=4)


@dataclass(kw_only=True)
class Sent:
    """What a worker was given; the test has it answer."""

    worker: str
    order: Order
    done: Callable[[], None]
    data: bytes | None = None
    dropped: bool = False

    def result(self) -> bytes:
        """Return the answer. RuntimeError when there was none."""
        if self.data is None:
            raise RuntimeError("KilledWorker: it died")
        return self.data

    def drop(self) -> None:
        """Note it."""
        self.dropped = True

    def answer(self, answer: Answer | None) -> None:
        """Answer; None: come to an end without."""
        self.data = None if answer is None else pickle.dumps(answer)
        self.done()


@dataclass
class Fake:
    """A `Carrier`, and a clock; with `lost`, the scheduler is gone."""

    slots: dict[str, int] = field(default_factory=lambda: {"a": 1, "b": 1})
    others: dict[str, str] = field(default_factory=dict)
    lost: bool = False
    address: str = "tcp://s:1"
    sent: list[Sent] = field(default_factory=list)
    now_s: float = 0.0

    def offers(self) -> Offers:
        """Say who is there."""
        if self.lost:
            raise EnvironmentFault("the scheduler is gone")
        return Offers(slots=dict(self.slots), others=dict(self.others))

    def send(self, key: str, data: bytes, worker: str, done: Callable[[], None]) -> Sent:
        """Keep it."""
        told: list[Order] = []
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(orders, "_offered", lambda order: told.append(order) or Answer())
            pickle.loads(data)
        self.sent.append(Sent(worker=worker, order=told[0], done=done))
        return self.sent[-1]

    def last(self, cell: Cell) -> Sent:
        """Return what was sent last for `cell`."""
        return next(sent for sent in reversed(self.sent) if sent.order.cell.id == cell.id)


@dataclass
class Case:
    """A cluster with its scheduler, and a plan."""

    fake: Fake
    crew: Cluster
    plan: Plan
    work: Path
    notes: list[str]

    def begin(self, cell: Cell) -> Sent:
        """Have `cell` made."""
        assert self.crew.choose([cell]) == cell
        self.crew.begin(cell, self.folder(cell))
        return self.fake.last(cell)

    def folder(self, cell: Cell) -> Path:
        """Return where its run is to be."""
        return self.work / "sweep" / cell.id / "run"

    def made(self, cell: Cell) -> Answer:
        """Return the answer of a worker that did its work."""
        place = self.work / f"made-{cell.id}-{len(list(self.work.iterdir()))}" / "run"
        attempt = FakeRuns()(cell, place)
        return Answer(attempt=attempt, parcel=pack(place))

    def later(self, seconds: float = 1.0) -> Done | None:
        """Let time pass, and listen."""
        self.fake.now_s += seconds
        return self.crew.ended()


@pytest.fixture
def case(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Case:
    """Return a cluster of two workers with one slot each."""
    monkeypatch.setattr(of_cluster, "LOOK_S", 0.0)
    fake, notes = Fake(), list[str]()
    plan = planned(tmp_path / "plan", "links.publisher.up.loss=0%,1%,2%,3%,4%,5%")
    crew = Cluster(fake, IMAGES, notes.append, lambda: fake.now_s)
    (tmp_path / "work" / "sweep").mkdir(parents=True)
    return Case(fake=fake, crew=crew, plan=plan, work=tmp_path / "work", notes=notes)


def test_an_order_says_everything_a_worker_must_know(case: Case) -> None:
    """The cell, the run's name, the sweep's images; bytes that any Python can hold without lab."""
    cell = case.plan.cells[0]
    sent = case.begin(cell)
    assert (sent.order.cell, sent.order.run, sent.order.images) == (cell, "run", IMAGES)


def test_a_run_that_arrived_is_where_it_belongs(case: Case) -> None:
    """Its folder is whole, and the attempt is the worker's word."""
    cell = case.plan.cells[0]
    case.begin(cell).answer(case.made(cell))
    done = case.later()
    assert done is not None
    assert (done.cell, done.attempt.outcome) == (cell, "PASS")
    assert (case.folder(cell) / "manifest.json").exists()


def test_slots_are_filled_first_and_nobody_has_more_than_one_ahead(case: Case) -> None:
    """Idle workers first, then whoever has fewer orders; near the end nobody has one ahead: another may be faster."""
    waiting = list(case.plan.cells)
    begun = 0
    while cell := case.crew.choose(waiting):
        waiting.remove(cell)
        case.crew.begin(cell, case.folder(cell))
        begun += 1
    workers = [sent.worker for sent in case.fake.sent]
    assert sorted(workers[:2]) == ["a", "b"]
    assert begun == 2 * (1 + AHEAD)
    assert sorted(workers) == ["a", "a", "b", "b"]
    assert len(waiting) == 2
    first = case.fake.sent[0]
    first.answer(case.made(first.order.cell))
    assert case.later() is not None
    assert case.crew.choose(waiting) is None


def test_cells_of_one_lab_go_to_the_worker_that_has_it(case: Case) -> None:
    """Taking a lab down and building another takes longer than choosing."""
    one, *others = case.plan.cells
    other = replace(others[0], host="another lab")
    same = replace(others[1], host="another lab")
    case.begin(one)
    sent = case.begin(other)
    for each in case.fake.sent:
        each.answer(case.made(each.order.cell))
        assert case.later() is not None
    assert case.crew.choose([one, same]) in (one, same)
    assert case.begin(same).worker == sent.worker


def test_what_a_dead_worker_had_another_makes(case: Case) -> None:
    """At the next look; what it still says does not count."""
    cell = case.plan.cells[0]
    sent = case.begin(cell)
    del case.fake.slots[sent.worker]
    assert case.later() is None
    again = case.fake.last(cell)
    assert (again.worker != sent.worker, sent.dropped) == (True, True)
    sent.answer(case.made(cell))
    assert case.later() is None
    again.answer(case.made(cell))
    assert case.later() is not None
    assert len(case.fake.sent) == 2
    assert f"worker {sent.worker}: it is gone" in case.notes


def test_what_a_silent_worker_had_another_makes(case: Case) -> None:
    """It is told; once it is heard of again it is used again, whatever it had."""
    cell, *others = case.plan.cells
    sent = case.begin(cell)
    del case.fake.slots[sent.worker]
    case.fake.others = {sent.worker: "not heard of for 60 s"}
    assert case.later() is None
    assert case.fake.last(cell).worker != sent.worker
    case.fake.slots[sent.worker], case.fake.others = 1, {}
    assert case.later() is None
    silent, again = [f"worker {sent.worker}: {what}" for what in ("not heard of for 60 s", "1 lab slot")]
    assert case.notes[2:] == [silent, f"worker {sent.worker}: it is silent", again]
    case.fake.last(cell).answer(case.made(cell))
    assert case.later() is not None
    assert {case.begin(other).worker for other in others[:2]} == {"a", "b"}


def test_nobody_is_blamed_for_a_scheduler_that_is_gone(case: Case) -> None:
    """What was under way comes to nothing with it, a moment before anybody looks who is there."""
    case.fake.slots = {"a": 2}
    for cell in case.plan.cells[:2]:
        case.begin(cell)
    case.crew._looked_s = float("inf")
    case.fake.lost = True
    case.fake.sent[0].answer(None)
    with pytest.raises(EnvironmentFault, match="the scheduler is gone"):
        case.later()
    assert case.notes == ["worker a: 2 lab slots"]


def test_a_worker_that_hangs_is_given_nothing_more(case: Case) -> None:
    """After twice the time that a lab may live and the time for images; not before."""
    cell = case.plan.cells[0]
    sent = case.begin(cell)
    limit_s = (1 + AHEAD) * lab_s(cell.scenario) + of_cluster.IMAGES_S
    assert case.later(limit_s - 1.0) is None
    assert len(case.fake.sent) == 1
    assert case.later(2.0) is None
    assert case.fake.last(cell).worker != sent.worker
    assert f"worker {sent.worker}: it has not answered for too long; it is given nothing more" in case.notes


def test_an_attempt_that_fails_everywhere_is_the_cells_own(case: Case) -> None:
    """It was tried by each worker once; neither of them is blamed."""
    cell = case.plan.cells[0]
    case.begin(cell).answer(Answer(attempt=FAILED))
    assert case.later() is None
    case.fake.last(cell).answer(Answer(attempt=FAILED))
    done = case.later()
    assert done is not None
    assert done.attempt == FAILED
    assert [sent.worker for sent in case.fake.sent] in (["a", "b"], ["b", "a"])
    assert not any("no engine" in note for note in case.notes)
    case.begin(case.plan.cells[1])


def test_who_failed_at_what_another_made_is_in_trouble(case: Case) -> None:
    """While that is open it gets nothing, if another can; after the second time nothing ever."""
    for cell in case.plan.cells[:2]:
        sent = case.begin(cell)
        assert sent.worker == "a"
        sent.answer(Answer(attempt=FAILED))
        assert case.later() is None
        other = case.fake.last(cell)
        assert other.worker == "b"
        assert case.crew.choose(case.plan.cells[3:4]) is None
        other.answer(case.made(cell))
        assert case.later() is not None
    assert case.notes[-2:] == ["worker a: no engine", "worker a: no engine; it is given nothing more"]
    assert case.begin(case.plan.cells[2]).worker == "b"


def test_a_run_that_is_made_makes_up_for_a_trouble(case: Case) -> None:
    """Only two troubles in a row put a worker out: now and then something goes wrong everywhere."""
    case.fake.slots = {"a": 1}
    for cell in case.plan.cells:
        case.begin(cell).answer(None)
        assert case.later() is None
        case.fake.last(cell).answer(case.made(cell))
        assert case.later() is not None
    assert case.notes[1:] == ["worker a: KilledWorker: it died"] * len(case.plan.cells)


@pytest.mark.parametrize("broken", ["bytes", "name", "unsealed", "no manifest", "nothing", "nonsense", "death"])
def test_what_does_not_verify_is_made_elsewhere(case: Case, broken: str) -> None:
    """Whatever a worker sends instead of a whole run, nothing of it stays."""
    cell = case.plan.cells[0]
    sent, good = case.begin(cell), case.made(cell)
    pieces = good.parcel.pieces
    wrong = {
        "bytes": Parcel(pieces=(replace(pieces[0], data=b"!"), *pieces[1:])),
        "name": Parcel(pieces=(replace(pieces[0], name="../evil"), *pieces[1:])),
        "unsealed": Parcel(pieces=tuple(each for each in pieces if not each.name.startswith("server"))),
        "no manifest": Parcel(pieces=tuple(each for each in pieces if each.name != names.MANIFEST)),
        "nothing": Parcel(pieces=()),
    }
    if broken in wrong:
        sent.answer(replace(good, parcel=wrong[broken]))
    elif broken == "nonsense":
        sent.data = b"nonsense"
        sent.done()
    else:
        sent.answer(None)
    assert case.later() is None
    assert not case.folder(cell).exists()
    again = case.fake.last(cell)
    assert again.worker != sent.worker
    again.answer(good)
    done = case.later()
    assert done is not None
    assert done.attempt.outcome == "PASS"


def test_a_run_that_cannot_be_read_here_is_no_workers_trouble(case: Case, monkeypatch: pytest.MonkeyPatch) -> None:
    """The sweep ends with the reason; the run that arrived stays, and --resume takes it in."""
    cell = case.plan.cells[0]
    case.begin(cell).answer(case.made(cell))

    def unreadable(run: Path, *_: object, **__: object) -> Iterator[str]:
        with storing(run):
            raise OSError(errno.EMFILE, "Too many open files")
        yield ""

    monkeypatch.setattr(committed, "altered", unreadable)
    with pytest.raises(StorageError, match="Too many open files"):
        case.later()
    monkeypatch.undo()
    assert committed.is_whole(case.folder(cell))
    assert sorted(case.notes) == ["worker a: 1 lab slot", "worker b: 1 lab slot"]


def test_an_attempt_is_ordered_three_times_at_most(case: Case) -> None:
    """Then it has failed, and says who could not and why."""
    cell = case.plan.cells[0]
    case.fake.slots = {"a": 1, "b": 1, "c": 1, "d": 1}
    case.begin(cell).answer(None)
    done = case.later()
    for _ in range(MOST_TRIES - 1):
        assert done is None
        case.fake.last(cell).answer(None)
        done = case.later()
    assert done is not None
    assert (done.attempt.outcome, done.attempt.exit_code) == (ERROR, 4)
    assert len({sent.worker for sent in case.fake.sent}) == len(case.fake.sent) == MOST_TRIES
    assert done.attempt.why.count("it died") == MOST_TRIES


def test_when_nobody_is_left_the_sweep_ends_with_the_reason(case: Case) -> None:
    """A worker that is there and broken is not waited for."""
    case.fake.slots = {"a": 1}
    case.begin(case.plan.cells[0]).answer(None)
    assert case.later() is None
    case.fake.sent[-1].answer(None)
    assert case.later() is None
    with pytest.raises(EnvironmentFault, match="no worker is left to give runs to; a: KilledWorker: it died"):
        case.later()


def test_it_waits_for_a_worker_but_not_forever(case: Case) -> None:
    """One that comes is used at once."""
    case.fake.slots = {}
    assert case.crew.choose(case.plan.cells) is None
    assert case.later(of_cluster.WORKERS_S - 1.0) is None
    case.fake.slots = {"late": 2}
    assert case.later() is None
    case.begin(case.plan.cells[0]).answer(case.made(case.plan.cells[0]))
    assert case.later() is not None
    case.fake.slots = {}
    assert case.later() is None
    with pytest.raises(EnvironmentFault, match=r"for 120 s there was no worker.*lab worker tcp://s:1"):
        case.later(of_cluster.WORKERS_S + 1.0)
    alone = "no worker is there; start some: lab worker tcp://s:1"
    assert case.notes == [alone, "worker late: 2 lab slots", alone]
