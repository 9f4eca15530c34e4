"""The plan's numbers against what was measured and against published tables."""

from __future__ import annotations

import pytest

from lab.scenario.budget import budget
from lab.scenario.load import loads
from lab.scenario.model import Media
from lab.scenario.wire import pairs, wire


def flow(text):
    """Return the first flow's budget of a scenario."""
    return budget(loads(f"version: 1\n{text}", source="x")).flows[0]


@pytest.mark.parametrize(("red", "measured_bytes"), [(True, 322.0), (False, 194.6)])
def test_wire_size_is_what_was_captured(red, measured_bytes):
    """Mean of 500 packets of marked frames at 48 kbit/s, captured before the server, within 2 %."""
    predicted = wire(Media(red=red))
    assert predicted.packet_bytes == pytest.approx(measured_bytes, rel=0.02)
    assert predicted.up_bps == predicted.packet_bytes * 400
    assert predicted.up_bps - predicted.down_bps == 8 * 400


@pytest.mark.parametrize(("share", "first", "later"), [(1, 1e-4, 1e-6), (10, 0.01, 0.001), (20, 0.04, 0.008)])
def test_independent_loss_leaves_powers(share, first, later):
    """p^2 before the sender hears of loss and p^3 after, as measured on the real server."""
    found = flow(f"links: {{publisher: {{up: {{loss: {share}%}}}}}}")
    assert found.frame_loss_first == pytest.approx(first)
    assert found.frame_loss == pytest.approx(later)
    assert found.packet_loss == found.uplink_loss == pytest.approx(share / 100)


@pytest.mark.parametrize(("burst", "first", "later"), [(2, 0.025, 0.0125), (3, 0.0333, 0.0222), (5, 0.04, 0.032)])
def test_bursts_defeat_redundancy(burst, first, later):
    """p(1-1/B)^d: 5 % in bursts leaves 2.5 to 4 % after one copy (published closed form and simulation)."""
    found = flow(f"links: {{publisher: {{up: {{loss: {{share: 5%, burst: {burst}}}}}}}}}")
    assert found.frame_loss_first == pytest.approx(first, abs=1e-4)
    assert found.frame_loss == pytest.approx(later, abs=1e-4)


def test_downlink_loss_is_repaired_once_only():
    """The server passes no downlink loss on to the sender, so that its encoder adds nothing for it."""
    found = flow("links: {subscriber: {down: {loss: 10%}}}")
    assert (found.uplink_loss, found.downlink_loss) == (0, pytest.approx(0.1))
    assert found.frame_loss == found.frame_loss_first == pytest.approx(0.01)


def test_without_red_there_is_one_repair_less():
    """Plain Opus loses p at first, and p^2 once loss is reported."""
    found = flow("media: {red: false}\nlinks: {publisher: {up: {loss: 10%}}}")
    assert (found.frame_loss_first, found.frame_loss) == (pytest.approx(0.1), pytest.approx(0.01))


def test_overload_corruption_and_loss_add_up():
    """The queue drops 1 - rate/offered; what is corrupt is lost too; losses on both links combine."""
    plan = budget(
        loads(
            "version: 1\nlinks:\n  publisher: {up: {loss: 10%, corrupt: 10%, rate: 100kbit}}\n"
            "  subscriber: {down: {loss: 50%}}",
            source="x",
        )
    )
    up, down = plan.loads[0], plan.loads[1]
    assert up.queue == pytest.approx(1 - 100_000 / plan.wire.up_bps)
    assert up.loss == pytest.approx(1 - 0.9 * 0.9 * (1 - up.queue))
    assert (down.client, down.direction, down.own_bps) == ("publisher", "down", 0)
    assert plan.flows[0].packet_loss == pytest.approx(1 - (1 - up.loss) * 0.5)


def test_background_counts_on_the_wire():
    """1200 bytes of payload are 1242 on the wire."""
    plan = budget(
        loads("version: 1\nlinks: {publisher: {up: {rate: 400kbit, background: {rate: 300kbit}}}}", source="x")
    )
    assert plan.loads[0].background_bps == 310_500
    assert plan.loads[0].queue == pytest.approx(1 - 400_000 / (plan.wire.up_bps + 310_500))


def test_an_outage_counts_for_its_time():
    """Two seconds of thirty are 6.7 % of packets and of frames; the stretches cover the media without a gap."""
    plan = budget(
        loads(
            "version: 1\nlinks: {publisher: {}}\ntimeline:\n"
            "  - {at: 14s, links: {publisher: {up: {outage: true}}}}\n"
            "  - {at: 16s, links: {publisher: {up: {outage: false}}}}",
            source="x",
        )
    )
    assert [(load.from_ms, load.to_ms) for load in plan.loads if load.direction == "up"] == [
        *((0, 14_000), (14_000, 16_000), (16_000, 30_000))
    ]
    assert plan.flows[0].packet_loss == plan.flows[0].frame_loss == pytest.approx(2 / 30)


def test_blocked_udp_is_an_outage():
    """Media is UDP."""
    assert flow("links: {publisher: {up: {block: udp}}}").packet_loss == 1


def test_injected_damage_is_predicted():
    """A stall costs its length less what was pushed ahead; every 20th frame is 5 %."""
    assert flow("inject: [{stall: {client: publisher, length: 400ms, times: 10}}]").injected == pytest.approx(3.4 / 30)
    assert flow("inject: [{skip: {client: publisher, every: 20}}]").injected == pytest.approx(0.05)


def test_flows_are_all_pairs_of_different_people():
    """`both` speaks and hears, but not itself."""
    scenario = loads("version: 1\nclients: {a: {role: both, count: 2}, b: {role: subscriber}}", source="x")
    assert set(pairs(scenario)) == {("a-1", "a-2"), ("a-2", "a-1"), ("a-1", "b"), ("a-2", "b")}


LATE = "media: {duration: 8s}\n"


@pytest.mark.parametrize(
    ("text", "measured_ms"),
    [
        (
            "links: {publisher: {}}\ntimeline:\n  - {at: 2s, links: {publisher: {up: {delay: 500ms}}}}\n"
            "  - {at: 5s, links: {publisher: {up: {delay: 1s}}}}",
            1150,
        ),
        ("links: {publisher: {up: {rate: 400kbit, queue: 10kB, background: {rate: 330kbit}}}}", 180),
        ("media: {duration: 8s, bitrate: 128kbit}\nlinks: {publisher: {up: {rate: 180kbit, queue: 4500B}}}", 180),
    ],
)
def test_a_rise_of_the_delay_is_late_audio(text, measured_ms):
    """Of each step, and of a queue that fills, as in the recordings `latency`, `queue-full` and `own-rate`."""
    found = flow(text if "media" in text else LATE + text)
    assert found.late * 8000 == pytest.approx(measured_ms, rel=0.15)
    assert not found.jittered


@pytest.mark.parametrize(
    ("text", "late_ms"),
    [
        ("links: {publisher: {up: {delay: 60ms}}, subscriber: {down: {delay: 40ms}}}", 100),
        ("impair: from_start\nlinks: {publisher: {up: {delay: 60ms}}}", 0),
        (
            "links: {publisher: {up: {delay: 60ms}}}\ntimeline:\n"
            "  - {at: 2s, links: {publisher: {up: {delay: 0ms}}}}\n"
            "  - {at: 3s, links: {publisher: {up: {delay: 20ms, outage: true}}}}\n"
            "  - {at: 4s, links: {publisher: {up: {outage: false}}}}",
            80,
        ),
        (
            "links: {publisher: {}, subscriber: {}}\ntimeline: [{at: 7s, links: {publisher: {up: {delay: 900ms}}}},"
            " {at: 7900ms, links: {subscriber: {down: {delay: 99ms}}}}]",
            999,
        ),
    ],
)
def test_only_rises_are_late(text, late_ms):
    """Of both links together; a fall is none, nor a delay that the control has already, or that nothing passes."""
    assert flow(LATE + text).late * 8000 == pytest.approx(late_ms)


def test_what_jitter_adds_is_said_to_be_unknown():
    """How deep a buffer gets by it is the listener's own."""
    found = flow("links: {subscriber: {down: {delay: 200ms, jitter: 120ms}}}")
    assert (found.late * 30_000, found.jittered) == (pytest.approx(200), True)


def forecasts(text):
    """Return the least and the most of each rate that the scenario expects something of."""
    plan = budget(loads(f"version: 1\n{text}", source="x"))
    return {each.expectation.metric: (each.predicted.least, each.predicted.most) for each in plan.forecasts}


def exactly(*ends):
    """Return what equals both ends, or one that is both."""
    return tuple(map(pytest.approx, ends if len(ends) > 1 else ends * 2))


RATES = (
    "expect: {lost_frames: '<= 3', verdict: BOTH, audio_loss: '<= network + 0.5%', uplink_loss: '<= 21%',"
    " server_loss: '<= 1%', code_loss: '<= 1%', downlink_loss: '<= 1%', network_loss: '<= 9%', concealed: '<= 9%'}"
)


def test_forecasts_are_of_rates():
    """A count and a verdict have none; what comes late is the network's, and none of the packets lost.

    A run measures the time before the sender hears of loss and the time after it together, and what is not pushed is
    not concealed.
    """
    lossy = "links: {publisher: {up: {loss: {share: 20%, burst: 2}, delay: 300ms}}}\n"
    assert forecasts(lossy + "inject: [{skip: {client: publisher, every: 50}}]\n" + RATES) == {
        "audio_loss": exactly(0.05 + 0.01 + 0.02, 0.1 + 0.01 + 0.02),
        "concealed": exactly(0.05 + 0.01, 0.1 + 0.01),
        "network_loss": exactly(0.05 + 0.01, 0.1 + 0.01),
        "code_loss": exactly(0.02),
        "uplink_loss": exactly(0.2),
        "server_loss": exactly(0),
        "downlink_loss": exactly(0),
    }


@pytest.mark.parametrize(("red", "least", "most", "measured"), [("true", 0.1, 0.15, 0.106), ("false", 0.15, 0.2, None)])
def test_a_packet_filter_is_repaired_as_a_link_is(red, least, most, measured):
    """Its packets are missing at the server, and NetEQ conceals what is beyond repair: recording `packet-filter`."""
    found = forecasts(f"media: {{red: {red}}}\ninject: [{{filter: {{drop: 4, every: 20}}}}]\n{RATES}")
    assert found["server_loss"] == exactly(0.2)
    assert found["audio_loss"] == found["concealed"] == found["code_loss"] == exactly(least, most)
    assert measured is None or least <= measured <= most


@pytest.mark.parametrize(
    ("text", "measured"),
    [
        ("links: {publisher: {up: {loss: {share: 12%, burst: 5}}}}", 0.0938),
        ("links: {publisher: {up: {corrupt: 25%}}}", 0.0388),
        ("links: {publisher: {up: {loss: 20%}}}", 0.0325),
        ("links: {publisher: {up: {loss: 20%}}}", 0.0175),
        ("media: {red: false}\nlinks: {publisher: {up: {loss: 20%}}}", 0.0575),
        ("media: {duration: 8s, bitrate: 128kbit}\nlinks: {publisher: {up: {rate: 180kbit, queue: 4500B}}}", 0.03),
    ],
)
def test_what_runs_measured_lies_in_what_is_predicted(text, measured):
    """The network_loss of recordings of 8 s; of a full queue nobody says how little it may be."""
    least, most = forecasts(f"{text}\n{RATES}")["network_loss"]
    assert (least or 0) <= measured <= most
    assert (least is None) == ("rate:" in text)


def test_what_nobody_can_foretell_is_named_with_what_it_adds_to():
    """Limits, a crowd, pauses: no figure of them is known, and none is called 0."""
    plan = budget(
        loads(
            "version: 1\nclients: {a: {role: publisher, cpus: 0.1}, b: {role: subscriber}, c: {role: subscriber}}\n"
            "links: {b: {down: {delay: 200ms, jitter: 100ms}}}\nserver: {crowd: {publishers: 2}}\n"
            f"inject: [{{pause: {{container: c, length: 1s}}}}, {{mute: {{client: a, length: 1s}}}}]\n{RATES}",
            source="x",
        )
    )
    told = {(each.subscriber, each.expectation.metric): each.untold for each in plan.forecasts}
    assert told["b", "audio_loss"] == told["b", "concealed"] == ("jitter", "a limit", "a crowd")
    assert told["b", "network_loss"] == ("jitter",)
    assert told["c", "concealed"] == ("a limit", "a crowd", "a pause")
    assert told["c", "server_loss"] == ("a limit", "a crowd", "a pause", "a mute")
    assert told["c", "uplink_loss"] == told["c", "network_loss"] == ()


def test_nothing_is_predicted_of_media_that_nobody_can_measure():
    """No rate of a call over TCP, or of none at all, is known to a run either; a later block is an outage."""
    plan = budget(loads(f"version: 1\nlinks: {{publisher: {{down: {{block: udp}}}}}}\n{RATES}", source="x"))
    assert plan.forecasts == ()
    assert plan.flows[0].unpredicted.startswith("UDP does not pass from the start")
    later = "links: {publisher: {}}\ntimeline: [{at: 15s, links: {publisher: {up: {block: udp}}}}]\n"
    assert forecasts(later + RATES)["network_loss"] == exactly(0.5)
