"""The gallery: each scenario loads, describes itself, reads back from its resolved form, and shows what it claims."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.analysis.values import Owner
from lab.faults import Skip, Stall
from lab.scenario.budget import budget
from lab.scenario.dump import dump
from lab.scenario.expectations import OWNERS
from lab.scenario.load import find, load, loads
from lab.scenario.reasons import REASONS, reason

GALLERY = Path(__file__).parents[3] / "scenarios"
VERDICTS = GALLERY.parent / "docs" / "verdicts.md"
NAMES = {
    *("clean", "congested", "twenty-percent", "wifi-walls", "4g", "satellite", "burst", "narrow", "blackout"),
    *("udp-blocked", "sender-stalls", "sender-skips", "server-starved"),
}


CAUSES = sorted(file.stem for file in find([GALLERY / "causes"]))
UNASKED = {"none", "host-busy", "host-dropped", "outage", "corrupt", "sdk-silence", "sdk-content", "undecided"}
"""Reasons that no scenario under causes/ asks for: `blackout` has an outage, and nobody can order the SDK's own."""


def gallery(name):
    """Return the gallery's scenario of this name."""
    (file,) = (file for file in find([GALLERY]) if file.stem == name)
    return load(file)


def test_the_gallery_is_complete():
    """The issue names these thirteen, beside one for every cause and the audio's own; no name is used twice."""
    files = find([GALLERY])
    assert {file.stem for file in files if file.parent.name not in ("causes", "audio")} == NAMES
    assert len({file.stem for file in files}) == len(files)


@pytest.mark.parametrize("name", sorted(NAMES))
def test_each_reads_back_from_its_resolved_form(name):
    """`lab plan` and the run folder show the resolved YAML; it must mean the same scenario."""
    scenario = gallery(name)
    assert loads(dump(scenario)) == scenario
    assert scenario.name == name
    assert scenario.description
    assert scenario.media.duration_ms == 30_000


@pytest.mark.parametrize("name", ["clean", "sender-stalls", "sender-skips", "server-starved"])
def test_innocent_networks_impair_nothing(name):
    """Both links go through the bump and do nothing, so that the network is proven innocent, not assumed."""
    scenario = gallery(name)
    assert [link.client for link in scenario.links] == ["publisher", "subscriber"]
    assert all(flow.packet_loss == 0 for flow in budget(scenario).flows)


@pytest.mark.parametrize(
    ("name", "owners"),
    [
        ("narrow", ("NETWORK/uplink",)),
        ("blackout", ("NETWORK/uplink",)),
        ("udp-blocked", ("NETWORK/connect",)),
        ("sender-stalls", ("CODE/client",)),
        ("sender-skips", ("CODE/client",)),
        ("server-starved", ("CODE/load", "CODE/server")),
    ],
)
def test_fault_scenarios_expect_their_verdict(name, owners):
    """`lab run scenarios/` is a self-test: a fault scenario passes when the right owner is named."""
    (expected,) = gallery(name).expect
    assert (expected.metric, expected.op, expected.owner, expected.owners) == ("verdict", "==", owners[0], owners)


def test_owners_are_those_of_the_verdict():
    """`expect: {verdict: …}` knows the same closed list as the judge."""
    assert set(OWNERS) == {owner.value for owner in Owner}


def test_faults_and_times_are_as_described():
    """Ten stalls of 400 ms, every 20th frame, two seconds of outage in the middle, UDP blocked from the start."""
    assert gallery("sender-stalls").inject == (Stall(client="publisher", length_ms=400, times=10),)
    assert gallery("sender-skips").inject == (Skip(client="publisher", every=20),)
    assert [(change.at_ms, change.impairment.outage) for change in gallery("blackout").timeline] == [
        (14_000, True),
        (16_000, False),
    ]
    assert gallery("udp-blocked").impair == "from_start"
    assert gallery("server-starved").server.after_join.cpus == 0.01


def test_congestion_needs_the_upload_and_narrow_does_not():
    """Congested: own rate fits, own plus background does not. Narrow: own rate alone is more than the link carries."""
    up = next(load for load in budget(gallery("congested")).loads if load.client == "publisher")
    assert up.own_bps < up.rate_bps < up.own_bps + up.background_bps
    alone = next(load for load in budget(gallery("narrow")).loads if load.client == "publisher")
    assert alone.rate_bps < alone.own_bps
    assert alone.background_bps == 0


@pytest.mark.parametrize("name", CAUSES)
def test_each_cause_expects_its_owner_and_reason(name):
    """Short, in the words of somebody who has it, with both links on the bump; it reads back from its resolved form."""
    scenario = gallery(name)
    assert loads(dump(scenario)) == scenario
    assert len(scenario.description) > 60
    assert scenario.media.duration_ms <= 10_000
    assert [link.client for link in scenario.links] == ["publisher", "subscriber"]
    assert {each.metric for each in scenario.expect} == {"verdict", "reason"}


def test_every_reason_is_somebodys():
    """A reason that no scenario can produce has never been seen to be right."""
    expected = {reason for name in CAUSES for each in gallery(name).expect for reason in each.reasons}
    assert expected == {reason.code for reason in REASONS} - UNASKED


def wanted(name):
    """Return the owners and the reasons that the cause of this name expects, either one of each right."""
    expected = {each.metric: each for each in gallery(name).expect}
    return expected["verdict"].owners, expected["reason"].reasons


def causes():
    """Return the table of docs/verdicts.md, a line per scenario of causes/, in the order of the reasons."""
    order = [each.code for each in REASONS]
    lines = ["| scenario | owner | reason |", "| --- | --- | --- |"]
    for name in sorted(CAUSES, key=lambda name: (order.index(wanted(name)[1][0]), name)):
        owners, reasons = wanted(name)
        codes = ", ".join(f"`{code}`" for code in reasons)
        lines.append(f"| [{name}](../scenarios/causes/{name}.yaml) | {' or '.join(owners)} | {codes} |")
    return "\n".join(lines) + "\n"


def test_the_documentation_names_each_cause():
    """docs/verdicts.md holds the table as it is, put it there again when this fails; and says what is not shown."""
    page = VERDICTS.read_text()
    assert causes() in page
    (left_out,) = (line for line in page.splitlines() if line.startswith("Not among them: "))
    assert {code for code in UNASKED if f"`{code}`" in left_out} == UNASKED


@pytest.mark.parametrize("name", CAUSES)
def test_an_expected_reason_is_the_expected_owners(name):
    """Otherwise nobody could ever answer both."""
    owners, reasons = wanted(name)
    assert all(set(reason(code).owners) & set(owners) for code in reasons)
