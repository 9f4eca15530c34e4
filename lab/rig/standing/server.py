"""The LiveKit server of a lab: its configuration, its container, and what says that it is ready.

The configuration keeps every packet inside the lab (no public STUN, no TURN, no TCP for media in which loss would
turn into delay) and every witness on (debug log, metrics). The scenario's `server.config` is merged over it.
Keys: https://github.com/livekit/livekit/blob/v1.13.5/pkg/config/config.go
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from lab.rig.engine.engine import ContainerSpec, Mount
from lab.rig.layout.topology import MEDIA_PORT, SIGNAL_PORT, Topology
from lab.scenario.model import Server
from lab.secrecy import SECRET

METRICS_PORT = 6789
DEBUG_PORT = 7070
READY_WORDS = "starting LiveKit server"
READY_S = 20.0
_FOLDER = "/etc/livekit"


@dataclass(frozen=True, kw_only=True)
class Credentials:
    """An API key made for one lab; it dies with it."""

    key: str = field(default_factory=lambda: "lab" + secrets.token_hex(6))
    secret: str = field(default_factory=lambda: SECRET + secrets.token_hex(32), repr=False)


def configuration(topology: Topology, server: Server) -> dict[str, Any]:
    """Return livekit.yaml as an object, without the API key, which has a file of its own."""
    own: dict[str, Any] = {
        "port": SIGNAL_PORT,
        "bind_addresses": ["0.0.0.0"],  # inside its own network namespace, on which nothing is published
        "key_file": f"{_FOLDER}/keys.yaml",
        "prometheus": {"port": METRICS_PORT},
        "debug_handler": {"port": DEBUG_PORT},
        "logging": {"json": True, "level": "debug", "pion_level": "warn", "sample": False},
        "room": {"auto_create": True, "empty_timeout": 300},
        "audio": {"active_red_encoding": False},
        "rtc": {
            "udp_port": MEDIA_PORT,
            "tcp_port": 0,
            "allow_tcp_fallback": False,
            "use_external_ip": False,
            "node_ip": topology.server.ip,
            "stun_servers": [f"{topology.server.ip}:3478"],  # its own: no lab packet seeks a public one
            "interfaces": {"includes": ["eth0"]},
        },
    }
    return _merged(own, json.loads(server.config_json))


def _merged(under: Mapping[str, Any], over: Mapping[str, Any]) -> dict[str, Any]:
    both = {**under, **over}
    for key in under.keys() & over.keys():
        if isinstance(under[key], dict) and isinstance(over[key], dict):
            both[key] = _merged(under[key], over[key])
    return both


def write_configuration(folder: Path, topology: Topology, server: Server, credentials: Credentials) -> None:
    """Write `livekit.yaml` and `keys.yaml`, 0600 (LiveKit refuses a key file open to others)."""
    files = {"livekit.yaml": configuration(topology, server), "keys.yaml": {credentials.key: credentials.secret}}
    for name, content in files.items():
        path = folder / name
        path.touch(mode=0o600)
        path.write_text(yaml.safe_dump(content, sort_keys=False))


def server_spec(image: str, node: str, server: Server, folder: Path, base: ContainerSpec) -> ContainerSpec:
    """Return the server's container, in the network namespace of `node`; `base` brings name, labels and deadline."""
    return ContainerSpec(
        name=base.name,
        image=image,
        command=("/livekit-server", "--config", f"{_FOLDER}/livekit.yaml"),
        labels=base.labels,
        deadline_s=base.deadline_s,
        user=base.user,
        join=node,
        mounts=(Mount(source=folder, target=_FOLDER),),
        cpus=server.limits.cpus,
        memory_bytes=server.limits.memory_bytes,
    )


def token(credentials: Credentials, room: str, identity: str, valid_s: int) -> str:
    """Return the access token with which `identity` may join `room`."""
    from datetime import timedelta

    from livekit import api  # 0.3 s of imports that only a run needs

    return (
        api.AccessToken(credentials.key, credentials.secret)
        .with_identity(identity)
        .with_ttl(timedelta(seconds=valid_s))
        .with_grants(api.VideoGrants(room_join=True, room=room))
        .to_jwt()
    )
