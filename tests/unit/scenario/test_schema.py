"""The reference and the JSON Schema say what the code does."""

from __future__ import annotations

from pathlib import Path

import pytest

from lab.scenario.load import loads
from lab.scenario.metrics import METRICS, metric
from lab.scenario.profiles import PROFILES, profile
from lab.scenario.schema import json_schema, reference_markdown

REFERENCE = Path(__file__).parents[3] / "docs" / "scenario.md"


def test_the_reference_is_current():
    """docs/scenario.md is the output of `lab schema`; write it again when this fails."""
    assert REFERENCE.read_text() == reference_markdown()


def test_every_example_of_the_reference_is_a_scenario():
    """Each YAML block loads as it stands (`version: 1` added where it shows a part)."""
    blocks = [part.partition("```")[0] for part in reference_markdown().split("```yaml\n")[1:]]
    assert len(blocks) == 2
    for block in blocks:
        assert loads(block if "version:" in block else f"version: 1\n{block}", source="x").links


def test_the_reference_names_everything():
    """Every metric, every profile with its source, every field of the schema."""
    text = reference_markdown()
    for each in (*METRICS, *PROFILES):
        assert f"| `{each.name}` |" in text
    schema = json_schema()
    for model in (schema, *schema["$defs"].values()):
        for field in model["properties"]:
            assert f"| `{field}` |" in text


def test_defaults_in_the_schema_are_spelled():
    """An editor offers `30s`, not 30000, and accepts the short form of a loss."""
    schema = json_schema()
    media = schema["$defs"]["MediaWritten"]["properties"]
    assert (media["duration"]["default"], media["bitrate"]["default"]) == ("30s", "48kbit")
    loss = schema["$defs"]["ImpairmentWritten"]["properties"]["loss"]["anyOf"]
    assert any(each.get("type") == "string" for each in loss)
    assert schema["additionalProperties"] is False


@pytest.mark.parametrize("name", [each.name for each in PROFILES])
def test_every_profile_can_be_used(name):
    """A published profile is a valid link in both directions, and ends an earlier one in a timeline."""
    text = f"version: 1\nlinks: {{publisher: {{profile: {name}}}}}\n"
    change = "timeline: [{at: 1s, links: {publisher: {profile: pristine}}}]"
    scenario = loads(text + change, source="x")
    assert (scenario.links[0].up.rate_bps is None) == (profile(name).up.rate == "")
    assert all(step.impairment == type(step.impairment)() for step in scenario.timeline)


def test_foxglove_wifi_walls_as_published():
    """5 / 2 Mbit down / up, 15 ms and 10 ms of jitter, 8 % loss."""
    link = loads("version: 1\nlinks: {publisher: {profile: wifi-walls}}", source="x").links[0]
    assert (link.down.rate_bps, link.up.rate_bps) == (5_000_000, 2_000_000)
    assert (link.up.delay_ms, link.up.jitter_ms, link.up.loss.share) == (15, 10, 0.08)


def test_unknown_names_are_refused():
    """Lookups in the closed tables fail with the nearest name."""
    with pytest.raises(ValueError, match="uplink_loss"):
        metric("uplink_los")
    with pytest.raises(ValueError, match="starlink"):
        profile("star-link")
