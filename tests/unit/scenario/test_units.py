"""Spelled quantities: the right meaning or a refusal, and a spelling that reads back."""

from __future__ import annotations

import re
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import ScenarioError
from lab.scenario import units
from lab.scenario.load import loads

NUMBERS = st.one_of(
    st.integers(0, 10**9 - 1).map(str),
    st.decimals(0, 10**9 - 1, places=4, allow_nan=False).map(lambda number: f"{number:f}"),
)
KINDS = {
    "duration": (units.duration, units.format_duration, units.DURATION),
    "share": (units.share, units.format_share, units.SHARE),
    "rate": (units.rate, units.format_rate, units.RATE),
    "size": (units.size, units.format_size, units.SIZE),
}


@pytest.mark.parametrize(
    ("read", "text", "value"),
    [
        (units.duration, "40ms", 40.0),
        (units.duration, "1.5s", 1500.0),
        (units.duration, "2m", 120_000.0),
        (units.whole_duration, "30s", 30_000),
        (units.share, "5%", 0.05),
        (units.share, "0.2%", 0.002),
        (units.share, "100%", 1.0),
        (units.rate, "400kbit", 400_000),
        (units.rate, "1.5mbit", 1_500_000),
        (units.size, "20kB", 20_000),
        (units.size, "64MB", 64_000_000),
    ],
)
def test_spelled_quantity_has_its_meaning(read, text, value):
    """Each unit means what it says; kB is 1000 bytes, as in SI, and kbit 1000 bits, as in tc."""
    assert read(text) == value


@pytest.mark.parametrize(
    ("read", "written", "hint"),
    [
        (units.share, 0.02, 'did you mean "2%"?'),
        (units.share, 5, 'did you mean "5%"?'),
        (units.share, "5 %", 'did you mean "5%"?'),
        (units.share, "5percent", 'did you mean "5%"?'),
        (units.share, "101%", "more than 100% is not possible"),
        (units.share, "-1%", "not negative"),
        (units.share, -1, "not negative"),
        (units.share, "nan", "is written as 5%"),
        (units.share, "inf%", "is written as 5%"),
        (units.share, "1e-3", 'did you mean "0.1%"?'),
        (units.duration, 40, 'did you mean "40ms"?'),
        (units.duration, 999_999_999, "is written as 40ms"),
        (units.delay, 40_000, "is written as 40ms"),
        (units.delay, "1:30", "is written as 40ms"),
        (units.whole_duration, 1.5, 'did you mean "1.5s"?'),
        (units.share, 500, "is written as 5%"),
        (units.rate, 0, "is written as 400kbit"),
        (units.size, "0 kB", "is written as 20kB"),
        (units.duration, "1:30", 'did you mean "90s"?'),
        (units.duration, "2 sec", 'did you mean "2s"?'),
        (units.duration, "10MS", 'did you mean "10ms"?'),
        (units.duration, "2d", "is written as 40ms"),
        (units.duration, "999999m", "more than 1440m is not possible"),
        (units.delay, "40m", 'more than 30s is not possible; did you mean "40ms"?'),
        (units.delay, "40s", 'more than 30s is not possible; did you mean "40ms"?'),
        (units.delay, "40000ms", "more than 30s is not possible"),
        (units.link_rate, "99bit", "100bit to 10gbit is expected"),
        (units.duration, True, "a time is expected"),
        (units.duration, None, "a time is expected"),
        (units.duration, [1], "a time is expected"),
        (units.whole_duration, "1.5ms", "a whole number of ms is expected"),
        (units.rate, 400, 'did you mean "400kbit"?'),
        (units.rate, "5Mbps", 'did you mean "5mbit"?'),
        (units.rate, "5mbit/s", 'did you mean "5mbit"?'),
        (units.rate, "0kbit", "more than 0"),
        (units.rate, "0.5bit", "a whole number of bit"),
        (units.rate, "1:30", "is written as 400kbit"),
        (units.size, 64, 'did you mean "64kB"?'),
        (units.size, "20KB", 'did you mean "20kB"?'),
        (units.size, "20 lumps", "is written as 20kB"),
        (units.size, "\u0662\u0660kB", "is written as 20kB"),
    ],
)
def test_refusal_names_the_spelling_that_was_meant(read, written, hint):
    """Row 38 of the fault matrix: nonsense and unit-less numbers are refused, with what was probably meant."""
    with pytest.raises(ValueError, match=r".") as caught:
        read(written)
    assert hint in str(caught.value)


BARE = st.one_of(st.integers(0, 10**9), st.floats(0, 10**6, allow_nan=False))
FIELDS = {
    "media.duration": lambda text: f"media: {{duration: {text}}}",
    "media.control": lambda text: f"media: {{control: {text}}}",
    "media.bitrate": lambda text: f"media: {{bitrate: {text}}}",
    "media.sample_rate": lambda text: f"media: {{sample_rate: {text}}}",
    "server.memory": lambda text: f"server: {{memory: {text}}}",
}


@pytest.mark.parametrize("field", FIELDS)
@given(number=BARE)
def test_what_a_field_offers_it_takes(field, number):
    """A bare number is refused; the spelling in the hint, if there is one, is not."""
    text = "version: 1\nlinks: {publisher: {}}\n"
    with pytest.raises(ScenarioError) as refused:
        loads(text + FIELDS[field](number))
    if hint := re.search(r'did you mean "(.*?)"', str(refused.value)):
        loads(text + FIELDS[field](hint[1]))


@pytest.mark.parametrize(
    ("field", "number", "hint"),
    [
        ("media.duration", 30, "30s"),
        ("media.duration", 0.5, ""),
        ("media.bitrate", 48_000, "48000bit"),
        ("server.memory", 64, "64MB"),
        ("server.memory", 5, ""),
    ],
)
def test_a_hint_is_no_guess(field, number, hint):
    """The usual unit, or one next to it; half a minute is not what anybody means by 0.5."""
    with pytest.raises(ScenarioError) as refused:
        loads("version: 1\nlinks: {publisher: {}}\n" + FIELDS[field](number))
    assert re.findall(r'did you mean "(.*?)"', str(refused.value)) == [hint] * bool(hint)


@pytest.mark.parametrize("kind", KINDS)
@given(number=NUMBERS, data=st.data())
def test_accepted_means_number_times_factor(kind, number, data):
    """For every accepted text the value is exactly its number times its unit's factor, and it round-trips."""
    read, spell, unit = KINDS[kind]
    name = data.draw(st.sampled_from(list(unit.factors)))
    try:
        value = read(number + name)
    except ValueError:
        exact = Decimal(number) * unit.factors[name]
        assert exact > unit.most or (unit.positive and not exact) or (unit.step and exact % unit.step)
        return
    assert float(value) == float(Decimal(number) * unit.factors[name])
    assert read(spell(value)) == value


@pytest.mark.parametrize("kind", KINDS)
@given(written=st.one_of(st.text(max_size=12), st.floats(), st.integers(), st.booleans(), st.none()))
def test_anything_else_is_a_value_error(kind, written):
    """No input crashes with anything but ValueError, and whatever is accepted ends in a known unit."""
    read, _, unit = KINDS[kind]
    try:
        read(written)
    except ValueError:
        return
    assert str(written).endswith(tuple(unit.factors))
