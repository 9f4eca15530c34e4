"""Competing traffic: plain UDP through the same queue as the media, and the sink for it. Standard library only.

`python -m lab.clients.background`: listens on the ports of `config.json`, sends what it says once `LAB_DIR/go` exists,
and from then on what `orders.json` says, whenever that is replaced. Law: the schedule does not drift; what could not be
sent on time is sent late, and each second's counts say what was really sent (`sent.jsonl`).
"""

from __future__ import annotations

import itertools
import json
import os
import random
import signal
import socket
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NoReturn, Protocol

from lab.probe.lines import Lines

PAYLOAD_BYTES = 1_200
POLL_NS = 10_000_000
SECOND_NS = 1_000_000_000
BURST_S = 0.5


@dataclass(frozen=True, kw_only=True)
class Send:
    """One stream: `rate_bps` of UDP payload to host:port; `bursts` is twice the rate, 500 ms on and 500 ms off."""

    host: str
    port: int
    rate_bps: int
    pattern: str
    seed: int


def offsets_s(send: Send) -> Iterator[float]:
    """Return when each packet of `send` is due, in seconds from its beginning; ValueError for an unknown pattern."""
    gap = PAYLOAD_BYTES * 8 / send.rate_bps
    match send.pattern:
        case "constant":
            return (k * gap for k in itertools.count())
        case "poisson":
            draw = random.Random(send.seed)
            return itertools.accumulate(draw.expovariate(1 / gap) for _ in itertools.count())
        case "bursts":
            return (_pushed_out_of_pauses(k * gap / 2) for k in itertools.count())
    raise ValueError(f"pattern {send.pattern!r} is not constant, poisson or bursts")


def _pushed_out_of_pauses(on_s: float) -> float:
    """Return the moment at which `on_s` seconds of sending time have passed."""
    return on_s + on_s // BURST_S * BURST_S


class Outlet(Protocol):
    """The one thing of a UDP socket that a sender needs."""

    def sendto(self, data: bytes, address: tuple[str, int], /) -> int:
        """Send one datagram; OSError when the kernel refuses."""


class Sender:
    """Sends the ordered streams on their schedules; `begin` replaces them all."""

    def __init__(self, outlet: Outlet) -> None:
        """Send nothing yet; packets will go to the socket `outlet`."""
        self.sent = 0
        self.refused = 0
        self._socket = outlet
        self._payload = b"\xff" * PAYLOAD_BYTES  # a first byte that RFC 7983 gives to nobody
        self._streams: list[tuple[Send, Iterator[float]]] = []
        self._due: list[float] = []
        self._began_ns = 0

    def begin(self, sends: list[dict[str, Any]], now_ns: int) -> None:
        """Send `sends` from now on, and nothing else."""
        self._streams = [(send, offsets_s(send)) for send in (Send(**raw) for raw in sends)]
        self._due = [next(offsets) for _, offsets in self._streams]
        self._began_ns = now_ns

    def send_due(self, now_ns: int) -> None:
        """Send every packet whose time has come."""
        elapsed_s = (now_ns - self._began_ns) / SECOND_NS
        for index, (send, offsets) in enumerate(self._streams):
            while self._due[index] <= elapsed_s:
                self._send(send)
                self._due[index] = next(offsets)

    def next_ns(self) -> int | None:
        """Return when the next packet is due, None when nothing is ordered."""
        return self._began_ns + int(min(self._due) * SECOND_NS) if self._due else None

    def _send(self, send: Send) -> None:
        """Send one packet; one that the kernel refuses is counted, as a real sender would lose it."""
        try:
            self._socket.sendto(self._payload, (send.host, send.port))
            self.sent += 1
        except OSError:
            self.refused += 1


class Sink:
    """Reads and counts what arrives on one port."""

    def __init__(self, port: int) -> None:
        """Bind the port; `run` reads."""
        self.received = 0
        self._socket = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        self._socket.bind(("0.0.0.0", port))

    def run(self) -> None:
        """Read for ever."""
        while True:
            self._socket.recv(65_536)
            self.received += 1


class Orders:
    """What to send: `config.json` once `go` exists, then every new `orders.json`."""

    def __init__(self, folder: Path, first: list[dict[str, Any]]) -> None:
        """Begin with `first`, the sends of the configuration."""
        self._folder = folder
        self._first: list[dict[str, Any]] | None = first
        self._seen: tuple[int, int] | None = None

    def news(self) -> list[dict[str, Any]] | None:
        """Return new orders, None when there are none."""
        if self._first is not None:
            if not (self._folder / "go").exists():
                return None
            first, self._first = self._first, None
            return first
        try:
            found = os.stat(self._folder / "orders.json")  # noqa: PTH116 - one name for one call
            if self._seen == (found.st_ino, found.st_mtime_ns):
                return None
            text = (self._folder / "orders.json").read_text(encoding="utf-8")
        except FileNotFoundError:
            return None
        self._seen = (found.st_ino, found.st_mtime_ns)
        sends: list[dict[str, Any]] = json.loads(text)["sends"]
        return sends


def run(folder: Path) -> NoReturn:
    """Listen, send and count until the process ends."""
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    sinks = [Sink(port) for port in config["listen"]]
    for sink in sinks:
        threading.Thread(target=sink.run, daemon=True).start()
    sender = Sender(socket.socket(socket.AF_INET, socket.SOCK_DGRAM))
    orders = Orders(folder, config["sends"])
    counts, count_ns = Lines.create(folder / "sent.jsonl", "sent"), time.monotonic_ns() + SECOND_NS
    while True:
        now = time.monotonic_ns()
        if (sends := orders.news()) is not None:
            sender.begin(sends, now)
        sender.send_due(now)
        if now >= count_ns:
            received = sum(sink.received for sink in sinks)
            counts.write({"t": now, "sent": sender.sent, "refused": sender.refused, "received": received})
            count_ns += SECOND_NS
        wake = min(now + POLL_NS, sender.next_ns() or now + POLL_NS)
        time.sleep(max(0, wake - time.monotonic_ns()) / SECOND_NS)


def main() -> NoReturn:
    """Run until SIGTERM."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
    run(Path(os.environ["LAB_DIR"]))


if __name__ == "__main__":
    main()
