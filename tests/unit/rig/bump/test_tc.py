"""tc is told everything, every time, in the same tree; and what it cannot do is refused by name."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from lab.errors import EnvironmentFault
from lab.rig.bump import tc
from lab.rig.layout.script import Argv
from lab.scenario.model import Impairment, Loss

CLEAN = Impairment()


def words(lines: tuple[Argv, ...]) -> list[str]:
    """Return each line as text."""
    return [" ".join(line) for line in lines]


def test_setup_builds_the_whole_tree_clean() -> None:
    """Root, the three bands, the child for the rate, and the filter that sends IPv4 to be impaired."""
    assert words(tc.setup_argv("up0", "all", 7)) == [
        "tc qdisc replace dev up0 root handle 1: prio bands 3 priomap 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0 0",
        "tc qdisc replace dev up0 parent 1:1 handle 10: pfifo limit 10000",
        "tc qdisc replace dev up0 parent 1:2 handle 2: netem limit 10000 delay 0ms 0ms loss random 0%"
        " duplicate 0% corrupt 0% rate 100000000000bit seed 7",
        "tc qdisc replace dev up0 parent 2:1 handle 20: tbf rate 10000000000bit burst 4000000 limit 100000000",
        "tc qdisc replace dev up0 parent 1:3 handle 3: pfifo limit 0",
        "tc filter add dev up0 parent 1: protocol ip prio 20 u32 match u32 0 0 flowid 1:2",
    ]


def test_only_rtp_is_chosen_by_its_first_two_bytes() -> None:
    """RTCP is let past before RTP is chosen."""
    rtcp, rtp = words(tc.setup_argv("up0", "rtp", 7))[-2:]
    udp = "u32 match u8 0x45 0xff at 0 match u8 0x11 0xff at 9 match u8 0x80 0xc0 at 28"
    assert rtcp.endswith(f"prio 10 {udp} match u8 0xc0 0xe0 at 29 flowid 1:1")
    assert rtp.endswith(f"prio 20 {udp} flowid 1:2")


def test_a_change_restates_everything() -> None:
    """What an impairment does not ask for is set to nothing, because netem keeps what is left out."""
    asked = Impairment(delay_ms=40, jitter_ms=5.5, loss=Loss(share=0.2), rate_bps=400_000, queue_bytes=10_000)
    assert words(tc.change_argv("up0", CLEAN, asked, 9)) == [
        "tc qdisc change dev up0 parent 1:2 handle 2: netem limit 12400 delay 40ms 5.5ms distribution normal"
        " loss random 20% duplicate 0% corrupt 0% rate 100000000000bit seed 9",
        "tc qdisc change dev up0 parent 2:1 handle 20: tbf rate 400000bit burst 3000 limit 10000",
    ]


def test_nothing_is_added_to_or_removed_from_the_tree_by_a_change() -> None:
    """Only filters come and go; a qdisc that went would take its packets with it."""
    hard = Impairment(delay_ms=9, loss=Loss(share=0.1, burst=3), outage=True, block=("udp", "tcp"), duplicate=0.1)
    for before, after in ((CLEAN, hard), (hard, CLEAN)):
        qdiscs = [line for line in tc.change_argv("up0", before, after, 1) if line[1] == "qdisc"]
        assert {line[2] for line in qdiscs} == {"change"}


def test_blocks_appear_first_and_vanish_last() -> None:
    """No packet slips through between two states; what stays blocked is not touched."""
    udp, both = Impairment(block=("udp",)), Impairment(block=("udp", "tcp"), outage=True)
    there, back = words(tc.change_argv("up0", udp, both, 1)), words(tc.change_argv("up0", both, udp, 1))
    assert there[:2] == [
        "tc filter add dev up0 parent 1: protocol ip prio 1 u32 match u32 0 0 flowid 1:3",
        "tc filter add dev up0 parent 1: protocol ip prio 3 u32 match u8 0x06 0xff at 9 flowid 1:3",
    ]
    assert back[-2:] == [
        "tc filter del dev up0 parent 1: protocol ip prio 1",
        "tc filter del dev up0 parent 1: protocol ip prio 3",
    ]
    assert not [line for line in there + back if "prio 2" in line]


@pytest.mark.parametrize(
    ("asked", "rate"),
    [
        (CLEAN, tc.KEEPING_ORDER_BPS),
        (Impairment(delay_ms=5, jitter_ms=1), tc.KEEPING_ORDER_BPS),
        (Impairment(delay_ms=5, order="free"), tc.KEEPING_ORDER_BPS),
        (Impairment(delay_ms=5, jitter_ms=1, order="free"), 0),
    ],
)
def test_order_is_kept_unless_a_jitter_may_change_it(asked: Impairment, rate: int) -> None:
    """A rate makes netem a first-in, first-out queue."""
    assert tc.netem_rate_bps(asked) == rate


def test_the_table_of_the_distribution_is_given_with_every_jitter() -> None:
    """Also for `uniform`, or the table of the step before would stay."""
    for name in ("uniform", "normal", "pareto", "paretonormal"):
        assert ("distribution", name) == tc.netem_options(Impairment(jitter_ms=1, distribution=name), None)[5:7]
    assert "distribution" not in tc.netem_options(Impairment(delay_ms=1), None)


def test_a_seed_is_left_out_where_it_is_not_known() -> None:
    """Old kernels and old tc have none."""
    assert "seed" not in tc.netem_options(CLEAN, None)


@given(
    share=st.floats(0.001, 0.6),
    burst=st.floats(2.0, 50.0),
)
def test_gilbert_has_the_share_and_the_burst_asked_for(share: float, burst: float) -> None:
    """The stationary share of the bad state is p / (p + r), its mean length 1 / r."""
    p, r = tc.gilbert(Loss(share=share, burst=burst))
    assert p / (p + r) == pytest.approx(share)
    assert 1 / r == pytest.approx(burst)


@pytest.mark.parametrize(
    "loss", [Loss(share=0.9, burst=2), Loss(share=1.0, burst=3), Loss(share=0.2)], ids=["dense", "all", "no burst"]
)
def test_bursts_that_cannot_be_are_refused(loss: Loss) -> None:
    """90 % cannot be lost in bursts of 2: the gaps between them would be shorter than a packet."""
    with pytest.raises(EnvironmentFault, match="bursts"):
        tc.gilbert(loss)


def test_a_rate_without_a_queue_is_refused() -> None:
    """A queue is the scenario's to say, not ours to invent."""
    with pytest.raises(EnvironmentFault, match="no queue"):
        tc.tbf_options(Impairment(rate_bps=100_000))


@given(st.floats(0, 2000), st.floats(0, 500))
def test_netem_never_fills_its_own_queue(delay_ms: float, jitter_ms: float) -> None:
    """Room for twice what 100 000 packets/s can have on the way."""
    asked = Impairment(delay_ms=delay_ms, jitter_ms=jitter_ms)
    assert tc.netem_limit(asked) >= max(10_000, 2 * 100 * (delay_ms + 4 * jitter_ms) - 1)


def test_seeds_differ_by_run_link_direction_and_step_and_fit_tc() -> None:
    """The same four give the same seed, any other gives another; never 0."""
    seeds = {
        tc.seed_for(run, client, way, step)
        for run in (1, 2)
        for client in ("a", "b")
        for way in ("up", "down")
        for step in ("impair", "change-1")
    }
    assert len(seeds) == 16
    assert all(0 < seed < 2**32 for seed in seeds)
    assert tc.seed_for(7, "a", "up", "impair") == tc.seed_for(7, "a", "up", "impair")


@pytest.mark.parametrize(("share", "text"), [(0.2, "20%"), (0.0, "0%"), (1.0, "100%"), (1 / 3, "33.3333333333%")])
def test_shares_are_written_in_percent(share: float, text: str) -> None:
    """Finer than the kernel's 2⁻³², and never in exponents, which tc does not read."""
    assert tc.percent(share) == text


def test_small_numbers_are_written_without_exponents() -> None:
    """A nanosecond is 0.000001 ms."""
    assert (tc.number(0.000001), tc.number(40.0), tc.number(0)) == ("0.000001", "40", "0")
