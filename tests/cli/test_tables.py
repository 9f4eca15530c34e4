"""`lab ls` and `lab show` of a sweep, as a user types them."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.planning import plan
from lab.cli import main
from tests.fakes.crews import InOrder
from tests.fakes.sweeps import BASE, laid, swept
from tests.fakes.verdicts import JudgedRuns

SWEEP = "20261122-101112-7f3a"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a results folder with a finished sweep of two axes."""
    work = tmp_path_factory.mktemp("tables")
    (work / "base.yaml").write_text(BASE)
    axes = ("links.publisher.up.loss=0%,5%", "media.red=true,false")
    found = plan(work / "base.yaml", SweepAsked(axes=axes, repeat=2))
    folder = laid(found, work / "results" / found.name / SWEEP)
    swept(folder, InOrder(JudgedRuns(lambda cell: {"audio_loss": (0.031, 0.02, 0.044)})))
    return work / "results"


@dataclass(frozen=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


Lab = Callable[..., Done]


@pytest.fixture
def lab(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Lab:
    """Return what runs `lab` as a user would, in this process: starting Python takes longer than the table."""

    def run(*arguments: str | Path, columns: int = 120) -> Done:
        monkeypatch.setattr("sys.argv", ["lab", *map(str, arguments)])
        monkeypatch.setenv("COLUMNS", str(columns))
        with pytest.raises(SystemExit) as ended:
            main()
        return Done(int(ended.value.code or 0), *capsys.readouterr())

    return run


def test_show_prints_a_sweep_by_its_axes(lab: Lab, results: Path) -> None:
    """Short names, chosen metrics, value and interval; the last one is the default."""
    done = lab("show", "-o", results, "--by", "red,loss", "--metric", "audio_loss,code_loss")
    assert (done.returncode, done.stderr) == (0, "")
    head, *rows = done.stdout.splitlines()[1:7]
    assert head.split() == ["red", "loss", "verdict", "owner", "valid", "/", "tried", "audio_loss", "code_loss"]
    assert [row.split()[:2] for row in rows[:4]] == [["true", "0%"], ["true", "5%"], ["false", "0%"], ["false", "5%"]]
    assert all("3.1 % (2.3–4.0)" in row and row.endswith("unknown") for row in rows[:4])
    assert rows[4].startswith("clean control")


def test_a_narrow_terminal_gets_no_line_wider_than_it_is(lab: Lab, results: Path) -> None:
    """COLUMNS says how wide."""
    for width in (100, 60, 30):
        lines = lab("show", SWEEP, "-o", results, columns=width).stdout.splitlines()
        assert max(map(len, lines)) <= width
        assert any("3.1 %" in line for line in lines)


def test_every_format(lab: Lab, results: Path) -> None:
    """Markdown is a table, CSV is read by its heads, JSON has a format number; --json is short for it."""
    assert "| loss | red |" in lab("show", "-o", results, "--format", "markdown").stdout
    lines = list(csv.DictReader(io.StringIO(lab("show", "-o", results, "--format", "csv").stdout)))
    assert [line["links.publisher.up.loss"] for line in lines] == ["0%", "0%", "5%", "5%", ""]
    document = lab("show", "-o", results, "--format", "json").stdout
    assert json.loads(document)["sweep"] != ""
    assert lab("show", "-o", results, "--json").stdout == document


def test_ls_lists_the_sweep_and_its_cells(lab: Lab, results: Path) -> None:
    """The cells name the folders that `lab show` takes."""
    assert f"{SWEEP}  base" in lab("ls", "-o", results).stdout
    cells = json.loads(lab("ls", "2026", "-o", results, "--json").stdout)["cells"]
    assert len(cells) == 10
    assert {Path(each["run"]).is_dir() for each in cells} == {True}


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("show", "--by", "los"), "no axis 'los'"),
        (("show", "--metric", "audio_los"), 'did you mean "audio_loss"?'),
        (("show", "--metric", ""), "no metric ''"),
        (("show", "--format", "pdf"), "pdf"),
        (("show", "--format", "csv", "--json"), "--json beside --format csv: two formats (leave one out)"),
        (("ls", "--format", "text", "--json"), "--json beside --format text: two formats"),
        (("compare", "a", "b", "--format", "csv", "--json"), "--json beside --format csv: two formats"),
        (("sweep", "x.yaml", "--format", "csv", "--json"), "--json beside --format csv: two formats"),
        (("show", "--frames", "800", "--json"), "--json does nothing beside --frames (leave one of them out)"),
        (("show", "--frames", "800", "--format", "csv"), "--format does nothing beside --frames"),
        (("show", "--frames", "800", "--logs", "publisher"), "--frames does nothing beside --logs"),
        (("show", "--logs", "server", "--json"), "--json does nothing beside --logs"),
        (("show", "--logs", "server", "--by", "loss"), "--by does nothing beside --logs"),
        (("show", "nothing"), "no run 'nothing'"),
        (("ls", "nothing"), "no run 'nothing'"),
    ],
)
def test_2_for_what_there_is_not(lab: Lab, results: Path, arguments: tuple[str, ...], said: str) -> None:
    """Axis, metric, format, run: named, and nothing on stdout."""
    done = lab(*arguments, "-o", results)
    assert (done.returncode, done.stdout) == (2, "")
    assert said in done.stderr
