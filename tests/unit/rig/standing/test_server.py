"""LiveKit's configuration: ours, with the scenario's merged over it, and secrets in a file of their own."""

from __future__ import annotations

import json
import stat
from pathlib import Path

import yaml

from lab.rig.layout.topology import topology
from lab.rig.standing.server import Credentials, configuration, write_configuration
from lab.scenario.model import Server
from tests.unit.rig.layout.test_topology import link, scenario

TOPOLOGY = topology(scenario({"p": "publisher", "s": "subscriber"}, (link("p"),)))


def test_media_stays_on_udp_and_inside_the_lab() -> None:
    """No TCP in which loss turns into delay, no public STUN server, a fixed candidate."""
    rtc = configuration(TOPOLOGY, Server())["rtc"]
    assert (rtc["tcp_port"], rtc["allow_tcp_fallback"], rtc["use_external_ip"]) == (0, False, False)
    assert rtc["node_ip"] == TOPOLOGY.server.ip
    assert all(server.startswith(TOPOLOGY.server.ip) for server in rtc["stun_servers"])


def test_the_scenario_wins_key_by_key() -> None:
    """An override replaces what it names and leaves its neighbours alone."""
    made = configuration(TOPOLOGY, Server(config_json=json.dumps({"rtc": {"udp_port": 9000}, "audio": {"x": 1}})))
    assert made["rtc"]["udp_port"] == 9000
    assert made["rtc"]["node_ip"] == TOPOLOGY.server.ip
    assert made["audio"] == {"active_red_encoding": False, "x": 1}


def test_the_secret_is_in_its_own_file_that_only_its_owner_reads(tmp_path: Path) -> None:
    """livekit.yaml, which is kept as evidence, holds no secret; LiveKit refuses a key file open to others."""
    credentials = Credentials()
    write_configuration(tmp_path, TOPOLOGY, Server(), credentials)
    assert credentials.secret not in (tmp_path / "livekit.yaml").read_text()
    assert yaml.safe_load((tmp_path / "keys.yaml").read_text()) == {credentials.key: credentials.secret}
    assert stat.S_IMODE((tmp_path / "keys.yaml").stat().st_mode) == 0o600
    assert credentials.secret not in repr(credentials)
