"""What the kernel says is compared with what was asked, field by field, on tc's real words."""

from __future__ import annotations

import json
from dataclasses import fields, replace

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump import readback
from lab.scenario.model import Impairment, Loss

# `tc -j -s -r qdisc show` and `filter show` of iproute2 6.15 on kernel 6.12, of the impairment ASKED with seed 4242.
COUNTERS = '"bytes":%d,"packets":%d,"drops":%d,"overlimits":4,"requeues":0,"backlog":0,"qlen":%d'
QDISCS = json.loads(
    f"""[
{{"kind":"noqueue","handle":"0:","dev":"lo","root":true,"refcnt":2,"options":{{}},{COUNTERS % (0, 0, 0, 0)}}},
{{"kind":"prio","handle":"1:","dev":"up0","root":true,"refcnt":2,"options":{{"bands":3,
  "priomap":[0,0,0,0,0,0,0,0,0,0,0,0,0,0,0,0],"multiqueue":false}},{COUNTERS % (900, 9, 3, 1)}}},
{{"kind":"netem","handle":"2:","dev":"up0","parent":"1:2","options":{{"limit":18000,
  "delay":{{"delay":0.05,"jitter":0.01,"correlation":0}},"loss-random":{{"loss":0.2,"correlation":0}},
  "duplicate":{{"duplicate":0.01,"correlation":0}},"corrupt":{{"corrupt":0.02,"correlation":0}},
  "rate":{{"rate":12500000000,"packetoverhead":0,"cellsize":0,"celloverhead":0}},"seed":4242,"ecn":false,"gap":0}},
  {COUNTERS % (900, 9, 3, 1)}}},
{{"kind":"pfifo","handle":"10:","dev":"up0","parent":"1:1","options":{{"limit":10000}},{COUNTERS % (0, 0, 0, 0)}}},
{{"kind":"pfifo","handle":"3:","dev":"up0","parent":"1:3","options":{{"limit":0}},{COUNTERS % (0, 0, 0, 0)}}},
{{"kind":"tbf","handle":"20:","dev":"up0","parent":"2:1","options":{{"rate":50000,"burst":3000,"burst_raw":"e4e1c",
  "lat":140000,"limit":10000}},{COUNTERS % (900, 9, 1, 1)}}}]"""
)
FILTERS = json.loads(
    """[{"protocol":"all","pref":1,"kind":"u32","chain":0},
{"protocol":"all","pref":1,"kind":"u32","chain":0,"options":{"fh":"800:","ht_divisor":1}},
{"protocol":"all","pref":1,"kind":"u32","chain":0,"options":{"fh":"800::800","order":2048,"flowid":"1:3"}},
{"protocol":"ip","pref":20,"kind":"u32","chain":0,"options":{"fh":"801::800","order":2048,"flowid":"1:2"}}]"""
)
ASKED = Impairment(
    delay_ms=50,
    jitter_ms=10,
    loss=Loss(share=0.2),
    duplicate=0.01,
    corrupt=0.02,
    rate_bps=400_000,
    queue_bytes=10_000,
    outage=True,
)


def got() -> readback.Shape:
    """Return the shape of the recorded words."""
    return readback.got_shape(readback.qdiscs(QDISCS, "up0"), FILTERS)


def test_tc_s_words_are_what_was_asked() -> None:
    """The recorded output of a real kernel compares equal."""
    readback.compare("up0", readback.asked_shape(ASKED, "all", 4242), got())


@pytest.mark.parametrize("name", [field.name for field in fields(readback.Shape)])
def test_any_other_value_is_named(name: str) -> None:
    """Each field alone makes the comparison fail, with device, field, asked and got."""
    have = getattr(got(), name)
    wrong = ("other",) if isinstance(have, tuple) else "other" if isinstance(have, str) else have * 1.01 + 1
    with pytest.raises(EnvironmentFault, match=f"up0: asked for {name} "):
        readback.compare("up0", readback.asked_shape(ASKED, "all", 4242), replace(got(), **{name: wrong}))


def test_a_seed_that_was_not_asked_for_is_not_missed() -> None:
    """Where no seed is known, the kernel shows one it drew itself, or none."""
    asked = readback.asked_shape(ASKED, "all", None)
    readback.compare("up0", asked, got())
    readback.compare("up0", asked, replace(got(), seed=None))


def test_rounding_of_tc_is_no_difference() -> None:
    """Six digits of a share, and two ticks of 64 ns of a burst at its rate."""
    asked = replace(got(), gemodel_p=1 / 57, rate=1_250_000_000, burst=4_000_000)
    readback.compare("up0", asked, replace(asked, gemodel_p=0.0175439, burst=3_999_920))
    with pytest.raises(EnvironmentFault, match="burst"):
        readback.compare("up0", asked, replace(asked, burst=3_999_800))


def test_bursts_are_compared_by_their_chances() -> None:
    """A Gilbert model is no random loss."""
    shape = readback.asked_shape(Impairment(loss=Loss(share=0.05, burst=3)), "rtp", 1)
    assert (shape.loss, shape.gemodel_p, shape.gemodel_r) == (0, pytest.approx(1 / 57), pytest.approx(1 / 3))
    assert shape.filters == ("10 1:1", "20 1:2")


def test_another_tree_is_named() -> None:
    """A qdisc that is gone or replaced is no counter to believe."""
    with pytest.raises(EnvironmentFault, match="the bump's qdiscs are"):
        readback.got_shape(readback.qdiscs(QDISCS, "up0")[1:], FILTERS)


def test_counters_are_those_of_the_device() -> None:
    """Sent, dropped and held are read for the device asked, root first as the kernel lists them."""
    root, netem, *_ = readback.qdiscs(QDISCS, "up0")
    assert (root.kind, root.parent, root.sent_packets, root.sent_bytes, root.dropped) == ("prio", "root", 9, 900, 3)
    assert (netem.handle, netem.parent, netem.overlimits, netem.backlog_packets) == ("2:", "1:2", 4, 1)
    assert json.loads(netem.options_json)["seed"] == 4242
