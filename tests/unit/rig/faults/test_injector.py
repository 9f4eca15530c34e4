"""What is made around the programs: planned at its times, really asked of the engine, written down, undone."""

from __future__ import annotations

import json
import socket
import threading
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from lab.clients.socket_buffer import resize
from lab.errors import EnvironmentFault
from lab.evidence import names
from lab.evidence.store import RunFolder
from lab.faults import Filter, Pause, SocketBuffer
from lab.rig.engine.engine import Outcome
from lab.rig.faults.injector import Injector
from lab.rig.faults.pauses import Pauses, due_s
from lab.rig.faults.server_faults import dropped, filter_script
from lab.scenario.model import Client, Limits, Scenario
from tests.fakes.engine import FakeEngine
from tests.unit.rig.labs import on_fake, run_folder
from tests.unit.rig.layout.test_topology import link, scenario

PLAIN = scenario({"a": "publisher", "b": "subscriber"}, (link("a"),))
LISTING = json.dumps(
    {
        "nftables": [
            {"metainfo": {}},
            {"table": {}},
            {"rule": {"expr": [{"match": {}}, {"counter": {"packets": 66, "bytes": 9}}, {"drop": None}]}},
        ]
    }
)


class Answering(FakeEngine):
    """An engine in which nft and the buffer program answer, unless they fail."""

    failing = False

    def execute(self, container: str, argv: Any, *, stdin: bytes = b"", timeout_s: float = 30) -> Outcome:
        """Answer as the real ones do."""
        super().execute(container, argv)
        answers = {"list": LISTING, "7882": '[{"before": 4194304, "after": 2000}]'}
        said = next((text for word, text in answers.items() if word in argv), "")
        return Outcome(exit_code=int(self.failing), stdout=said, stderr="no such thing")


def injector(engine: FakeEngine, tmp_path: Path, asked: Scenario) -> tuple[Injector, RunFolder]:
    """Return the injector of `asked`, with client `a` in a container of its own."""
    lab, folder = on_fake(engine, tmp_path, asked), run_folder(tmp_path, asked)
    lab.server = engine.start(lab.identity.spec("server", "i", ()))
    client = engine.start(lab.identity.spec("client-a", "i", ()))
    joined: Any = (SimpleNamespace(client=Client(name="a", role="publisher"), container=client),)
    return Injector(lab, asked, folder, joined), folder


def noted(folder: RunFolder) -> list[dict[str, Any]]:
    """Return the lines of the injector's log."""
    return [json.loads(line) for line in (folder.path / names.INJECTED).read_text().splitlines()]


def test_pauses_are_spread_evenly_over_the_media() -> None:
    """At (i + 0.5) / times of it, as faults inside the programs are."""
    assert due_s(Pause(container="a", length_ms=400, times=5), 10_000) == (1, 3, 5, 7, 9)


def test_a_pause_is_made_and_ended_and_written_down() -> None:
    """Pause, resume, one line; what is still to come when the block ends is not made."""
    engine, lines, done = FakeEngine(), [], threading.Event()

    def note(kind: str, **detail: Any) -> None:
        lines.append((kind, detail))
        done.set()

    faults = {"c1": [Pause(container="a", length_ms=50, times=1)], "c2": [Pause(container="b", length_ms=50, times=1)]}
    with Pauses(engine, {"c1": faults["c1"]}, 1, note) as pauses:
        pauses.begin()
        assert done.wait(5)
    assert engine.log == ["pause c1", "resume c1"]
    assert [(kind, detail["container"]) for kind, detail in lines] == [("pause", "a")]
    assert lines[0][1]["to_ns"] >= lines[0][1]["from_ns"]
    with Pauses(engine, {"c2": faults["c2"]}, 3_600_000, note) as pauses:
        pauses.begin()
    assert engine.log == ["pause c1", "resume c1"]


def test_a_pause_that_fails_is_told_and_never_hides_another_error() -> None:
    """The engine's refusal comes out of the block; behind another error it stays silent."""
    engine = FakeEngine()
    engine.silent_from = 0
    fault = {"c": [Pause(container="a", length_ms=50, times=1)]}

    def paused(then: Exception | None = None) -> None:
        with Pauses(engine, fault, 1, print) as pauses:
            pauses.begin()
            pauses._running[0].exception(5)
            if then:
                raise then

    with pytest.raises(EnvironmentFault, match="does not answer"):
        paused()
    with pytest.raises(ValueError, match="first"):
        paused(ValueError("first"))


def test_the_filter_in_nft_words() -> None:
    """The first four of every twenty to the media port; its counter is read back."""
    assert "udp dport 7882 numgen inc mod 20 < 4 counter drop" in filter_script(Filter(drop=4, every=20))
    assert dropped(LISTING) == 66
    with pytest.raises(ValueError, match="0 counters"):
        dropped('{"nftables": []}')


def test_server_faults_are_set_read_and_undone(tmp_path: Path) -> None:
    """A helper beside the server for each, gone at the end; the log says what the kernel said."""
    engine = Answering()
    asked = replace(PLAIN, inject=(Filter(drop=4, every=20), SocketBuffer(size_bytes=2000)))
    made, folder = injector(engine, tmp_path, asked)
    with made:
        helpers = {spec.name.rpartition("-")[2]: spec for spec in engine.specs.values()}
        assert helpers["filter"].capabilities == ("NET_ADMIN",)
        assert helpers["filter"].join == "node-server"
        assert "SYS_PTRACE" in helpers["buffer"].capabilities
        assert helpers["buffer"].processes == made._containers["server"]
        made.begin()
    kinds = {line["kind"]: line for line in noted(folder)}
    assert kinds["filter"]["dropped"] == 66
    assert kinds["socket_buffer-begins"]["sockets"] == [{"before": 4194304, "after": 2000}]
    assert not [name for name in engine.names if name.endswith(("filter", "buffer"))]


def test_a_kernel_without_it_is_an_environment_fault(tmp_path: Path) -> None:
    """What cannot be injected is said, and never passed over."""
    engine = Answering()
    made, _ = injector(engine, tmp_path, replace(PLAIN, inject=(Filter(drop=4, every=20),)))
    engine.failing = True
    with made, pytest.raises(EnvironmentFault, match="nft -f -: no such thing"):
        made.begin()


def test_limits_begin_with_the_media(tmp_path: Path) -> None:
    """The server's and a client's, each to its own container, each written down."""
    engine = FakeEngine()
    a, b = PLAIN.clients
    asked = replace(
        PLAIN,
        clients=(replace(a, after_join=Limits(cpus=0.05)), b),
        server=replace(PLAIN.server, after_join=Limits(cpus=0.1, memory_bytes=64_000_000)),
    )
    made, folder = injector(engine, tmp_path, asked)
    with made:
        assert {spec.cpus for spec in engine.specs.values()} == {None}
        made.begin()
    found = {spec.name.rpartition("-")[2]: (spec.cpus, spec.memory_bytes) for spec in engine.specs.values()}
    assert found == {"server": (0.1, 64_000_000), "a": (0.05, None)}
    assert [(line["kind"], line["container"]) for line in noted(folder)] == [("limit", "server"), ("limit", "a")]


def test_a_socket_says_what_its_buffer_was_and_is() -> None:
    """In the unit in which it may be set again: what the kernel doubles is halved."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as found:
        made = resize(found, 4000)
        assert made["after"] == 4000
        assert resize(found, made["before"])["after"] == made["before"]
