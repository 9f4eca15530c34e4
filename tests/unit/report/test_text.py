"""The table, to the letter, in a narrow terminal; several flows; nothing that a terminal would obey."""

from __future__ import annotations

from dataclasses import replace

import pytest
from rich.cells import cell_len

from lab.analysis.values import Gate, Hop, Outcome, Owner
from lab.report.plain import clean
from lab.report.text import render
from tests.unit.report.values import CONGESTED, RUN

TABLE = """\
congested   publisher → LiveKit 1.13.5 → subscriber   30 s = 1500 frames of
  20 ms   netem: vm, seed 7
  hop       owner    packets in  dropped              frames lost  repaired by RED
  push      code                                                0
  send      code           1500  0                              0
  uplink    network        1500  81 (queue 59 ·                13               68
                                 random 22)
  server    code           1419  0                              0
  downlink  network        1419  0                              0
  playout   –              1419  concealed 0.9 % of
                                 samples
  made 1500 = heard-able 1487 + lost 13 + unexplained 0
  audio_loss  0.9 %  (95 % CI 0.5–1.5)  ≤ 5 %              met
  audio_loss  0.9 %                     ≤ network + 0.5 %  met  network explains
                                                                0.9 %

PASS   owner NETWORK/uplink 0.9 points      results/congested/20261122-101112-7f3a
  NETWORK/uplink 0.6 points: queue-full – 59 packets met a full queue while
    others sent 410 of 480 kbit/s
  NETWORK/uplink 0.3 points: random-loss – 22 packets, in runs of 1.1
"""


def test_the_table_of_a_run() -> None:
    """Every number of the example run, in its place."""
    assert render(RUN, "results/congested/20261122-101112-7f3a", 82) == TABLE


@pytest.mark.parametrize("width", [36, 60, 80, 100, 140])
def test_no_line_is_wider_than_the_terminal_and_nothing_is_cut(width: int) -> None:
    """Two flows with all that a row can add: each line fits, no word is lost, no number leaves its unit."""
    uplink = replace(CONGESTED.hops[2], late=2.5, made_up_ms=60, undecided="5 packets too many " * 9)
    flow = replace(CONGESTED, hops=(uplink, *CONGESTED.hops), reasons=("it cannot be told whose it is " * 9,))
    run = replace(RUN, outcome=Outcome.FAIL, flows=(flow, flow), void=("pacer: " + "ticked late " * 9,))
    lines = render(run, "results/congested/7f3a", width).splitlines()
    assert max(map(cell_len, lines)) <= width
    assert set(render(run, "results/congested/7f3a", 10_000).split()) <= set(" ".join(lines).split())
    assert not any(line.split()[:1] in (["%"], ["ms"], ["points"]) for line in lines)


def test_every_flow_has_a_table_and_a_line_of_its_own() -> None:
    """Two flows of which one failed: two tables, each with its outcome and causes, the run's line last."""
    failed = replace(
        CONGESTED, subscriber="other", outcome=Outcome.FAIL, owner=Owner.CLIENT, damage={Owner.CLIENT: 0.046}
    )
    text = render(replace(RUN, outcome=Outcome.FAIL, owner=Owner.CLIENT, flows=(CONGESTED, failed)), "results/x")
    assert text.count("made 1500") == 2
    assert "  PASS   owner NETWORK/uplink 0.9 points\n" in text
    assert "  FAIL   owner CODE/client 4.6 points\n" in text
    assert text.count("    NETWORK/uplink 0.6 points: queue-full") == 2
    assert text.splitlines()[-1].startswith("FAIL   owner CODE/client 4.6 points ")


def test_a_void_run_says_why_and_how_to_get_one_that_counts() -> None:
    """The gate's reason above the last line, no cause below it: what to do is about the machine, told once."""
    gates = tuple(Gate(name=name, value=80, limit="", ok=False) for name in ("pacer", "steal", "clock"))
    void = replace(RUN, outcome=Outcome.VOID, owner=Owner.UNDECIDED, void=("pacer: ticked late",), gates=gates)
    assert render(void, "results/x").splitlines()[-4:] == [
        "  VOID pacer: ticked late",
        "VOID   owner UNDECIDED" + " " * 59 + "results/x",
        "  to measure it, run it again when this machine is quiet: lab doctor says whether it can measure",
        "  to measure it, run it again while nobody sets this machine's clock",
    ]


def test_what_is_unknown_is_called_unknown() -> None:
    """No frames, no table of zeros: the connect row and why."""
    connect = Hop(
        name="connect", owner=Owner.CONNECT, packets_in=397, packets_dropped=397, note="STUN: none behind the link"
    )
    none = replace(CONGESTED.frames, made=None, decodable=None, lost=None, unexplained=None)
    text = render(replace(RUN, flows=(replace(CONGESTED, frames=none, hops=(connect,)),)), "results/x")
    assert "frames unknown" in text
    assert "connect: STUN: none behind the link" in text
    assert "made" not in text


def test_a_run_without_flows_gives_its_reasons() -> None:
    """A manifest without a server has no flow; the reason is printed all the same."""
    text = render(replace(RUN, flows=(), outcome=Outcome.UNKNOWN, reasons=("the manifest names no server",)), "x")
    assert "the manifest names no server" in text


def test_what_is_wrong_with_the_recording_is_always_told() -> None:
    """A pass with a flow and a changed log: the note stands above the last line, once; the flow's own words do not."""
    noted = replace(RUN, reasons=(*RUN.reasons, "server/log.txt: changed since it was sealed"))
    text = render(noted, "x")
    assert text.splitlines()[-4] == "  server/log.txt: changed since it was sealed"
    assert text.count("changed since") == 1


def test_a_row_adds_what_does_not_fit_below_the_table() -> None:
    """Late, contributing, disagreeing witnesses and half frames."""
    uplink = replace(CONGESTED.hops[2], late=2.5, contributing=1, undecided="5 packets too many", frames_lost=12.5)
    text = render(replace(RUN, flows=(replace(CONGESTED, hops=(uplink,)),)), "x", 160)
    assert "undecided" in text
    assert "2.5 of its frames came too late" in text
    assert "1 frames lost elsewhere had lost a copy here" in text
    assert "witnesses disagree: 5 packets too many" in text
    assert " 12.5 " in text


def test_sound_made_up_is_told_with_what_was_waited_for() -> None:
    """In the row of the hop, and below the balance, beside silence that was put in."""
    (flow,) = RUN.flows
    hops = tuple(replace(hop, made_up_ms=60.0) if hop.name in ("uplink", "playout") else hop for hop in flow.hops)
    frames = replace(flow.frames, inserted_ms={Owner.CLIENT: 20.0}, made_up_ms={Owner.UPLINK: 60.0, Owner.LOAD: 60.0})
    text = render(replace(RUN, flows=(replace(flow, hops=hops, frames=frames),)), "results/x", 160)
    assert "uplink: 60 ms of sound made up while it was waited for" in text
    assert "60 ms of sound made up although everything had come in time" in text
    assert "and 20 ms of silence inserted, and 120 ms of sound made up between" in text


def test_control_characters_never_reach_the_terminal() -> None:
    """Escape sequences, carriage returns and bidirectional overrides in what others wrote are taken out."""
    assert clean("a\x1b[31mb\rc\u202ed\x07") == "a[31mbcd"
    rude = replace(RUN, scenario="x\x1b]0;owned\x07", flows=(replace(CONGESTED, reasons=("\x1b[2J",)),))
    assert not any(char in render(rude, "results/\x1b[H") for char in "\x1b\x07\r")
