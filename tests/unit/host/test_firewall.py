"""Naming the packet filter rule in the way, from its counters."""

from __future__ import annotations

from lab.host.firewall import counters, in_the_way

BEFORE = """*filter
:FORWARD DROP [7:400]
:DOCKER - [0:0]
[0:0] -A DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP
[9:90] -A FORWARD -i br-1 -j ACCEPT
COMMIT
*raw
[3:30] -A PREROUTING -d 198.18.0.10/32 ! -i br-2 -j DROP
COMMIT
"""


def test_only_rules_and_policies_that_drop_are_counted() -> None:
    """An accepting rule is in nobody's way; the same text in another table is another rule."""
    assert counters(BEFORE) == {
        "filter: policy DROP of FORWARD": 7,
        "filter: -A DOCKER-ISOLATION-STAGE-2 -o br-1 -j DROP": 0,
        "raw: -A PREROUTING -d 198.18.0.10/32 ! -i br-2 -j DROP": 3,
    }


def test_the_rule_that_grew_by_what_was_lost_is_named() -> None:
    """Other rules may count strangers at the same time; the one with all of ours is meant."""
    after = BEFORE.replace("[3:30]", "[203:2030]").replace("[7:400]", "[9:500]")
    said = in_the_way(counters(BEFORE), counters(after), lost=200)
    assert said == "this rule dropped them: raw: -A PREROUTING -d 198.18.0.10/32 ! -i br-2 -j DROP"


def test_nobody_is_blamed_without_a_counter() -> None:
    """A rule that did not grow is not named, and unreadable counters are said to be that."""
    assert "no iptables rule counted them" in in_the_way(counters(BEFORE), counters(BEFORE), lost=200)
    assert "run as root" in in_the_way(None, None, lost=200)
