"""Plans: which cells a sweep has, in which order, and what makes two of them the same."""

from __future__ import annotations

import json
import re
import wave
from collections import Counter
from dataclasses import replace
from itertools import pairwise
from pathlib import Path

import pytest

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.images import recipes_for
from lab.batch.plans.plan import load
from lab.batch.plans.planning import plan
from lab.errors import EvidenceError, ScenarioError, UsageError
from lab.host.recipes import recipes
from lab.scenario.load import loads
from lab.scenario.model import Impairment

BASE = """\
version: 1
seed: 7
links:
  publisher: {up: {loss: 5%}, down: {delay: 20ms}}
inject:
  - stall: {client: publisher, length: 400ms, times: 3}
expect: {verdict: BOTH}
"""
LOSS = "links.publisher.up.loss=0%,5%,10%"


def at(nanoseconds):
    """Return a clock that stands still."""
    return lambda: nanoseconds


@pytest.fixture
def base(tmp_path):
    """Return a scenario file."""
    return written(tmp_path, BASE)


def written(folder, text, name="base.yaml"):
    """Write a scenario file and return its path."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / name).write_text(text)
    return folder / name


def planned(path, *axes, images_of=recipes_for, **options):
    """Return the plan of `path` at a fixed time."""
    asked = SweepAsked(axes=axes, **options)
    return plan(path, asked, images_of=images_of, clock=at(0), entropy=lambda: "beef")


def asked(found):
    """Return what the cells that are no controls try."""
    return [(cell.setting, cell.repetition) for cell in found.cells if not cell.control]


def test_every_setting_is_a_cell_in_every_repetition(base):
    """Each exactly once, and each cell's scenario is its setting laid over the file."""
    found = planned(base, LOSS, "media.red=true,false", repeat=3)
    assert len(asked(found)) == 18
    assert set(Counter(asked(found)).values()) == {1}
    for cell in found.cells:
        if not cell.control:
            setting = dict(cell.setting)
            loss = cell.scenario.links[0].up.loss
            assert f"{loss.share if loss else 0:.0%}" == setting["links.publisher.up.loss"]
            assert cell.scenario.media.red is (setting["media.red"] == "true")
            assert loads(cell.text) == cell.scenario


def test_repetitions_are_complete_one_after_another_and_mixed_inside(base):
    """A sweep that ends early has tried everything about as often; no setting is always first."""
    found = asked(planned(base, "links.publisher.up.loss=1%..12%/1%", repeat=3))
    assert [repetition for _, repetition in found] == [1] * 12 + [2] * 12 + [3] * 12
    orders = [[setting for setting, again in found if again == repetition] for repetition in (1, 2, 3)]
    assert len({tuple(order) for order in orders}) == 3
    assert all(order != sorted(order) for order in orders)


def test_the_seed_alone_makes_the_order(base, tmp_path):
    """The same seed gives the same plan, wherever the file lies; another seed another order and other cells."""
    found = planned(base, LOSS, repeat=4)
    elsewhere = planned(written(tmp_path / "else", BASE), LOSS, repeat=4)
    assert found.cells == elsewhere.cells
    other = planned(base, LOSS, repeat=4, seed=8)
    assert asked(other) != asked(found)
    assert not {cell.id for cell in other.cells} & {cell.id for cell in found.cells}


def test_a_repetition_shares_its_seed_and_the_next_has_another(base):
    """What differs between the cells of one repetition is the setting; the first one has the file's own seed."""
    seeds = {}
    for cell in planned(base, LOSS, repeat=3).cells:
        if not cell.control:
            seeds.setdefault(cell.repetition, set()).add(cell.scenario.seed)
    assert seeds[1] == {7}
    assert all(len(each) == 1 for each in seeds.values())
    assert len(set.union(*seeds.values())) == 3


@pytest.mark.parametrize(("cells", "controls"), [(1, 2), (2, 2), (10, 2), (11, 3), (20, 3), (21, 4), (100, 11)])
def test_clean_controls_stand_at_both_ends_and_in_between(base, cells, controls):
    """About one in ten, the first run and the last among them, never two in a row."""
    found = planned(base, f"links.publisher.up.delay=1ms..{cells}ms/1ms" if cells > 1 else "media.red=true").cells
    places = [place for place, cell in enumerate(found) if cell.control]
    assert len(places) == controls
    assert (places[0], places[-1]) == (0, len(found) - 1)
    assert all(2 <= after - before <= 12 for before, after in pairwise(places))
    assert [found[place].repetition for place in places] == list(range(1, controls + 1))
    assert not [cell for cell in planned(base, LOSS, controls=False).cells if cell.control]


def test_a_control_is_its_neighbour_with_nothing_done_to_it(base):
    """Same clients, links and server, so that the same lab does; unimpaired, nothing injected, the default asked."""
    found = planned(base, "media.red=false,true").cells
    control, neighbour = found[0].scenario, found[1].scenario
    assert found[0].setting == found[1].setting
    assert control.links[0] == replace(neighbour.links[0], up=Impairment(), down=Impairment())
    assert (control.inject, control.timeline) == ((), ())
    assert [each.metric for each in control.expect] == ["unexplained_frames", "audio_loss"]
    assert (control.clients, control.server, control.media) == (neighbour.clients, neighbour.server, neighbour.media)


def test_a_control_is_no_cell_of_the_sweep_even_when_that_is_clean_too(tmp_path):
    """Its id differs from the one of an unimpaired cell of the same scenario."""
    found = planned(written(tmp_path, "version: 1\n"), "media.red=true").cells
    assert len({cell.id for cell in found}) == 3


def test_an_id_is_what_the_run_does(base, tmp_path):
    """Name and place do not count; scenario, its description too, images of its own and repetition do."""
    one, two = "links.publisher.up.loss=5%", "server.version=v1.13.5,v1.13.4"
    plain = planned(base, one, controls=False).cells[0]
    renamed = planned(written(tmp_path / "b", "name: b\n" + BASE), one, controls=False).cells[0]
    assert plain.id == renamed.id
    assert len(plain.id) == 12
    described = planned(written(tmp_path / "c", "description: c\n" + BASE), one, controls=False).cells[0]
    assert described.id != plain.id
    assert planned(base, one, images_of=made(router="router:9"), controls=False).cells[0].id != plain.id
    elsewhere = made(**{"server v1.13.4": "livekit:9"})
    assert planned(base, one, images_of=elsewhere, controls=False).cells[0].id == plain.id
    assert plain.id in {cell.id for cell in planned(base, one, two, images_of=elsewhere, controls=False).cells}


def made(**other):
    """Return who says that the images of these names are made of something else."""
    return lambda scenario: {name: other.get(name, recipe) for name, recipe in recipes_for(scenario).items()}


def test_a_plan_names_every_image_of_its_cells_and_no_engine_is_asked(base):
    """The router, and each server and SDK that a cell has, by what it is made of: the same on every machine."""
    axes = ("server.version=v1.13.5,v1.13.4", "clients.publisher.sdk=1.1.2,1.2.1")
    found = planned(base, *axes).images
    assert list(found) == ["client 1.1.2", "client 1.2.1", "router", "server v1.13.4", "server v1.13.5"]
    assert len(set(found.values())) == 5
    assert found["router"] == recipes().router.identity
    assert found["client 1.1.2"] == recipes(sdk_version="1.1.2").client.identity
    assert found["server v1.13.4"] == recipes(server_version="v1.13.4").server.identity


def test_settings_that_mean_the_same_are_refused(base):
    """Two spellings of one value would be one cell under two names."""
    with pytest.raises(UsageError, match=r"loss=5% .*and .*loss=5\.0% mean the same|loss=5\.0% and .*loss=5% mean"):
        planned(base, "links.publisher.up.loss=5%,5.0%")


@pytest.mark.parametrize(
    ("axis", "said"),
    [
        ("links.publisher.up.los=1%,2%", r'axis links\.publisher\.up\.los: .*unknown field \(did you mean "loss"\?\)'),
        ("media.red=true,maybe", r"axis media\.red: media\.red: true or false is expected"),
        ("links.publisher.up.loss=5", r"axis links\.publisher\.up\.loss: .*did you mean \"5%\"\?"),
        ("links.nobody.up.loss=5%", r"axis links\.nobody"),
        ("clients.ghost.sdk=1.1.2,1.2.1", r'no client is called "ghost" \(there are: publisher, subscriber\)'),
    ],
)
def test_a_cell_that_cannot_be_meant_stops_the_plan(base, axis, said):
    """The error names the axis, as it would name the line of a file."""
    with pytest.raises(ScenarioError, match=said):
        planned(base, axis)


def test_a_cell_of_the_file_names_its_line_there(tmp_path):
    """The section's own line; not where the axis of the same name came from the command line."""
    path = written(tmp_path, BASE + "sweep:\n  axes:\n    media.red: [true, maybe]\n    loss: [1%]\n")
    line = path.read_text().splitlines().index("    media.red: [true, maybe]") + 1
    with pytest.raises(UsageError, match=rf"^\S+base\.yaml:{line + 1}: unknown field \(did you mean links"):
        planned(path)
    path.write_text(path.read_text().replace("    loss: [1%]\n", ""))
    with pytest.raises(ScenarioError, match=rf"^\S+base\.yaml:{line}: media\.red: true or false is expected"):
        planned(path)
    with pytest.raises(ScenarioError, match=r"^axis media\.red: media\.red: true or false is expected"):
        planned(path, "media.red=perhaps,true")


def test_a_key_without_its_way_is_answered_with_the_ways(base):
    """`loss` is a field of two directions: both are named, and none is taken."""
    with pytest.raises(UsageError, match=r"axis loss: .*links\.publisher\.up\.loss or links\.publisher\.down\.loss"):
        planned(base, "loss=1%,2%")


def test_axes_of_the_file_count_where_the_command_line_has_none(tmp_path):
    """Those on the command line replace them all; a repeat counts on its own."""
    path = written(tmp_path, BASE + "sweep: {axes: {media.red: [true, false]}, repeat: 2}\n")
    assert {setting for setting, _ in asked(planned(path))} == {(("media.red", "true"),), (("media.red", "false"),)}
    assert planned(path).repeat == 2
    assert [axis.keys for axis in planned(path, "media.dtx=true", repeat=1).axes] == [("media.dtx",)]
    zipped = planned(path, "media.red=true,false", "media.dtx=true,false", zips=(("media.red", "media.dtx"),))
    assert len(asked(zipped)) == 4


def test_nothing_to_sweep_is_said(base):
    """No axes, no section, no repetition: that is a run."""
    with pytest.raises(UsageError, match="nothing to sweep"):
        planned(base)
    assert len(asked(planned(base, repeat=5))) == 5


def test_seed_is_said_once(base):
    """An axis of seeds and a seed for all contradict each other; each alone works."""
    with pytest.raises(UsageError, match="both say where randomness starts"):
        planned(base, "seed=1,2", seed=3)
    assert {cell.scenario.seed for cell in planned(base, "seed=1,2", controls=False).cells} == {1, 2}


@pytest.mark.parametrize("axis", ["links.publisher.up.loss=1%,2%", "links.publisher.up={loss: 1%},{loss: 2%}"])
def test_a_setting_that_no_cell_would_have_is_refused(base, axis):
    """An axis lays its own value over it, and over what is in it; one beside it, or around it, counts."""
    said = r"^axis links\.publisher\.up.*: is an axis, so --set links\.publisher\.up\.loss does nothing"
    with pytest.raises(ScenarioError, match=said):
        planned(base, axis, sets=("links.publisher.up.loss=5%",))
    around = ("links.publisher.up={delay: 20ms}",)
    found = planned(base, "links.publisher.up.loss=1%,2%", sets=around, controls=False)
    assert {cell.scenario.links[0].up.delay_ms for cell in found.cells} == {20}


def test_what_cannot_be_printed_is_spelled(base):
    """An axis and a cell are a line each."""
    with pytest.raises(ScenarioError, match=r"not tr\\nue\n  in the cell media\.red=tr\\nue$"):
        planned(base, "media.red=tr\nue")
    with pytest.raises(UsageError, match=r"^axis media\.r\\ned: 'media\.r\\ned' is no field"):
        planned(base, "media.r\ned=true")


def test_a_contradiction_names_the_cell_that_makes_it(tmp_path):
    """It may show in a line of the file that no axis touches."""
    path = written(tmp_path, "version: 1\nlinks: {publisher: {up: {rate: 1mbit, queue: 50ms}}}\n")
    with pytest.raises(ScenarioError) as caught:
        planned(path, "media.red=true", "links.publisher.up.rate=1mbit,null")
    assert "base.yaml:2: links.publisher.up.queue: needs a rate" in str(caught.value)
    assert str(caught.value).endswith("in the cell media.red=true links.publisher.up.rate=null")


def test_every_value_that_cannot_be_meant_is_told_at_once(base):
    """Each once, with the first cell that it makes, however many others; of very many the first ten."""
    with pytest.raises(ScenarioError) as caught:
        planned(base, "media.red=true,false", "links.publisher.up.loss=0%,1,2%,120%")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines[::2]] == ["axis links.publisher.up.loss"] * 2
    assert lines[1::2] == [f"  in the cell media.red=true links.publisher.up.loss={value}" for value in ("1", "120%")]
    with pytest.raises(ScenarioError) as caught:
        planned(base, "media.red=true,5", "links.publisher.up.loss=0%,1,120%")
    lines = str(caught.value).splitlines()
    assert [line.split(": ")[0] for line in lines[::2]] == [*["axis links.publisher.up.loss"] * 2, "axis media.red"]
    with pytest.raises(ScenarioError) as caught:
        planned(base, "links.publisher.up.loss=0%..112%/1%")
    assert str(caught.value).splitlines()[-1] == "and 2 more"


def test_every_example_of_the_documentation_is_a_sweep(tmp_path):
    """The axes of docs/sweeps.md, its commands, and its section."""
    text = (Path(__file__).parents[4] / "docs" / "sweeps.md").read_text()
    rows = re.findall(r"^\| `([^`=]+=[^`]+)` \|", text, re.MULTILINE)
    assert len(rows) == 6
    for row in rows:
        assert planned(written(tmp_path, "version: 1\nlinks: {publisher: {up: {loss: 5%}}}\n"), row).cells
    section = text.partition("```yaml\n")[2].partition("```")[0]
    assert len(asked(planned(written(tmp_path, section)))) == 18


def test_a_plan_reads_back_as_it_was_written(base, tmp_path):
    """Everything, the digest included; which does not depend on when the sweep was made."""
    found = planned(base, LOSS, "media.red=true,false", repeat=2)
    (tmp_path / "plan.json").write_text(found.dump())
    assert load(tmp_path / "plan.json") == found
    assert found.sweep == "19700101-000000-beef"
    assert replace(found, sweep="x", source="y").digest == found.digest
    assert planned(base, LOSS, repeat=2).digest != found.digest


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"format": 3}, "format 3 needs a newer lab"),
        ({"format": None}, "no format number"),
        ({"cells": 3}, "cells"),
        ({"more": 1}, "unknown"),
    ],
)
def test_a_plan_that_is_none_is_refused(base, tmp_path, change, said):
    """A newer format, a foreign file, an edited one: each says so and where."""
    path = tmp_path / "plan.json"
    fields = json.loads(planned(base, LOSS).dump())
    del fields["checksum"]  # as plans of before
    path.write_text(json.dumps(fields))
    assert load(path) == planned(base, LOSS)
    path.write_text(json.dumps({**fields, **change}))
    with pytest.raises(EvidenceError, match=said) as caught:
        load(path)
    assert str(path) in str(caught.value)
    with pytest.raises(EvidenceError, match="cannot be read"):
        load(tmp_path / "none.json")


def test_one_letter_in_a_plan_makes_no_other_experiment_of_it(base, tmp_path):
    """A setting or a scenario's text under the same cell's id would be a table that lies."""
    path, text = tmp_path / "plan.json", planned(base, LOSS).dump()
    path.write_text(json.dumps(json.loads(text), indent=4))
    assert load(path) == planned(base, LOSS)  # what is only laid out anew is the same
    for place in (text.index('"5%"') + 1, text.index("share: ") + 7, text.index('"checksum"') + 13):
        path.write_text(text[:place] + chr(ord(text[place]) ^ 1) + text[place + 1 :])
        with pytest.raises(EvidenceError, match=r"plan.json: its checksum does not fit .*put a copy back"):
            load(path)


def test_a_cell_finds_its_sound_file_beside_the_plan(tmp_path):
    """By its hash, so that neither its first place nor its name matters any more."""
    with wave.open(str(tmp_path / "own.wav"), "wb") as sound:
        sound.setparams((1, 2, 48_000, 0, "NONE", ""))
        sound.writeframes(bytes(2 * 4800))
    path = written(tmp_path, "version: 1\nmedia: {audio: own.wav}\n")
    found = planned(path, "media.red=true", controls=False)
    audio = found.cells[0].scenario.media.audio
    assert audio.path == tmp_path / "own.wav"
    kept = tmp_path / "sweep" / "sounds" / f"{audio.sha256}.wav"
    kept.parent.mkdir(parents=True)
    Path(audio.path).rename(kept)
    (tmp_path / "sweep" / "plan.json").write_text(found.dump())
    again = load(tmp_path / "sweep" / "plan.json")
    assert again.cells[0].scenario.media.audio.path == kept
    assert again == found
