"""A ruler laid along a path: numbered, stamped UDP packets from one namespace to another. Standard library only.

`python -m lab.clients.ruler listen PORT SECONDS` prints `ready`, then, when the time is over, one JSON object
{"number": delay in ms, …}. `python -m lab.clients.ruler send HOST PORT COUNT GAP_MS` sends, and prints how many went.
Containers share the machine's CLOCK_MONOTONIC, so one-way delays need no second clock.
"""

from __future__ import annotations

import json
import socket
import struct
import sys
import time

_PACKET = struct.Struct("!BIQ")
_FIRST_BYTE = 0xFF  # which RFC 7983 gives to nobody


def listen(port: int, seconds: float) -> dict[int, float]:
    """Return the one-way delay in ms of every packet that came within `seconds`, by number."""
    arrived: dict[int, float] = {}
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as receiver:
        receiver.bind(("0.0.0.0", port))
        _say("ready")
        until = time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            receiver.settimeout(left)
            try:
                data = receiver.recv(2048)
            except TimeoutError:
                break
            now = time.monotonic_ns()
            if len(data) == _PACKET.size and data[0] == _FIRST_BYTE:
                _, number, sent_ns = _PACKET.unpack(data)
                arrived.setdefault(number, (now - sent_ns) / 1e6)
    return arrived


def send(host: str, port: int, count: int, gap_ms: float) -> int:
    """Send `count` packets, `gap_ms` apart on a schedule that does not drift; return how many the kernel took."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
        began = time.monotonic()
        for number in range(count):
            time.sleep(max(0.0, began + number * gap_ms / 1000 - time.monotonic()))
            sender.sendto(_PACKET.pack(_FIRST_BYTE, number, time.monotonic_ns()), (host, port))
    return count


def _say(line: str) -> None:
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


def main() -> int:
    """Listen or send, as the arguments say."""
    match argv := sys.argv[1:]:
        case ["listen", port, seconds]:
            _say(json.dumps(listen(int(port), float(seconds))))
        case ["send", host, port, count, gap_ms]:
            _say(str(send(host, int(port), int(count), float(gap_ms))))
        case _:
            raise SystemExit(f"ruler: {argv} is neither listen PORT SECONDS nor send HOST PORT COUNT GAP_MS")
    return 0


if __name__ == "__main__":
    sys.exit(main())
