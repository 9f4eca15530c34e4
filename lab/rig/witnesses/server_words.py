"""What the server says of a run: its rooms while the last frames are heard, and its last words when they have left.

Law: it is asked from its own namespace, over loopback, so that no packet of it is on a tap; its words are evidence;
one that does not answer in time is no failure of the run, and a file says so.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

from lab.errors import EnvironmentFault, EvidenceError
from lab.evidence import names, server_log
from lab.evidence.server_log import ServerAccount
from lab.evidence.store import RunFolder
from lab.rig.layout.topology import SERVER
from lab.rig.standing.lab import Lab
from lab.rig.standing.server import DEBUG_PORT, METRICS_PORT

ANSWER_S = 1
"""How long the server may be silent when asked; one that is starved takes its time."""
CLOSED_S = 2.0
"""How long it may take to close the tracks of clients that have left; one that lost a client waits for ICE, 15 s."""
_POLL_S = 0.05


def keep_rooms(lab: Lab, folder: RunFolder, room: str) -> None:
    """Keep what `/debug/rooms` says of `room` now, or why it says nothing."""
    try:
        answer = _asked(lab, DEBUG_PORT, "debug/rooms")
        folder.write(names.SERVER_ROOMS, server_log.room_json(answer, room, time.time_ns()))
    except (EnvironmentFault, EvidenceError) as silent:
        folder.write(f"{names.SERVER}/rooms.log", f"{silent}\n")


def keep_last_words(lab: Lab, folder: RunFolder, room: str) -> None:
    """Keep configuration, metrics, log, and what the log says of each track of `room`.

    The scenario's own clients have left; their tracks are waited for, and no crowd's.
    """
    with ThreadPoolExecutor(1) as beside:
        metrics = beside.submit(_keep_metrics, lab, folder)
        log = _closed_log(lab, folder, room)
        folder.write(names.SERVER_CONFIG, lab.server_configuration)
        folder.write(names.SERVER_LOG, log)
    metrics.result()


def _keep_metrics(lab: Lab, folder: RunFolder) -> None:
    try:
        folder.write(names.SERVER_METRICS, _asked(lab, METRICS_PORT, "metrics"))
    except EnvironmentFault as silent:
        folder.write(f"{names.SERVER}/metrics.log", f"{silent}\n")


def _closed_log(lab: Lab, folder: RunFolder, room: str) -> str:
    """Return the log once every track of `room` is closed in it, or when it is too late; keep what it says of them."""
    until = time.monotonic() + CLOSED_S
    ours = {client.name for client in lab.scenario.clients}
    while True:
        log = lab.machine.engine.logs(lab.server)
        try:
            found = server_log.account(log, room)
        except EvidenceError as foreign:
            folder.write(f"{names.SERVER}/tracks.log", f"{foreign}\n")
            return log
        left_open = sorted(found.unfinished & ours)
        if not left_open or time.monotonic() > until:
            _keep_tracks(folder, found, left_open)
            return log
        time.sleep(_POLL_S)


def _keep_tracks(folder: RunFolder, found: ServerAccount, left_open: Sequence[str]) -> None:
    if lines := server_log.track_lines(found):
        folder.write(names.SERVER_TRACKS, "".join(f"{line}\n" for line in lines))
    if left_open:
        said = f"{CLOSED_S:g} s after the clients' leaving the tracks of {', '.join(left_open)} are still open"
        folder.write(f"{names.SERVER}/tracks.log", f"{said}\n")


def _asked(lab: Lab, port: int, path: str) -> str:
    """Return what the server answers on `port`. EnvironmentFault when it does not, or takes too long."""
    argv = ("busybox", "wget", "-T", str(ANSWER_S), "-qO-", f"http://127.0.0.1:{port}/{path}")
    said = lab.machine.engine.execute(lab.nodes[SERVER], argv, timeout_s=3 * ANSWER_S)
    if said.exit_code != 0:
        raise EnvironmentFault(f"the server did not answer {path}: {said.stderr.strip() or said.exit_code}")
    return said.stdout
