"""The grammar of axes: what is varied over what, and what is refused."""

from __future__ import annotations

import pytest

from lab.errors import UsageError
from lab.scenario.sweeping import MAX_CELLS, Axis, axis, cells_of, key_named, settings, spelled, sweep


def values(text):
    """Return the values of the axis `k=text`."""
    return [value for (value,) in axis(f"k={text}").values]


def made(*axes, zips=(), repeat=1):
    """Return the sweep over `axes`, as the command line would spell them."""
    return sweep([axis(each) for each in axes], zips, repeat)


def refusal(call, *args, **options):
    """Return the message with which `call` is refused."""
    with pytest.raises(UsageError) as caught:
        call(*args, **options)
    return str(caught.value)


def test_values_stay_as_they_were_written():
    """Nothing is read into a value; only spaces around it go."""
    assert axis("media.red=true, false") == Axis(keys=("media.red",), values=(("true",), ("false",)))
    assert values("0%,1.50%,null") == ["0%", "1.50%", "null"]


def test_a_comma_inside_brackets_or_quotes_separates_nothing():
    """A mapping, a list and a quoted text are one value each."""
    assert values("{share: 5%, burst: 3},5%") == ["{share: 5%, burst: 3}", "5%"]
    assert values('[udp,tcp],"a,b"') == ["[udp,tcp]", '"a,b"']
    assert values("{a: '}'},1") == ["{a: '}'}", "1"]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("0ms..200ms/50ms", ["0ms", "50ms", "100ms", "150ms", "200ms"]),
        ("0%..1%/0.25%", ["0%", "0.25%", "0.5%", "0.75%", "1%"]),
        ("0ms..1s/500ms", ["0ms", "500ms", "1000ms"]),
        ("30s..1m/15s", ["30s", "45s", "60s"]),
        ("1..10/3", ["1", "4", "7", "10"]),
        ("10..100/45,200", ["10", "55", "100", "200"]),
        ("24kbit..48kbit/12kbit", ["24kbit", "36kbit", "48kbit"]),
    ],
)
def test_a_range_is_counted_out_exactly(text, expected):
    """Both ends are included, in the finest unit written; a range may stand among other values."""
    assert values(text) == expected


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("loss", "an axis is KEY=VALUE,VALUE…"),
        ("k=", "'' has an empty value"),
        ("k=1,,2", "'1,,2' has an empty value"),
        ("k=1,1", "1 is given twice; use --repeat"),
        ("k=0..2/1,1", "1 is given twice"),
        ("=1,2", "'' is no field"),
        ("a..b=1,2", "'a..b' is no field"),
        ("k={a: 1", "does not close"),
        ("k='a", "does not close"),
        ("name=a,b", "axis name: the name does nothing"),
        ("sweep.repeat=1,2", "a sweep cannot vary itself"),
        ("k=0ms..200ms", "a range needs its step"),
        ("k=0ms..200ms/0ms", "a step of 0ms never ends"),
        ("k=200ms..0ms/50ms", "runs backwards; write 0ms..200ms/50ms"),
        ("k=5%..5%/1%", "from a value to itself is no range; write 5%"),
        ("k=0ms..200ms/60ms", "steps of 60ms do not meet 200ms; the last one before it is 180ms"),
        ("k=0ms..20%/5%", "a unit of the same kind"),
        ("k=0..200ms/50ms", "a unit of the same kind"),
        ("k=0ms..-5ms/1ms", "'-5ms' is no number with a unit"),
        ("k=..5/1", "'' is no number"),
        ("k=0..1000000/1", "1000001 values; a sweep has 10000 cells at most"),
    ],
)
def test_what_cannot_be_meant_is_refused(text, said):
    """Each refusal says what is wrong and what would be right."""
    assert said in refusal(axis, text)


def test_every_combination_is_a_setting():
    """The cross product, the last axis fastest, each value beside its key."""
    found = settings(made("a=1,2", "b=x,y,z"))
    assert [spelled(each) for each in found] == ["a=1 b=x", "a=1 b=y", "a=1 b=z", "a=2 b=x", "a=2 b=y", "a=2 b=z"]
    assert settings(made()) == ((),)


def test_zipped_axes_advance_together():
    """They are one axis, in the place of the first, whatever order they were named in."""
    zipped = made("a=1,2", "m=p,q", "b=x,y", zips=[["b", "a"]])
    assert [each.keys for each in zipped.axes] == [("b", "a"), ("m",)]
    assert [spelled(each) for each in settings(zipped)] == ["b=x a=1 m=p", "b=x a=1 m=q", "b=y a=2 m=p", "b=y a=2 m=q"]


@pytest.mark.parametrize(
    ("axes", "zips", "said"),
    [
        (["a=1,2", "a=3"], [], "axis a is given twice"),
        (["a.b=1,2", "a=3"], [], "axis a.b lies inside axis a"),
        (["a=1,2", "b=1"], [["a", "b"]], "as many values: a has 2, b has 1"),
        (["a=1,2"], [["a", "c"]], "zip a,c: c is no axis of its own (axes: a)"),
        (["a=1,2", "b=1,2"], [["a", "a"]], "two or more different axes"),
        (["a=1,2", "b=1,2"], [["a"]], "two or more different axes"),
        (["a=1,2", "b=1,2", "c=1,2"], [["a", "b"], ["b", "c"]], "zip b,c: b is no axis of its own (axes: c)"),
    ],
)
def test_axes_that_contradict_each_other_are_refused(axes, zips, said):
    """A key is varied in one place only, and a zip takes whole axes of one length."""
    assert said in refusal(made, *axes, zips=zips)


def test_a_sweep_has_an_end():
    """Up to ten thousand cells, repetitions included; none is built to find out."""
    hundred = [f"{key}=1..100/1" for key in "abc"]
    assert cells_of(made(*hundred[:2])) == MAX_CELLS
    assert "20000 cells" in refusal(made, *hundred[:2], repeat=2)
    assert "1000000 cells" in refusal(made, *hundred)
    assert "repeat 0" in refusal(made, repeat=0)


def test_a_short_name_that_could_be_two_axes_is_refused():
    """Both are named; more of it decides, and a whole name always does."""
    keys = ["links.publisher.up.loss", "links.publisher.down.loss", "loss"]
    assert key_named("loss", keys) == "loss"
    assert key_named("up.loss", keys) == "links.publisher.up.loss"
    with pytest.raises(UsageError, match=r"could be links.publisher.up.loss or links.publisher.down.loss"):
        key_named("loss", keys[:2])
    with pytest.raises(UsageError, match="no axis 'oss'"):
        key_named("oss", keys[:2])
