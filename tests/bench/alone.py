"""The containers of a lab by `docker run`, one after another, until their call is heard: the yardstick of bringing up.

One network, no router between, nothing impaired, captured or watched: less than a lab does. The pacer is left out: a
lab starts it with the media. Whatever becomes of this process, the containers end themselves.
"""

from __future__ import annotations

import json
import secrets
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import lab
from lab.rig.layout.images import Images

SUBNET = "198.19.250.0/24"
SERVER = "198.19.250.10"
KEY, SECRET = "playground", "playground-playground-playground"
WAIT_S = 30.0
LIVES_S = "120"


def heard_s(images: Images, folder: Path, first_heard_s: Callable[[Path], float | None]) -> float:
    """Return the seconds from the first command to the first audible frame; everything is removed afterwards."""
    mark = f"lab-bench-{secrets.token_hex(4)}"
    for role in ("publisher", "subscriber"):
        (folder / role).mkdir(mode=0o777)
        (folder / role).chmod(0o777)
    _configure(folder / "livekit")
    began = time.monotonic()
    try:
        _start(mark, images, folder)
        while (heard := first_heard_s(folder / "subscriber")) is None:
            assert time.monotonic() - began < WAIT_S, "nothing was heard"
            time.sleep(0.1)
    finally:
        left = _docker("ps", "-aq", "--filter", f"label={mark}").split()
        _docker("rm", "-f", *left) if left else None
        _docker("network", "rm", mark)
    return heard - began


def _configure(folder: Path) -> None:
    folder.mkdir()
    rtc = {"udp_port": 7882, "tcp_port": 0, "use_external_ip": False, "node_ip": SERVER}
    (folder / "livekit.yaml").write_text(json.dumps({"port": 7880, "keys": {KEY: SECRET}, "rtc": rtc}))


def _start(mark: str, images: Images, folder: Path) -> None:
    """Start what a lab starts, in its order."""
    run = ("run", "-d", "--init", "--label", mark)
    _docker("network", "create", "--subnet", SUBNET, mark)
    for name in ("router", "node-server", "node-publisher", "node-subscriber"):
        address = ("--ip", SERVER) if name == "node-server" else ()
        place = ("--name", f"{mark}-{name}", "--network", mark, *address)
        _docker(*run, *place, images.router.reference, "sleep", LIVES_S)
    place = ("--network", f"container:{mark}-node-server", "-v", f"{folder / 'livekit'}:/etc/livekit:ro")
    server = ("/livekit-server", "--config", "/etc/livekit/livekit.yaml")
    _docker(*run, *place, images.server.reference, "timeout", LIVES_S, *server)
    program = ("-v", f"{Path(lab.__file__).parent}:/lab-code/lab:ro", "-e", "PYTHONPATH=/lab-code")
    told = ("-e", f"LIVEKIT_URL=ws://{SERVER}:7880", "-e", f"LIVEKIT_KEY={KEY}", "-e", f"LIVEKIT_SECRET={SECRET}")
    for role in ("subscriber", "publisher"):
        place = (
            "--network",
            f"container:{mark}-node-{role}",
            "-v",
            f"{folder / role}:/lab-dir",
            "-e",
            "LAB_DIR=/lab-dir",
        )
        client = ("timeout", LIVES_S, "/venv/bin/python", "-m", "lab.clients.playground", role)
        _docker(*run, *program, *told, *place, images.client.reference, *client)


def _docker(*argv: str) -> str:
    return subprocess.run(("docker", *argv), stdout=subprocess.PIPE, text=True, check=True).stdout
