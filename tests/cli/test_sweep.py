"""`lab sweep` before and without a lab: what it refuses, with which exit code, and that nothing appears meanwhile."""

from __future__ import annotations

import shlex
from pathlib import Path

import pytest

from lab.batch.crews.crew import Attempt
from lab.batch.folders.committed import PLAN, SweepFolder
from lab.batch.folders.journal import NAME, Journal
from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.batch.sweeps.attempts import Moment
from lab.cli.sweep import said
from tests.cli.test_exit_codes import Done, lab
from tests.fakes.sweeps import in_order, laid, planned, swept

LOSS = "links.publisher.up.loss=0%,5%"


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Return a good scenario file."""
    path = tmp_path / "mine.yaml"
    path.write_text("version: 1\nlinks: {publisher: {}}\n")
    return path


def sweep(tmp_path: Path, *arguments: str | Path) -> Done:
    """Run `lab sweep` without an engine; whatever it says, no results appear."""
    done = lab("sweep", *arguments, "-o", tmp_path / "results")
    assert not (tmp_path / "results").exists()
    return done


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "nothing to sweep"),
        ([LOSS, "--lanes", "0"], "--lanes 0: 1 to 12, or auto, is expected"),
        ([LOSS, "--lanes", "many"], "--lanes many"),
        ([LOSS, "--lanes", "\N{FULLWIDTH DIGIT TWO}"], "1 to 12, or auto, is expected"),
        ([LOSS, "--lanes", "9" * 5000], "1 to 12, or auto, is expected"),
        ([LOSS, "--shard", "5/4"], "a part is I/N"),
        ([LOSS, "--max-time", "soon"], "--max-time soon"),
        ([LOSS, "--only", "loss=9%"], "not a value of that axis (it has 0%, 5%)"),
        ([LOSS, "--shard", ""], "a part is I/N"),
        ([LOSS, "--max-time", ""], "--max-time"),
        ([LOSS, "--only", ""], "no cell's id begins so"),
        ([LOSS, "--scheduler", ""], "'' is no scheduler's address"),
        ([LOSS, "--find-limit", ""], "a range from where it holds"),
        (
            [
                "media.red=true,false",
                "--find-limit",
                "links.publisher.up.loss=0%..1%/1%",
                "--zip",
                "media.red,links.publisher.up.loss",
            ],
            "--zip: links.publisher.up.loss is searched, level by level (leave it out of --zip)",
        ),
        (["links.publisher.up.lost=0%,5%"], "unknown field"),
        (["links.publisher.up.loss=5%..0%/1%"], "links.publisher.up.loss"),
        (["seed=1..10001/1"], "10000"),
        ([LOSS, "--zip", "media.red,media.dtx"], "media.red"),
        ([LOSS, LOSS], "given twice"),
        ([LOSS, "--set", "media.duration=-1s"], "media.duration"),
        ([LOSS, "--scheduler", "tcp://127.0.0.1:9", "--lanes", "2"], "--lanes is about this machine"),
        ([LOSS, "--scheduler", "tcp://127.0.0.1:9", "--netem", "vm"], "(give it to lab worker)"),
    ],
)
def test_2_for_what_cannot_be_meant(tmp_path: Path, scenario: Path, arguments: list[str], words: str) -> None:
    """Before the machine is looked at: there is no engine here, and nobody notices."""
    done = sweep(tmp_path, *([scenario] if arguments else []), *arguments)
    assert done.returncode == 2
    assert words in done.stderr


def test_a_shipped_scenario_is_found_by_its_name_as_by_lab_run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """In an empty folder too: it gets as far as the engine; a name that is none is said to be none."""
    monkeypatch.chdir(tmp_path)
    for command in (["sweep", "congested", LOSS, "-o", "results"], ["run", "congested", "-o", "results"]):
        assert lab(*command).returncode == 4
    assert lab("plan", "congested", LOSS).returncode == 0
    (unknown, several) = (lab("sweep", name, LOSS, "-o", "results") for name in ("congestd", "code"))
    assert (unknown.returncode, several.returncode) == (2, 2)
    assert "congestd: no such file or folder" in unknown.stderr
    assert "a sweep is over one scenario file, not" in several.stderr


def test_2_for_a_broken_scenario_with_its_line(tmp_path: Path) -> None:
    """As for `lab run`."""
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nlinks:\n  publisher:\n    up: {los: 5%}\n")
    done = sweep(tmp_path, path, LOSS)
    assert done.returncode == 2
    assert f'{path}:4: links.publisher.up.los: unknown field (did you mean "loss"?)' in done.stderr


def test_2_for_a_folder_that_is_no_sweep(tmp_path: Path) -> None:
    """Nothing to go on with."""
    done = lab("sweep", "--resume", tmp_path)
    assert done.returncode == 2
    assert "no sweep (it has no plan.json)" in done.stderr


def test_4_without_an_engine_and_nothing_is_planned(tmp_path: Path, scenario: Path) -> None:
    """The folder of a sweep appears when there is somebody to make its runs."""
    assert sweep(tmp_path, scenario, LOSS).returncode == 4


def test_4_for_a_second_writer_with_the_first_ones_id(tmp_path: Path) -> None:
    """Before anything is started."""
    folder = laid(planned(tmp_path), tmp_path / "results" / "base" / "sweep")
    with Journal(folder):
        done = lab("sweep", "--resume", folder)
    assert done.returncode == 4
    assert "is running this sweep" in done.stderr


def test_5_for_a_journal_with_a_bad_line_in_the_middle(tmp_path: Path) -> None:
    """File and line are named; nothing is cut off."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    swept(folder, in_order())
    path = folder / NAME
    lines = path.read_bytes().splitlines(keepends=True)
    another = b"1" if lines[1][:1] == b"0" else b"0"
    path.write_bytes(b"".join([lines[0], another + lines[1][1:], *lines[2:]]))
    before = path.read_bytes()
    done = lab("sweep", "--resume", folder)
    assert done.returncode == 5
    assert f"{path}:2: its checksum does not fit" in done.stderr
    assert path.read_bytes() == before


def test_5_for_a_plan_of_a_newer_lab(tmp_path: Path) -> None:
    """By name."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    (folder / PLAN).write_text((folder / PLAN).read_text().replace('"format": 2', '"format": 9'))
    done = lab("sweep", "--resume", folder)
    assert done.returncode == 5
    assert "format 9 needs a newer lab" in done.stderr


def test_2_for_an_axis_beside_resume(tmp_path: Path, scenario: Path) -> None:
    """Who goes on with a sweep does what its plan says; anything else would be ignored."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    for more in ([scenario], [scenario, LOSS], ["--repeat", "3"], ["--set", "media.red=false"], ["--seed", "1"]):
        done = lab("sweep", *more, "--resume", folder)
        assert done.returncode == 2, more
        assert "its plan says what is run" in done.stderr


def test_2_for_another_place_beside_resume(tmp_path: Path) -> None:
    """What is missing lands in the sweep's own folder: whoever wants it elsewhere is not left to look for it there."""
    folder = laid(planned(tmp_path), tmp_path / "sweep")
    done = lab("sweep", "--resume", folder, "-o", tmp_path / "results")
    assert (done.returncode, f"--resume {folder}: it goes on in its own folder" in done.stderr) == (2, True)


def test_a_moment_is_one_line_that_says_what_how_and_how_long(tmp_path: Path) -> None:
    """Setting, repetition, outcome, owner; why, where it is no answer."""
    (tmp_path / "b.yaml").write_text("version: 1\nlinks: {publisher: {}}\n")
    cells = plan(tmp_path / "b.yaml", SweepAsked(axes=(LOSS,))).cells
    cell = next(cell for cell in cells if not cell.control)
    at = Moment(done=3, of=8, tried=4, void=1, left_s=300.0, cell=cell)
    failed = Attempt(outcome="FAIL", owner="CODE/client", why="31 pushes late")
    void = Attempt(outcome="VOID", why="the pacer ticked late")
    loss = dict(cell.setting)["links.publisher.up.loss"]
    assert said(replace_attempt(at, failed)) == f"3 of 8: loss={loss} #1: FAIL CODE/client, about 5 min left"
    searching = Moment(**{**vars(at), "of": None, "left_s": None, "attempt": failed})
    assert said(searching) == f"3: loss={loss} #1: FAIL CODE/client"
    assert "VOID (the pacer ticked late)" in said(replace_attempt(at, void))
    assert said(at) == ""
    assert "clean control #1" in said(Moment(**{**vars(at), "cell": cells[0], "attempt": failed}))


def replace_attempt(moment: Moment, attempt: Attempt) -> Moment:
    """Return `moment` as the end of `attempt`."""
    return Moment(**{**vars(moment), "attempt": attempt})


def test_a_deleted_cell_is_a_row_that_says_so(tmp_path: Path) -> None:
    """`lab ls SWEEP` lists it as missing."""
    folder = laid(planned(tmp_path), tmp_path / "results" / "base" / "sweep")
    done = swept(folder, in_order())
    (done.committed()[0].folder / "manifest.json").unlink()
    assert len(SweepFolder(folder).missing()) == 1
    listed = lab("ls", folder, "-o", tmp_path / "results")
    assert listed.returncode == 0
    assert "missing" in listed.stdout


def test_a_command_that_is_told_can_be_typed_as_it_stands(tmp_path: Path) -> None:
    """In a folder with a space in its name too, of a sweep and of what is none."""
    folder = laid(planned(tmp_path), tmp_path / "my results" / "base" / "sweep")
    done = swept(folder, in_order())
    (done.committed()[0].folder / "manifest.json").unlink()
    assert f"lab sweep --resume '{folder}' makes it again" in " ".join(lab("show", folder).stdout.split())
    for command in (("show", folder.parent), ("show", "gone", "-o", folder.parent.parent)):
        typed = lab(*command).stderr.partition("lab ls ")[2].partition(" shows")[0]
        assert Path(shlex.split(typed)[-1]).is_dir()
