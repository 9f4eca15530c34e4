"""The `sweep:` section: the same axes as on the command line, with errors that say where."""

from __future__ import annotations

import pytest

from lab.errors import ScenarioError
from lab.scenario.load import draft, load, loads
from lab.scenario.sweeping import axis, settings, spelled, sweep

SECTION = """\
version: 1
links: {publisher: {up: {loss: 5%}}}
sweep:
  axes:
    links.publisher.up.loss: [0%, "5%", null, {share: 5%, burst: 3}]
    links.publisher.up.delay: 0ms..100ms/50ms
    media.red: [true, false]
"""


def read(tmp_path, text):
    """Return the draft of a file with `text`."""
    (tmp_path / "x.yaml").write_text(text)
    return draft(tmp_path / "x.yaml")


def test_a_file_says_what_the_command_line_says(tmp_path):
    """Lists, ranges and mappings become the texts that would stand behind `KEY=`."""
    typed = sweep(
        [
            axis('links.publisher.up.loss=0%,5%,null,{"share": "5%", "burst": 3}'),
            axis("links.publisher.up.delay=0ms..100ms/50ms"),
            axis("media.red=true,false"),
        ]
    )
    assert read(tmp_path, SECTION).sweep == typed


def test_every_setting_of_a_file_can_be_run(tmp_path):
    """A mapping reads back as a mapping, null takes a field away."""
    file = read(tmp_path, SECTION)
    found = {spelled(each): file.scenario(each).links[0].up.loss for each in settings(file.sweep)}
    bursts = {loss.burst for text, loss in found.items() if "burst" in text}
    assert bursts == {3}
    assert {loss for text, loss in found.items() if "loss=null" in text} == {None}


def test_zip_and_repeat_are_read(tmp_path):
    """Axes of one zip are one axis."""
    text = "version: 1\nsweep: {axes: {a.b: [1, 2], c: [x, y]}, zip: [[a.b, c]], repeat: 3}\n"
    found = read(tmp_path, text).sweep
    assert [each.keys for each in found.axes] == [("a.b", "c")]
    assert found.repeat == 3


def test_text_that_reads_as_something_else_stays_text(tmp_path):
    """A quoted word is typed with its quotes; numbers without an exponent."""
    text = 'version: 1\nsweep: {axes: {a: ["true", true, "1", "x,y"], b: [0.00001, 1.50]}}\n'
    first, second = read(tmp_path, text).sweep.axes
    assert [value for (value,) in first.values] == ['"true"', "true", '"1"', '"x,y"']
    assert [value for (value,) in second.values] == ["0.00001", "1.5"]


def test_the_rest_of_the_file_is_the_base(tmp_path):
    """A scenario is the same with and without the section."""
    (tmp_path / "x.yaml").write_text(SECTION)
    with_section = load(tmp_path / "x.yaml")
    (tmp_path / "x.yaml").write_text(SECTION.partition("sweep:")[0])
    assert load(tmp_path / "x.yaml") == with_section
    assert draft(tmp_path / "x.yaml").sweep is None


@pytest.mark.parametrize(
    ("section", "said"),
    [
        ("{axes: {a: []}}", "sweep.axes.a: no values"),
        ("{axes: {a: [1, 1]}}", "sweep.axes.a: 1 is given twice"),
        ("{axes: {a: 0ms..5ms}}", "sweep.axes.a: 0ms..5ms: a range needs its step"),
        ("{axes: {name: [a, b]}}", "sweep.axes.name: the name does nothing"),
        ("{axes: {a: [1, 2]}, zip: [[a, b]]}", "sweep: zip a,b: b is no axis of its own"),
        ("{axes: {a: 1..200/1, b: 1..200/1}}", "sweep: 40000 cells; a sweep has 10000 at most"),
        ("{}", "sweep: varies nothing; give axes, or a repeat"),
        ("{repeat: 0}", "sweep.repeat: "),
        ("{axis: {}}", 'sweep.axis: unknown field (did you mean "axes"?)'),
        ("[]", "sweep: a mapping is expected"),
    ],
)
def test_a_section_that_cannot_be_meant_says_where(section, said):
    """Whoever loads the file hears of it, with the line, even to run only the base."""
    with pytest.raises(ScenarioError) as caught:
        loads(f"version: 1\nsweep: {section}\n", source="x.yaml")
    assert str(caught.value).startswith("x.yaml:2: sweep")
    assert said in str(caught.value)
