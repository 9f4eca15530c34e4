"""Which labs a sweep needs: one for all that sharing allows, built for whoever needs the most of it."""

from __future__ import annotations

import pytest

from lab.batch.plans.asked import SweepAsked
from lab.batch.plans.plan import load
from lab.batch.plans.planning import plan
from lab.rig.standing.sharing import extras, frame
from lab.scenario.load import loads

BUSY = """\
version: 1
links:
  publisher: {up: {rate: 400kbit, background: {rate: 300kbit}}}
server: {crowd: {publishers: 2}}
"""


def planned(folder, text, *axes):
    """Return the plan of a sweep over `text`."""
    (folder / "x.yaml").write_text(text)
    return plan(folder / "x.yaml", SweepAsked(axes=axes, repeat=2))


def test_what_only_tc_and_the_room_change_shares_one_lab(tmp_path):
    """Impairments, media, limits after joining, and the clean controls: one lab."""
    found = planned(
        tmp_path, BUSY, "links.publisher.up.loss=0%,5%", "media.red=true,false", "server.crowd.publishers=1,2"
    )
    assert found.labs == 1


def test_a_control_is_served_by_the_lab_of_the_disturbed(tmp_path):
    """It comes first, but the lab is built with what the others need besides."""
    control = planned(tmp_path, BUSY, "media.red=true,false").cells[0]
    host = loads(control.host, source="host")
    assert control.control
    assert extras(control.scenario) < extras(host)
    assert frame(control.scenario) == frame(host)


@pytest.mark.parametrize(
    ("axis", "labs"),
    [
        ("server.version=v1.13.5,v1.13.4,v1.13.3", 3),
        ("impair_only=all,rtp", 2),
        ("links={publisher: {up: {loss: 5%}}},{subscriber: {up: {loss: 5%}}}", 2),
        ("links.publisher.up.background=null,{rate: 300kbit}", 1),
        ("server.crowd.publishers=0,1,3", 1),
    ],
)
def test_another_lab_only_for_what_a_lab_is_built_with(tmp_path, axis, labs):
    """Servers, links and what may be impaired; traffic and crowd are served by the lab that has them."""
    assert planned(tmp_path, BUSY, axis).labs == labs


def test_hosts_are_kept_with_the_plan(tmp_path):
    """Each once, however many cells it serves."""
    found = planned(tmp_path, BUSY, "server.version=v1.13.5,v1.13.4")
    (tmp_path / "plan.json").write_text(found.dump())
    assert [cell.host for cell in load(tmp_path / "plan.json").cells] == [cell.host for cell in found.cells]
