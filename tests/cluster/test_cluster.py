"""A sweep over a real scheduler and real worker processes: whatever becomes of them, each cell is kept once."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from logging import getLogger
from logging.handlers import QueueHandler
from pathlib import Path
from queue import SimpleQueue

import psutil
import pytest

from lab.batch.folders.committed import SweepFolder
from lab.batch.plans.plan import Plan
from lab.batch.remote import cluster
from lab.batch.remote.cluster import Cluster
from lab.batch.remote.scheduler import Scheduler
from lab.batch.sweeps.attempts import Moment
from lab.errors import EnvironmentFault
from lab.host.recipes import recipes
from tests.cli.test_exit_codes import lab
from tests.cluster.process import Process
from tests.fakes.sweeps import begun, laid, planned, swept

Worker = Callable[..., Process]


@dataclass(kw_only=True)
class Place:
    """A sweep that waits for workers."""

    plan: Plan
    folder: Path
    address: str
    notes: list[str] = field(default_factory=list)

    @contextmanager
    def crew(self, images: dict[str, str] | None = None) -> Iterator[Cluster]:
        """Connect."""
        with Scheduler(self.address) as scheduler:
            yield Cluster(scheduler, images or {}, self.notes.append)

    def swept(self, images: dict[str, str] | None = None) -> SweepFolder:
        """Run it."""
        with self.crew(images) as crew:
            return swept(self.folder, crew)


@pytest.fixture
def place(tmp_path: Path, scheduler: Process) -> Place:
    """Return a sweep of eight cells."""
    plan = planned(tmp_path, "links.publisher.up.loss=0%,1%,2%,3%,4%,5%,6%,7%")
    return Place(plan=plan, folder=laid(plan, tmp_path / "sweep"), address=scheduler.first)


def test_two_workers_share_a_sweep(place: Place, worker: Worker) -> None:
    """Each cell is made once, by both of them together; what was kept verifies byte for byte."""
    workers = [worker("--media-s", "0.05"), worker("--media-s", "0.05")]
    done = place.swept()
    assert done.missing() == ()
    made = [cell for each in workers for cell in each.rest()]
    assert sorted(made) == sorted(cell.id for cell in place.plan.cells)
    assert len(begun(done)) == 8
    captures = [each.folder / "captures" / "core.pcap" for each in done.committed()]
    assert all(capture.stat().st_size > 1000 for capture in captures)


def test_a_worker_listens_only_towards_its_scheduler(worker: Worker) -> None:
    """Whoever reaches it can run code there: one whose scheduler is on loopback is reached by nobody else."""
    sockets = psutil.Process(worker().process.pid).net_connections("inet")
    listening = {each.laddr.ip for each in sockets if each.status == psutil.CONN_LISTEN}
    assert listening == {"127.0.0.1"}


def test_a_worker_killed_in_the_middle_of_a_cell(place: Place, worker: Worker) -> None:
    """The cell it had is made by the other one, the one it had finished is not made again, and that is one attempt."""
    mortal, other = worker("--way", "stalls"), worker()
    first, second = cache(mortal.line), list[str]()

    def told(moment: Moment) -> None:
        if moment.attempt and moment.cell and moment.cell.id == first():
            second.append(mortal.line())
            mortal.process.kill()

    with place.crew() as crew:
        done = swept(place.folder, crew, told)
    assert done.missing() == ()
    rest = other.rest()
    assert len(rest) == 7
    assert second[0] in rest
    assert first() not in rest
    assert [each.attempt for each in done.committed()] == [1] * 8
    assert any("it is gone" in note for note in place.notes)
    assert [path.name for path in place.folder.rglob(".partial-*")] == []


@pytest.mark.parametrize(
    ("way", "reason"), [("lies", "changed on its way"), ("raises", "a bug"), ("fails", "no engine here")]
)
def test_a_broken_worker_is_found_out(place: Place, worker: Worker, way: str, reason: str) -> None:
    """What it was to make the other one makes, and after two troubles it gets nothing more."""
    broken, other = worker("--way", way), worker()
    done = place.swept()
    assert done.missing() == ()
    assert len(other.rest()) == 8
    assert len(broken.rest()) <= 2
    assert any(reason in note for note in place.notes)
    assert any(note.endswith("it is given nothing more") for note in place.notes)
    assert {each.outcome for each in done.committed()} == {"PASS"}


def test_a_version_that_nobody_can_have_puts_no_worker_out(tmp_path: Path, scheduler: Process, worker: Worker) -> None:
    """Its cells are missing, for the reason; every other one is made, and nobody is blamed."""
    plan = planned(tmp_path, "clients.publisher.sdk=1.2.1,99.99.99", repeat=3)
    place = Place(plan=plan, folder=laid(plan, tmp_path / "sweep"), address=scheduler.first)
    worker("--way", "old"), worker("--way", "old")
    done = place.swept()
    assert {dict(cell.setting)["clients.publisher.sdk"] for cell in done.missing()} == {"99.99.99"}
    assert len(done.committed()) == 3
    assert not any("no such SDK" in note for note in place.notes)


def test_a_worker_with_other_images_makes_nothing(place: Place, worker: Worker) -> None:
    """Its runs would be another experiment's."""
    plan = place.plan
    other, same = worker("--router", "router:2"), worker("--router", "router:1")
    done = place.swept({"router": "router:1"})
    assert done.missing() == ()
    assert other.rest() == []
    assert len(same.rest()) == len(plan.cells)
    assert any("made of something else: router (router:2, not router:1)" in note for note in place.notes)


def test_no_engine_is_needed_where_a_sweep_is_started(tmp_path: Path, scheduler: Process, worker: Worker) -> None:
    """`lab sweep --scheduler` on a machine without one: what the images are made of is known, and workers check it."""
    file = tmp_path / "mine.yaml"
    file.write_text("version: 1\nlinks: {publisher: {}}\n")
    worker("--router", recipes().router.identity)
    axis, results = "links.publisher.up.loss=0%,5%", tmp_path / "results"
    done = lab("sweep", file, axis, "--scheduler", scheduler.first, "-o", results, DOCKER_HOST="unix:///nowhere.sock")
    assert done.returncode == 0, done.stderr
    (folder,) = (results / "mine").iterdir()
    assert SweepFolder(folder, every_byte=True).missing() == ()


def test_when_every_worker_is_broken_the_sweep_says_so(place: Place, worker: Worker) -> None:
    """It does not try forever; a sweep that is resumed with a better worker ends well."""
    worker("--way", "lies")
    with pytest.raises(EnvironmentFault, match=r"no worker is left.*changed on its way"):
        place.swept()
    worker()
    assert place.swept().missing() == ()


def test_finished_cells_stay_when_the_scheduler_goes(place: Place, worker: Worker, scheduler: Process) -> None:
    """The sweep ends with what to do, in the lab's words alone; what was finished by then counts."""
    logged: SimpleQueue[object] = SimpleQueue()
    handler = QueueHandler(logged)
    getLogger("distributed.client").addHandler(handler)
    worker("--media-s", "0.05")
    ended = []

    def told(moment: object) -> None:
        ended.extend([moment.attempt] if moment.attempt else [])  # type: ignore[attr-defined]
        if len(ended) == 3 and scheduler.process.poll() is None:
            scheduler.process.kill()
            scheduler.process.wait()

    with pytest.raises(EnvironmentFault, match=r"scheduler at .* is gone"), place.crew() as crew:
        swept(place.folder, crew, told)
    getLogger("distributed.client").removeHandler(handler)
    assert logged.empty()
    assert len(SweepFolder(place.folder, every_byte=True).committed()) >= 3


def test_a_worker_of_another_lab_is_told_and_given_nothing(place: Place, worker: Worker) -> None:
    """Its code may measure something else; the scheduler has no slot of this code to offer."""
    other, same = worker("--tag", "lab-0.0.9-00000000"), worker()
    assert place.swept().missing() == ()
    assert other.rest() == []
    assert len(same.rest()) == 8
    assert any("of another lab: lab-0.0.9-00000000" in note for note in place.notes)


def test_nobody_there(place: Place, worker: Worker, monkeypatch: pytest.MonkeyPatch) -> None:
    """With workers of another lab only, the sweep waits for a while and then says what they are."""
    monkeypatch.setattr(cluster, "WORKERS_S", 0.6)
    worker("--tag", "lab-0.0.9-00000000")
    with pytest.raises(EnvironmentFault, match=r"of another lab: lab-0\.0\.9.*start some: lab worker tcp:"):
        place.swept()
    assert place.notes[-1].startswith("no worker is there; start some: lab worker tcp://127.0.0.1:")
