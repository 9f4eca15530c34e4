"""For any scenario that loads, the resolved form reads back to the equal scenario."""

from __future__ import annotations

import json

from hypothesis import given
from hypothesis import strategies as st

from lab.errors import ScenarioError
from lab.scenario.dump import dump
from lab.scenario.expectations import OWNERS
from lab.scenario.load import loads
from lab.scenario.profiles import PROFILES
from lab.scenario.reasons import REASONS


def number(most, places=3):
    """Draw the text of a number from 0 to `most`."""
    return st.decimals(0, most, places=places).map(lambda drawn: f"{drawn:f}")


def optional(**fields):
    """Draw a mapping with any of these fields."""
    return st.fixed_dictionaries({}, optional=fields)


TEXT = st.text(st.characters(exclude_categories=("Cs", "Cn", "Cc")) | st.sampled_from("\n\t\x00\x1b"), max_size=20)
SHARE = number(100).map("{}%".format)
TIME = st.one_of(number(2000).map("{}ms".format), number(2).map("{}s".format))
RATE = st.integers(1, 10_000).map("{}kbit".format)
IMPAIRMENT = optional(
    delay=st.integers(2, 900).map("{}ms".format),
    jitter=number(2).map("{}ms".format),
    order=st.sampled_from(["keep", "free"]),
    loss=st.one_of(
        st.none(), SHARE, st.fixed_dictionaries({"share": SHARE, "burst": st.floats(1, 9).map(lambda f: round(f, 4))})
    ),
    rate=st.none() | RATE,
    queue=st.one_of(st.none(), TIME, st.integers(1, 10**7).map("{}B".format)),
    duplicate=SHARE,
    corrupt=SHARE,
    outage=st.booleans(),
    background=st.none() | st.fixed_dictionaries({"rate": RATE}),
)
LINK = optional(up=IMPAIRMENT, down=IMPAIRMENT, profile=st.sampled_from([each.name for each in PROFILES]))
LEAF = st.one_of(st.none(), st.booleans(), st.integers(-(10**14), 10**14), number(999, 9).map(float), TEXT)
STEPS = st.lists(st.integers(1, 29_999), max_size=3, unique=True).flatmap(
    lambda times: st.tuples(
        *(
            st.fixed_dictionaries({"at": st.just(f"{at}ms"), "links": st.fixed_dictionaries({"publisher": LINK})})
            for at in sorted(times)
        )
    ).map(list)
)
SCENARIO = st.fixed_dictionaries(
    {"links": st.fixed_dictionaries({"publisher": LINK}, optional={"subscriber": LINK})},
    optional={
        "description": TEXT,
        "seed": st.integers(0, 2**32 - 1),
        "timeline": STEPS,
        "expect": optional(
            verdict=st.lists(st.sampled_from(OWNERS), max_size=3),
            reason=st.lists(st.sampled_from([each.code for each in REASONS]), max_size=3),
            audio_loss=SHARE.map("<= network + {}".format),
        ),
        "server": optional(config=st.dictionaries(TEXT.filter(bool), st.recursive(LEAF, st.lists, max_leaves=4))),
    },
)


@given(SCENARIO)
def test_what_loads_reads_back_equal(written):
    """Whatever was written, in any spelling: load, dump and load give the same value twice, or it was refused."""
    try:
        scenario = loads(json.dumps({"version": 1, "name": "any", **written}, ensure_ascii=False))
    except ScenarioError:
        return
    assert loads(dump(scenario)) == scenario
