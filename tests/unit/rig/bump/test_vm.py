"""The machine's command line is of no run; its saved states are believed only when whole."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump import qemu, states, vm
from lab.rig.engine.engine import Engine, Outcome
from tests.fakes.engine import FakeEngine


def test_the_cards_of_a_link_are_told_apart_by_their_addresses() -> None:
    """Side 01 is the client's, 02 the router's; the initramfs joins them by the link's byte."""
    text = " ".join(qemu.qemu_argv(12, None))
    for tap, address in (("in0", "00:01"), ("out0", "00:02"), ("in11", "0b:01"), ("out11", "0b:02")):
        assert f"virtio-net-pci,netdev={tap},mac=52:54:00:00:{address},romfile=,csum=off" in text
    assert text.count("virtio-net-pci") == 24
    assert "-incoming" not in text


def test_a_saved_state_is_resumed_by_the_same_machine() -> None:
    """With as much memory and the same devices; the kernel is in its memory, which is its own, and the file is not."""
    booted, resumed = qemu.qemu_argv(2, None), qemu.qemu_argv(2, "/x.state")
    memory = f"memory-backend-file,id=ram,size={112 << 20},mem-path="
    differ = [(a, b) for a, b in zip(booted, resumed, strict=False) if a != b]
    assert differ == [
        (f"{memory}/run/bump/state,share=on", f"{memory}/x.state,share=off,readonly=on,rom=off"),
        ("-kernel", "-incoming"),
        ("/machine/vmlinuz", "defer"),
    ]
    assert len(booted) == len(resumed) + 4


def test_memory_is_never_in_the_stream_of_a_state() -> None:
    """QEMU is told so before it is told where the devices' state is: behind the memory."""
    booted, resumed = ([json.loads(line) for line in qemu.begin(2, saved).splitlines()] for saved in (None, "/x.state"))
    assert [each["execute"] for each in booted] == ["qmp_capabilities", "migrate-set-capabilities"]
    assert booted[1]["arguments"]["capabilities"] == [{"capability": "x-ignore-shared", "state": True}]
    assert resumed[:2] == booted
    assert resumed[2:] == [{"execute": "migrate-incoming", "arguments": {"uri": f"file:/x.state,offset={112 << 20}"}}]


def test_the_key_depends_on_machine_and_number_of_links() -> None:
    """Another kernel, initramfs, QEMU or number of links has states of its own."""
    keys = {states.key(machine, said, links) for machine in ("k1\n", "k2") for said in "ab" for links in (1, 2)}
    assert len(keys) == 8
    assert states.key("k1\n", "a", 1) == states.key("k1", "a", 1)


def saved(cache: Path, content: bytes, key: str = "k-c-2") -> Path:
    """Keep a state with `content` and return its file."""
    part = cache / states.FOLDER / "x.part"
    part.parent.mkdir(mode=0o700, exist_ok=True)
    part.write_bytes(content)
    return states.keep(part, key)


def later(file: Path, content: bytes) -> None:
    """Write `content` into `file` a second later: kernels before 6.13 tell no two moments of 4 ms apart."""
    facts = file.stat()
    file.write_bytes(content)
    os.utime(file, ns=(facts.st_atime_ns, facts.st_mtime_ns + 1_000_000_000))


def test_a_whole_state_is_found(tmp_path: Path) -> None:
    """By its key alone, and no part file is left."""
    file = saved(tmp_path, b"ram")
    assert states.find(tmp_path, "k-c-2") == states.Found(good=file, broken=())
    assert {each.name for each in file.parent.iterdir()} == {file.name, f"{file.name}.read"}


@pytest.mark.parametrize("content", [b"", b"ra", b"raM", b"ram "], ids=["empty", "cut", "altered", "longer"])
def test_a_damaged_state_is_found_out(tmp_path: Path, content: bytes) -> None:
    """Any other content than its name says is broken."""
    file = saved(tmp_path, b"ram")
    later(file, content)
    assert states.find(tmp_path, "k-c-2") == states.Found(good=None, broken=(file,))


def test_other_keys_and_unfinished_files_are_not_looked_at(tmp_path: Path) -> None:
    """A state of 12 links is none of 1, and a part is no state."""
    saved(tmp_path, b"ram", "k-c-12")
    (tmp_path / states.FOLDER / "k-c-1.abc.part").touch()
    assert states.find(tmp_path, "k-c-1") == states.Found(good=None, broken=())
    assert states.find(tmp_path / "nowhere", "k-c-1") == states.Found(good=None, broken=())


class Silent:
    """The console of a machine that says nothing: in time it has not answered, or it ends."""

    def __init__(self, *, ended: bool) -> None:
        self.ended, self.patience, self.closed = ended, 0.0, False

    def write(self, data: bytes) -> None:
        """Take a script."""

    def read(self, timeout_s: float) -> bytes:
        """Let the time pass."""
        self.patience = timeout_s
        if self.ended:
            return b""
        raise TimeoutError

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@dataclass
class Router:
    """An engine with a router whose machine has this console."""

    console: Silent

    def execute(self, container: str, argv: tuple[str, ...], stdin: bytes = b"") -> Outcome:
        """Say what the logs hold."""
        return Outcome(exit_code=0, stdout="kvm: no memory\n", stderr="")

    def shell(self, container: str, argv: tuple[str, ...]) -> Silent:
        """Connect to the machine."""
        return self.console


@pytest.mark.parametrize(
    ("ended", "words"),
    [
        (
            False,
            r"did not come up within 0 s \(load .+ CPUs\):\nkvm: no memory\n \(.*--lanes 1; .* vm/ in",
        ),
        (True, r"ended while it came up:\nkvm: no memory\n \(is there memory left"),
    ],
)
def test_a_machine_that_does_not_come_up_says_what_may_be_done(
    tmp_path: Path, ended: bool, words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """How long was waited, how busy the machine was, QEMU's last words, and the way out; the console is closed."""
    monkeypatch.setattr(vm, "RESUME_S", 0.1)
    saved(tmp_path, b"ram", states.key("id", vm.PREPARE, 1))
    router = Router(Silent(ended=ended))
    with pytest.raises(EnvironmentFault, match=words):
        vm.start(cast("Engine", router), "router", "id\nQEMU 9", 1, tmp_path, vm.silent)
    assert router.console.closed
    assert 0 < router.console.patience <= vm.RESUME_S


@pytest.mark.parametrize("user", [0, 1000])
def test_a_container_that_saves_may_enter_a_cache_that_is_ours(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, user: int
) -> None:
    """Its root is nobody in a folder of another's with mode 0700, unless it is given what root has."""
    console = Silent(ended=True)
    running = vm.Running(console=cast("vm.Console", console), resumed=False, qemu=None, facts="")
    monkeypatch.setattr(os, "getuid", lambda: user)
    monkeypatch.setattr(vm, "start", lambda *_: running)
    engine = FakeEngine(images={"router": "sha256:0"})
    vm.prepare(engine, "router", 1, tmp_path, vm.silent)
    (spec,) = engine.specs.values()
    assert spec.capabilities == (("NET_ADMIN", "DAC_OVERRIDE") if user else ("NET_ADMIN",))
    assert (console.closed, engine.names) == (True, [])


class Monitor:
    """A QEMU that answers each command with the next of `answers`, events in between."""

    def __init__(self, *answers: object) -> None:
        self.answers = [{"return": {}}, *answers]
        self.asked: list[dict[str, object]] = []
        self.pending = [b'{"QMP": {}}\r\n']

    def write(self, data: bytes) -> None:
        """Take a command."""
        self.asked.append(json.loads(data))
        event = json.dumps({"event": "STOP"})
        self.pending.append(f"{event}\r\n{json.dumps(self.answers.pop(0))}\r\n".encode())

    def read(self, timeout_s: float) -> bytes:
        """Give all that has come."""
        return self.pending.pop(0) if self.pending else b""

    def close(self) -> None:
        """Nothing to do."""


def test_a_state_is_saved_and_the_machine_ends() -> None:
    """`migrate` behind the memory, and `quit` once it is complete: one that ran on would write into the memory."""
    monitor = Monitor({"return": {}}, {"return": {"status": "completed"}}, {"return": {}})
    qemu.Control(monitor).save(2)
    assert [each["execute"] for each in monitor.asked] == ["qmp_capabilities", "migrate", "query-migrate", "quit"]
    assert monitor.asked[1]["arguments"] == {"uri": f"file:/run/bump/state,offset={112 << 20}"}
    assert not monitor.pending


def test_qemu_need_not_answer_when_it_ends() -> None:
    """It may close the connection before; what the connection says of that is no answer either."""
    monitor = Monitor({"return": {}}, {"return": {"status": "completed"}}, "E read(5): Connection reset by peer")
    qemu.Control(monitor).save(2)


def test_a_qemu_that_says_nothing_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    """And the lab's, not a trace."""
    monkeypatch.setattr(qemu, "SAVE_S", 0.1)
    with pytest.raises(EnvironmentFault, match="QEMU said nothing"):
        qemu.Control(Silent(ended=False))


@pytest.mark.parametrize(
    ("answers", "words"),
    [
        ([{"error": {"desc": "no such directory"}}], "refused migrate: no such directory"),
        ([{"return": {}}, {"return": {"status": "failed"}}], "not saved"),
        ([{"return": {}}], "closed its control socket"),
    ],
)
def test_a_state_that_cannot_be_saved_is_an_error(answers: list[object], words: str) -> None:
    """With QEMU's own words."""
    monitor = Monitor(*answers)
    if len(answers) == 1 and "return" in answers[0]:  # type: ignore[operator]
        monitor.answers.append({"event": "SHUTDOWN"})
    with pytest.raises(EnvironmentFault, match=words):
        qemu.Control(monitor).save(2)


def test_a_state_is_read_again_only_when_it_has_changed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever read it noted what it was; the note is believed for that very file, and goes with it."""
    read: list[str] = []
    digest = hashlib.file_digest

    def file_digest(stream: Any, name: str) -> Any:
        read.append(Path(stream.name).name.split(".")[0])
        return digest(stream, name)

    monkeypatch.setattr(hashlib, "file_digest", file_digest)
    file = saved(tmp_path, b"ram")
    for _ in range(3):
        assert states.find(tmp_path, "k-c-2").good == file
    assert read == ["x"]
    later(file, b"raM")
    assert states.find(tmp_path, "k-c-2").broken == (file,)
    later(file, b"ram")
    assert states.find(tmp_path, "k-c-2").good == file
    states.remove(file)
    states.remove(file)
    assert not list(file.parent.iterdir())


def test_a_cache_that_nobody_may_write_to_has_no_notes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The state is read each time then."""

    def refuse(*_: object) -> None:
        raise PermissionError

    file = saved(tmp_path, b"ram")
    monkeypatch.setattr(Path, "write_text", refuse)
    assert states.find(tmp_path, "k-c-2").good == file
