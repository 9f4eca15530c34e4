"""Every row of the exit-code table that needs no lab, and what stands on stdout and stderr beside it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from io import StringIO
from pathlib import Path

import pytest

from lab.cli import main

ROOT = Path(__file__).parents[2]
GOOD = "version: 1\nlinks: {publisher: {up: {loss: 20%}}}\n"


@dataclass(frozen=True, kw_only=True)
class Done:
    """How a command ended."""

    returncode: int
    stdout: str
    stderr: str


def lab(*arguments: str | Path, **environment: str) -> Done:
    """Run `lab` as a user would, in this process; without an engine unless told."""
    out, err = StringIO(), StringIO()
    with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
        for name, value in {"DOCKER_HOST": "unix:///nowhere/docker.sock", **environment}.items():
            patch.setenv(name, value)
        patch.setattr(sys, "argv", ["lab", *map(str, arguments)])
        with pytest.raises(SystemExit) as ended:
            main()
    code = ended.value.code or 0
    assert isinstance(code, int)
    return Done(returncode=code, stdout=out.getvalue(), stderr=err.getvalue())


@pytest.fixture
def scenario(tmp_path: Path) -> Path:
    """Return a good scenario file."""
    path = tmp_path / "mine.yaml"
    path.write_text(GOOD)
    return path


def test_a_terminal_that_knows_few_characters_gets_the_rest() -> None:
    """Latin-1, or what a cron job has: what it cannot show is spelled with what it can, and no internal error."""
    ascii_only = {**os.environ, "PYTHONIOENCODING": "ascii"}
    done = subprocess.run(
        [sys.executable, "-m", "lab", "schema"], capture_output=True, text=True, check=False, env=ascii_only
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "320x240" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "code", "words"), [(["show", "nothing", "-o", "nowhere"], 2, "lab run"), (["schema"], 0, "links.")]
)
def test_the_program_ends_as_its_main_does(arguments: list[str], code: int, words: str) -> None:
    """`python -m lab`, a process of its own: what the others see in this one is what a shell sees."""
    done = subprocess.run([sys.executable, "-m", "lab", *arguments], capture_output=True, text=True, check=False)
    here = lab(*arguments)
    assert (done.returncode, done.stdout, done.stderr) == (code, here.stdout, here.stderr)
    assert words in done.stdout + done.stderr


def test_2_for_an_unknown_option() -> None:
    """Usage errors come before anything is started."""
    assert lab("run", "--no-such-option").returncode == 2


def test_2_for_a_bad_scenario_with_its_line(tmp_path: Path) -> None:
    """The error names file, line, field and what was probably meant; no run folder appears."""
    path = tmp_path / "bad.yaml"
    path.write_text("version: 1\nlinks:\n  publisher:\n    up: {los: 5%}\n")
    done = lab("run", path, "-o", tmp_path / "results")
    assert done.returncode == 2
    assert f'{path}:4: links.publisher.up.los: unknown field (did you mean "loss"?)' in done.stderr
    assert not (tmp_path / "results").exists()


@pytest.mark.parametrize("command", ["run", "validate", "plan"])
def test_2_for_a_timeline_that_changes_nothing(tmp_path: Path, scenario: Path, command: str) -> None:
    """Before anything is started, whoever reads the file."""
    scenario.write_text(GOOD + "timeline: [{at: 1s, links: {publisher: {up: {}}}}]\n")
    done = lab(command, scenario)
    assert (done.returncode, done.stdout) == (2, "")
    assert f"{scenario}:3: timeline.0.links.publisher.up: changes nothing" in done.stderr


@pytest.mark.parametrize("command", ["run", "validate", "plan", "sweep"])
def test_2_for_an_empty_path(tmp_path: Path, command: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """`lab run "$UNSET"` does not take every scenario of the folder one stands in, nor `-o "$UNSET"` that folder."""
    monkeypatch.chdir(tmp_path)
    (tmp_path / "good.yaml").write_text(GOOD)
    done = lab(command, "")
    assert (done.returncode, done.stdout) == (2, "")
    assert "an empty path (is a variable not set? write . for this folder)" in done.stderr
    assert lab("run", "good.yaml", "-o", "").returncode == 2
    assert lab("worker", "tcp://127.0.0.1:9", "--scratch", "").returncode == 2


TOO_LONG = "x" * 300
"""Longer than a file's name may be: NAME_MAX is 255."""


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("validate", TOO_LONG), f"{TOO_LONG}: no such file or folder (check the path)"),
        (("run", TOO_LONG), f"{TOO_LONG}: no such file or folder (check the path)"),
        (("ls", "-o", TOO_LONG), f"{TOO_LONG}: no such folder (name the folder that holds the results with -o)"),
        (("show", "last", "-o", TOO_LONG), f"no runs in {TOO_LONG} (make one: "),
    ],
)
def test_2_for_a_word_too_long_for_a_file(arguments: tuple[str, ...], words: str) -> None:
    """Nothing is called that; whether it was a path or an axis is found out without an error of the file system."""
    done = lab(*arguments)
    assert (done.returncode, done.stdout, done.stderr.count("\n")) == (2, "", 1)
    assert words in done.stderr


def test_an_axis_may_be_as_long_as_its_values_need(scenario: Path) -> None:
    """Longer than any file's name, it is an axis all the same."""
    losses = ",".join(f"{tenth / 10:.1f}%" for tenth in range(60))
    done = lab("plan", scenario, f"links.publisher.up.loss={losses}", "--no-controls")
    assert (done.returncode, done.stderr) == (0, "")
    assert "60 cells" in done.stdout


@pytest.mark.parametrize("arguments", [("show", ""), ("judge", ""), ("ls", ""), ("compare", "", "")])
def test_2_for_an_empty_name_of_what_was_recorded(tmp_path: Path, arguments: tuple[str, ...]) -> None:
    """`lab compare "$OLD" "$NEW"` does not compare the folder one stands in with itself, nor is "" any run's id."""
    done = lab(*arguments, "-o", str(tmp_path))
    assert (done.returncode, done.stdout) == (2, "")
    assert "an empty path (is a variable not set?" in done.stderr


def test_2_for_a_folder_with_bad_scenarios_names_them_all(tmp_path: Path, scenario: Path) -> None:
    """Whoever mends one does not learn of the next by the next try; the good one beside them is not run."""
    for name, text in (("a", "links: {publisher: {up: {los: 5%}}}"), ("b", "media: {duration: 5}")):
        (tmp_path / f"{name}.yaml").write_text(f"version: 1\n{text}\n")
    done = lab("run", tmp_path, "-o", tmp_path / "results")
    assert (done.returncode, (tmp_path / "results").exists()) == (2, False)
    assert "a.yaml:2: links.publisher.up.los" in done.stderr
    assert "b.yaml:2: media.duration" in done.stderr


def test_5_for_an_output_that_cannot_be_written() -> None:
    """A full disk behind `> file` is said as what it is, and is no internal error."""
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "lab", "schema"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    assert done.returncode == 5
    assert done.stderr.startswith("lab: the output, or a temporary file, could not be written: No space left on device")


def test_5_for_a_short_output_that_cannot_be_written(scenario: Path) -> None:
    """What is written when the program ends counts as well, and not as Python's own exit code."""
    buffered = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}
    argv = [sys.executable, "-m", "lab", "validate", scenario]
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(argv, stdout=full, stderr=subprocess.PIPE, text=True, check=False, env=buffered)
    assert done.returncode == 5
    assert done.stderr.splitlines() == [
        "lab: the output, or a temporary file, could not be written: No space left on device"
    ]


def unheard(*argv: str, both: bool = False) -> Done:
    """Run Python with a stdout, or `both` that and stderr, whose reader is gone."""
    read, write = os.pipe()
    os.close(read)
    stderr = write if both else subprocess.PIPE
    done = subprocess.run([sys.executable, *argv], stdout=write, stderr=stderr, text=True, check=False)
    os.close(write)
    return Done(returncode=done.returncode, stdout="", stderr=done.stderr or "")


@pytest.mark.parametrize("arguments", [("schema",), ("--help",), ("validate", str(ROOT / "scenarios"))])
def test_0_for_a_listing_whose_reader_went_away(arguments: tuple[str, ...]) -> None:
    """`| head -1` is what pipes are for; 1 would say that an expectation failed."""
    assert unheard("-m", "lab", *arguments) == Done(returncode=0, stdout="", stderr="")


SEVERAL = """
import sys, typer
from pathlib import Path
from lab.cli import app, main

@app.command()
def several(file: Path, code: int):
    for name in "abc":
        print("PASS", flush=True)
        print(f"lab: ran {name}", file=sys.stderr)
        file.open("a").write(name)
    raise typer.Exit(code)

main()
"""


@pytest.mark.parametrize("both", [False, True])
@pytest.mark.parametrize("code", [0, 1, 3])
def test_a_reader_that_went_away_ends_no_run_and_changes_no_exit_code(tmp_path: Path, code: int, both: bool) -> None:
    """Every run is made, and what they came to is what it would have been."""
    done = unheard("-c", SEVERAL, "several", str(tmp_path / "ran"), str(code), both=both)
    assert (done.returncode, (tmp_path / "ran").read_text()) == (code, "abc")
    assert done.stderr == ("" if both else "lab: ran a\nlab: ran b\nlab: ran c\n")


@pytest.mark.parametrize(
    ("error", "code"), [(BrokenPipeError(32, "gone"), 5), (EOFError(), 5), (KeyboardInterrupt(), 130)]
)
def test_typers_own_exit_code_is_nobodys(monkeypatch: pytest.MonkeyPatch, error: BaseException, code: int) -> None:
    """Any other broken pipe or end of a file is an internal error, and Ctrl-C an interruption, in every Typer."""

    def fail() -> str:
        raise error

    monkeypatch.setattr("lab.scenario.schema.reference_markdown", fail)
    done = lab("schema")
    assert (done.returncode, done.stderr.count("\n"), done.stderr.startswith("lab: ")) == (code, 1, True)


def test_2_for_a_closed_output() -> None:
    """Who closed stdout cannot be told the answer."""
    closed = f"{sys.executable} -m lab schema >&-"
    done = subprocess.run(closed, shell=True, stderr=subprocess.PIPE, text=True, check=False)
    assert (done.returncode, done.stderr.startswith("lab: stdout is closed")) == (2, True)


@pytest.mark.parametrize("stderr", ["2>/dev/full", "2>&-"])
@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ("show nothing -o nowhere", 2),
        ("run {} -o {}.out", 4),
        ("schema", 0),
        ("schema >/dev/full", 5),
        ("schema >&-", 2),
    ],
)
def test_words_that_nobody_can_write_change_no_exit_code(
    scenario: Path, stderr: str, arguments: str, code: int
) -> None:
    """A full disk behind `2>`, or a stderr that is closed: neither is an answer, and no word of it lands in one."""
    nowhere = {**os.environ, "DOCKER_HOST": "unix:///nowhere/docker.sock"}
    command = f"{sys.executable} -m lab {arguments.format(scenario, scenario)} {stderr}"
    done = subprocess.run(command, shell=True, stdout=subprocess.PIPE, text=True, check=False, env=nowhere)
    assert (done.returncode, "lab: " in done.stdout) == (code, False)


def test_a_bad_set_is_said_once_for_a_whole_folder(tmp_path: Path, scenario: Path) -> None:
    """It is wrong with every file alike, and is no file's fault."""
    (tmp_path / "other.yaml").write_text(GOOD)
    done = lab("run", tmp_path, "--set", "links.publisher.up.los=5%")
    assert (done.returncode, done.stderr.count("los: unknown field")) == (2, 1)


def test_2_for_a_bad_set(scenario: Path) -> None:
    """What comes from the command line is checked like what stands in the file."""
    done = lab("run", scenario, "--set", "links.publisher.up.loss=0.2")
    assert done.returncode == 2
    assert "20%" in done.stderr


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (("--at-most", "60s"), "add --until-decided"),
        (("--until-decided", "--at-most", "5s"), "less than 10s is never enough"),
        (("--until-decided",), "nothing to decide"),
    ],
)
def test_2_for_a_run_that_cannot_stop_by_itself(
    scenario: Path, tmp_path: Path, options: tuple[str, ...], words: str
) -> None:
    """Before anything is started, and before the engine is asked; no run folder appears."""
    done = lab("run", scenario, *options, "-o", tmp_path / "results")
    assert done.returncode == 2
    assert words in done.stderr
    assert not (tmp_path / "results").exists()


def test_4_without_an_engine_and_no_traceback(scenario: Path, tmp_path: Path) -> None:
    """One line says what is wrong and what to do."""
    done = lab("run", scenario, "-o", tmp_path / "results")
    assert done.returncode == 4
    assert "no container engine answers" in done.stderr
    assert "Traceback" not in done.stderr


def test_4_from_a_doctor_that_finds_no_engine() -> None:
    """The doctor's lines say ok, warn or fail, and how to mend it."""
    done = lab("doctor")
    assert done.returncode == 4
    assert "fail" in done.stdout
    assert "make setup" in done.stdout


@pytest.mark.parametrize(
    ("content", "why"), [("", "manifest.json"), ("{}", "no format number"), ('{"format": 99}', "newer lab")]
)
def test_5_for_a_folder_that_is_no_recording(tmp_path: Path, content: str, why: str) -> None:
    """A manifest that is empty, foreign, or from the future is refused by name."""
    (tmp_path / "manifest.json").write_text(content)
    done = lab("judge", tmp_path)
    assert done.returncode == 5
    assert why in done.stderr
    assert "Traceback" not in done.stderr


def test_2_for_a_run_that_is_not_there(tmp_path: Path) -> None:
    """An unknown run names the way to one."""
    done = lab("show", "nothing", "-o", tmp_path)
    assert done.returncode == 2
    assert "lab run" in done.stderr


def test_help_imports_only_typer() -> None:
    """`lab --help` is immediate: nothing heavy is imported to print it."""
    heavy = ("docker", "numpy", "pydantic", "yaml", "livekit", "pandas")
    code = f"import sys, lab.cli; print([m for m in {heavy} if m in sys.modules])"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_plan_touches_nothing_and_shows_the_tc_it_would_run(scenario: Path) -> None:
    """A plan needs no engine; it holds the exact arguments, the rates and the predicted loss."""
    done = lab("plan", scenario)
    assert done.returncode == 0
    assert "tc qdisc change dev up0 parent 1:2 handle 2: netem" in done.stdout
    assert "loss random 20%" in done.stdout
    assert "kbit/s up" in done.stdout


def test_validate_names_every_bad_file_and_passes_the_good(tmp_path: Path, scenario: Path) -> None:
    """A folder with one broken scenario: the others are checked all the same."""
    (tmp_path / "bad.yaml").write_text("version: 1\nlinks: {publisher: {up: {loss: 0.02}}}\n")
    done = lab("validate", tmp_path)
    assert done.returncode == 2
    assert f"{scenario}: ok" in done.stdout
    assert "bad.yaml:2: links.publisher.up.loss" in done.stderr


def test_schema_is_json() -> None:
    """Editors can use the schema."""
    done = lab("schema", "--json")
    assert done.returncode == 0
    assert "links" in json.loads(done.stdout)["properties"]


def test_the_gallery_is_valid() -> None:
    """Every scenario that ships can be planned."""
    done = lab("validate", ROOT / "scenarios")
    assert done.returncode == 0, done.stderr
    assert done.stdout.count(": ok") >= 13
