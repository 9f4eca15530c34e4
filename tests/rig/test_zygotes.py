"""A real program in its real container: what it sees of the machine that it writes to."""

from __future__ import annotations

import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest

from lab.host import images
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import RUN_LABEL
from lab.rig.layout.containers import Identity, Program, open_to_programs
from lab.rig.process.waiting import until
from lab.rig.standing import cleanup
from lab.rig.standing.forks import Fork
from lab.rig.standing.pieces import Machine
from lab.rig.standing.zygotes import Zygote, Zygotes

pytestmark = pytest.mark.rig
DEADLINE_S = 60
PACER = Program(part="pacer", module="lab.clients.pacer")
LIST_ABOVE = """
for each in /proc/[0-9]*; do
    if [ -e "$each/cwd/pacer.jsonl" ]; then ls "$each/cwd/$1"; fi
done
"""


@pytest.fixture
def zygote(tmp_path: Path) -> Iterator[Zygote]:
    """Give a pacer that is loaded, in a lab whose results are in a folder that everybody may walk through."""
    engine = DockerEngine.connect()
    ready = images.present(engine)
    assert ready is not None, "the images are missing: run `make setup`"
    results = tmp_path / "results"
    results.mkdir()
    tmp_path.chmod(0o755)
    machine = Machine(engine=engine, images=ready, driver="kernel", results=results, cache=tmp_path)
    run = secrets.token_hex(5)
    identity = Identity(run=run, labels={RUN_LABEL: run}, deadline_s=DEADLINE_S)
    yield Zygotes(machine, identity, tmp_path / "scratch").loaded(PACER)
    cleanup.sweep_run(engine, run)
    engine.close()


def test_above_its_folder_a_program_finds_its_container_and_not_the_machine(zygote: Zygote) -> None:
    """However far it goes."""
    with _ticking(zygote):
        assert _above(zygote, "../..") == ["run"]
        for steps in (4, 40):
            assert {"lab-code", "results", "venv"} <= set(_above(zygote, "../" * steps))


def test_a_folder_is_open_to_its_program_below_folders_that_are_not(zygote: Zygote) -> None:
    """As where the umask is 077, and root runs the lab."""
    zygote.results.chmod(0o700)
    with _ticking(zygote) as fork:
        assert fork.end() is None


@contextmanager
def _ticking(zygote: Zygote) -> Iterator[Fork]:
    """Give a program that has begun to write."""
    folder = zygote.results / "sweep" / "run" / "host"
    folder.mkdir(parents=True)
    open_to_programs(folder)
    fork = zygote.fork(folder, {})
    try:
        until((folder / "pacer.jsonl").exists, DEADLINE_S, lambda: AssertionError(fork.said()))
        yield fork
    finally:
        fork.close()


def _above(zygote: Zygote, way: str) -> list[str]:
    """Return what is found from the pacer's own place by `way`."""
    found = zygote.engine.execute(zygote.container, ["sh", "-c", LIST_ABOVE, "sh", way])
    return found.stdout.split()
