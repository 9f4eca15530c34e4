"""What `lab plan` says about sweeps, and what `lab run` says of one."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.outlook import outlook
from lab.batch.runs import many
from lab.batch.runs.many import Request, run_all
from lab.errors import EnvironmentFault, ScenarioError, UsageError
from lab.rig.process.watch import NOTE, Progress

PLAIN = "version: 1\nseed: 3\nmedia: {duration: 10s}\nlinks: {publisher: {up: {loss: 5%}}}\n"
SWEPT = PLAIN + "sweep: {axes: {media.red: [true, false]}, repeat: 2}\n"


def written(folder: Path, text: str, name: str = "x.yaml") -> Path:
    """Write a scenario file and return its path."""
    (folder / name).write_text(text)
    return folder / name


def said(*files: Path, **options: object) -> str:
    """Return what is planned, as one text."""
    return "".join(outlook(files, SweepAsked(**options)))  # type: ignore[arg-type]


def test_a_description_moves_no_cursor(tmp_path: Path) -> None:
    """A file that somebody sent: its lines stay lines, and what a terminal would obey is taken out."""
    text = said(written(tmp_path, PLAIN + 'description: "one\\e[31m\\ntwo\\a"\n'))
    assert text.splitlines()[1:3] == ["one[31m", "two"]


def test_a_change_is_told_with_its_own_time(tmp_path: Path) -> None:
    """Two changes, each counted from where the media begins and not from the line above."""
    steps = "".join(f"  - {{at: {at}, links: {{publisher: {{up: {{loss: {at[0]}%}}}}}}}}\n" for at in ("4s", "6500ms"))
    text = said(written(tmp_path, f"{PLAIN}timeline:\n{steps}"))
    assert [line.strip() for line in text.splitlines() if line.strip().startswith("# at")] == [
        "# at 4 s of the media",
        "# at 6.5 s of the media",
    ]


def test_what_is_predicted_is_told_with_what_comes_late(tmp_path: Path) -> None:
    """Of 10 s, a rise of 200 ms; what jitter adds is said and not counted; how long decides a rate nobody can say."""
    down = "subscriber: {down: {delay: 200ms, jitter: 50ms}}"
    text = said(written(tmp_path, PLAIN.replace("links: {", f"links: {{{down}, ") + 'expect: {audio_loss: "<= 5%"}\n'))
    assert text.partition("predicted\n")[2].splitlines()[:2] == [
        "  publisher → subscriber: packets lost 5.00%; frames beyond repair: 0.25% before loss is reported, "
        "0.01% after; late 2.00% and what jitter adds; faults take 0.00%",
        "  audio_loss <= 5.00%: 2.01% to 2.25% predicted and what jitter adds",
    ]


def test_what_a_run_compares_with_the_network_is_predicted_beside_it(tmp_path: Path) -> None:
    """The default expectation; of a full queue nobody says how little, and of several flows each is named."""
    clients = "clients: {publisher: {role: both, cpus: 1}, b: {role: both}}\n"
    full = f"{clients}links: {{publisher: {{up: {{rate: 100kbit}}}}}}\n"
    text = said(written(tmp_path, f"version: 1\n{full}"))
    lines = text.partition("predicted\n")[2].splitlines()
    assert "packets lost at most 21." in lines[0]
    assert "faults take 0.00% and what a limit adds" in lines[0]
    (told,) = (line for line in lines if line.startswith("  publisher → b: audio_loss"))
    assert told.startswith("  publisher → b: audio_loss <= network + 0.50%: at most ")
    assert told.endswith("% and what a limit adds")
    assert " predicted, network at most " in told
    plain = said(written(tmp_path, PLAIN)).splitlines()[-1]
    assert plain == "  audio_loss <= network + 0.50%: 0.01% to 0.25% predicted, network 0.01% to 0.25%"
    blocked = said(written(tmp_path, "version: 1\nlinks: {publisher: {up: {block: udp}}}\n")).splitlines()[-1]
    assert blocked.startswith("  publisher → subscriber: UDP does not pass from the start: no media, or media over TCP")


def test_a_sweep_is_told_before_it_is_run(tmp_path: Path) -> None:
    """Axes, every cell in its order with the controls, the labs and the time."""
    axes = ("links.publisher.up.loss=0%,5%,10%", "server.version=v1.13.5,v1.13.4")
    text = said(written(tmp_path, PLAIN), axes=axes, repeat=2)
    assert "x   a sweep of 12 cells and 3 clean controls   seed 3" in text
    assert "links.publisher.up.loss: 0%, 5%, 10%" in text
    assert "each combination 2 times" in text
    cells = text.partition("in which they are run\n")[2].splitlines()
    assert cells[0].split() == ["1", "clean", "control", "1"]
    assert cells[-1].split() == ["15", "clean", "control", "3"]
    assert sum("loss=10% server.version=v1.13.4" in cell for cell in cells) == 2
    assert "17 s a run, of which 2 s are not media; 2 labs of 3 s each" in text
    assert "about 5 min in all on one lane" in text


def test_one_value_alone_fixes_its_key_and_a_field_that_does_nothing_is_refused(tmp_path: Path) -> None:
    """As docs/sweeps.md says: a sweep of one cell, to which other axes may come."""
    file = written(tmp_path, PLAIN)
    assert "a sweep of 1 cell and 2 clean controls" in said(file, axes=("media.red=false",))
    assert "a sweep of 2 cells" in said(file, axes=("media.red=false", "links.publisher.up.loss=0%,5%"))
    with pytest.raises(UsageError, match="axis description: the description does nothing"):
        said(file, axes=("description=a,b",))


def test_runs_of_different_length_are_told_as_a_span(tmp_path: Path) -> None:
    """From the shortest to the longest; hours where it takes hours."""
    text = said(written(tmp_path, PLAIN), axes=("media.duration=10s,30m",), repeat=3, controls=False)
    assert "a sweep of 6 cells and 0 clean controls" in text
    assert "17 to 1807 s a run" in text
    assert "about 92 min" in text
    assert "about 3 h 03 min" in said(
        written(tmp_path, PLAIN), axes=("media.duration=10s,30m",), repeat=6, controls=False
    )


def test_the_section_of_a_file_is_planned_after_its_base(tmp_path: Path) -> None:
    """Both things that can be run with it; axes typed in take the section's place, and then only the sweep is told."""
    file = written(tmp_path, SWEPT)
    text = said(file)
    assert text.index("scenario, resolved") < text.index("a sweep of 4 cells and 2 clean controls")
    typed = said(file, axes=("media.dtx=true,false",), repeat=1)
    assert "scenario, resolved" not in typed
    assert "media.dtx" in typed
    assert "media.red" not in typed
    assert "a sweep" not in said(written(tmp_path, PLAIN))


def test_a_sweep_is_over_one_file(tmp_path: Path) -> None:
    """Axes for two files, and an option of sweeps without one, are refused."""
    one, two = written(tmp_path, PLAIN), written(tmp_path, PLAIN, "y.yaml")
    with pytest.raises(UsageError, match="a sweep is over one scenario file, not 2"):
        said(one, two, axes=("media.red=true,false",))
    with pytest.raises(UsageError, match=r"not 0 \(name one file"):
        said(axes=("media.red=true,false",))
    with pytest.raises(UsageError, match="--no-controls is about sweeps"):
        said(one, controls=False)


@pytest.mark.parametrize("controls", [True, False])
def test_a_broken_file_hides_no_other(tmp_path: Path, controls: bool) -> None:
    """Whole ones are told; at the end every broken one is, each with its line."""
    for name, text in (("a.yaml", "version: 1\nlinks: 7\n"), ("b.yaml", SWEPT), ("c.yaml", "version: 9\n")):
        written(tmp_path, text, name)
    told = []
    with pytest.raises(ScenarioError, match=r"(?s)a\.yaml:2: .*c\.yaml:1: "):
        told.extend(outlook((tmp_path,), SweepAsked(controls=controls)))
    assert ["a sweep of 4 cells" in each for each in told] == [False, True]


def test_what_is_wrong_with_a_sweep_hides_neither_its_base_nor_other_files(tmp_path: Path) -> None:
    """A value that cannot be, and a setting that only the base would have: the line of the axis is named."""
    written(tmp_path, PLAIN + "sweep: {axes: {media.dtx: [true, perhaps]}}\n", "a.yaml")
    written(tmp_path, SWEPT, "b.yaml")
    told: list[str] = []
    with pytest.raises(ScenarioError, match=r"(?s)a\.yaml:5: media\.dtx: .*b\.yaml:5: is an axis, so --set media\.red"):
        told.extend(outlook((tmp_path,), SweepAsked(sets=("media.red=false",))))
    assert ["scenario, resolved" in each for each in told] == [True, True]


def test_a_run_of_a_file_with_a_sweep_says_that_it_is_the_base(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Before the machine is looked at; a file without one is run without a word."""

    def no_machine(*_: object, **__: object) -> None:
        raise EnvironmentFault("no engine here")

    monkeypatch.setattr(many, "machine", no_machine)
    told: list[Progress] = []

    def run(file: Path) -> list[str]:
        told.clear()
        with pytest.raises(EnvironmentFault):
            run_all(Request(files=(file,), results=tmp_path), lambda moment: told.append(moment) is not None, print)
        return [moment.detail for moment in told if moment.phase == NOTE]

    swept = written(tmp_path, SWEPT)
    assert run(swept) == [f"{swept} has a sweep; this runs its base, `lab sweep {swept}` all of it"]
    assert run(written(tmp_path, PLAIN)) == []
