"""The streams of an exec and of a log: frames, however the bytes come, and not one of them lost."""

from __future__ import annotations

import socket
import struct
import threading
from collections.abc import Callable, Iterator
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from lab.errors import EnvironmentFault
from lab.rig.engine.docker_stream import ExecStream, LogStream, follow, hijack

SWITCH = b"HTTP/1.1 101 UPGRADED\r\nConnection: Upgrade\r\nUpgrade: tcp\r\n\r\n"
LOG = b"HTTP/1.0 200 OK\r\nContent-Type: application/vnd.docker.multiplexed-stream\r\n\r\n"
REFUSE = b'HTTP/1.1 409 Conflict\r\nContent-Length: 27\r\n\r\n{"message":"not running 1"}'


def frame(kind: int, data: bytes) -> bytes:
    """Docker's frame: stream number, three zeros, length, data (Engine API, "Attach to a container")."""
    return struct.pack(">BxxxL", kind, len(data)) + data


@pytest.fixture
def pair() -> Iterator[tuple[ExecStream, socket.socket]]:
    """Yield a stream and the engine's end of it."""
    ours, theirs = socket.socketpair()
    stream = ExecStream(ours)
    with theirs:
        yield stream, theirs
        stream.close()


def serve(path: Path, answer: bytes, ends: bytes = b"}") -> threading.Thread:
    """Answer one request on a Unix socket, complete when it `ends` so, with `answer`; then close."""
    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(path))
    listener.listen()

    def once() -> None:
        with listener, listener.accept()[0] as connection:
            asked = b""
            while not asked.endswith(ends):
                asked += connection.recv(65536)
            connection.sendall(answer)

    thread = threading.Thread(target=once)
    thread.start()
    return thread


@settings(deadline=None)  # a loaded machine is not a counterexample
@given(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=50)), max_size=8), st.integers(1, 9))
def test_frames_come_out_whole_however_they_were_cut(frames: list[tuple[int, bytes]], cut: int) -> None:
    """All output and all error, each in order, from any chunking of the wire."""
    ours, theirs = socket.socketpair()
    wire = b"".join(frame(kind, data) for kind, data in frames)
    with theirs:
        for start in range(0, len(wire), cut):
            theirs.sendall(wire[start : start + cut])
        theirs.shutdown(socket.SHUT_WR)
        stream = ExecStream(ours)
        said = stream.converse(b"", 5)
        stream.close()
    assert said == tuple(b"".join(data for kind, data in frames if kind == wanted) for wanted in (1, 2))


def test_a_late_frame_is_a_timeout_and_nothing_of_it_is_lost(pair: tuple[ExecStream, socket.socket]) -> None:
    """Half a frame, a timeout, the other half: the next read has it whole."""
    stream, engine = pair
    wire = frame(1, b"hello")
    engine.sendall(wire[:10])
    with pytest.raises(TimeoutError):
        stream.read(0.01)
    engine.sendall(wire[10:])
    assert stream.read(1) == b"hello"
    engine.close()
    assert stream.read(1) == b""


@pytest.mark.parametrize("act", [lambda stream: stream.write(b"tc\n" * 99_999), lambda stream: stream.read(1)])
def test_an_engine_that_is_gone_is_a_fault_of_the_environment(
    pair: tuple[ExecStream, socket.socket], act: Callable[[ExecStream], object]
) -> None:
    """Its daemon was restarted while a run went on: exit code 4 with the way out, and no internal error."""
    stream, engine = pair
    engine.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    stream.write(b"unread")
    engine.close()
    with pytest.raises(EnvironmentFault, match=r"the engine broke the stream: .*did the engine stop"):
        act(stream)


def test_a_program_that_reads_nothing_more_may_still_be_heard(pair: tuple[ExecStream, socket.socket]) -> None:
    """What it leaves unread is dropped, as in a shell's pipe."""
    stream, engine = pair
    engine.sendall(frame(1, b"enough"))
    engine.shutdown(socket.SHUT_RDWR)
    assert stream.converse(b"more" * 99_999, 1) == (b"enough", b"")


def test_an_end_inside_a_frame_is_an_error(pair: tuple[ExecStream, socket.socket]) -> None:
    """A cut stream is never taken for a short answer."""
    stream, engine = pair
    engine.sendall(frame(1, b"hello")[:-1])
    engine.close()
    with pytest.raises(EnvironmentFault, match="inside a frame"):
        stream.read(1)


def test_bytes_right_behind_the_head_are_the_streams(tmp_path: Path) -> None:
    """The SDK's buffered reading of the answer's head would swallow a first frame that comes with it."""
    thread = serve(tmp_path / "s", SWITCH + frame(1, b"first") + frame(2, b"second"))
    stream = ExecStream(hijack(str(tmp_path / "s"), "/exec/1/start", 5))
    assert stream.converse(b"", 5) == (b"first", b"second")
    stream.close()
    thread.join()


def test_a_log_begins_right_behind_the_head_and_ends_with_the_program(tmp_path: Path) -> None:
    """As it is: nothing is cut into chunks, nothing of it is swallowed."""
    thread = serve(tmp_path / "s", LOG + frame(1, b"first") + frame(2, b"second"), b"\r\n\r\n")
    stream = LogStream(follow(str(tmp_path / "s"), "/containers/1/logs", 5))
    assert [stream.read(5), stream.read(5), stream.read(5)] == [b"first", b"second", b""]
    stream.close()
    thread.join()


def test_a_log_is_asked_for_in_http_1_0(tmp_path: Path) -> None:
    """In which an answer cannot be chunked, as a log would be that has not ended."""
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(tmp_path / "s"))
        listener.listen()
        with (
            follow(str(tmp_path / "s"), "/v1/containers/1/logs?follow=1", 0.1),
            listener.accept()[0] as connection,
        ):
            assert connection.recv(65536).startswith(b"GET /v1/containers/1/logs?follow=1 HTTP/1.0\r\n")


def test_nobody_waits_for_the_head_of_a_log_longer_than_he_said() -> None:
    """Some engines send it with the first line only; what came of it meanwhile is not lost, wherever it was cut."""
    ours, engine = socket.socketpair()
    with engine, closing(LogStream(ours)) as stream:
        for piece in (b"", LOG[:5], LOG[5:-2]):
            engine.sendall(piece)
            with pytest.raises(TimeoutError):
                stream.read(0.01)
        engine.sendall(LOG[-2:] + frame(1, b"first")[:9])
        with pytest.raises(TimeoutError):
            stream.read(0.01)
        engine.sendall(frame(1, b"first")[9:])
        assert stream.read(5) == b"first"


@pytest.mark.parametrize("answer", [b"", LOG[:9]], ids=["none", "cut"])
def test_an_engine_that_hangs_up_is_no_silent_program(answer: bytes) -> None:
    """A log without a head is none that has ended."""
    ours, engine = socket.socketpair()
    with engine, closing(LogStream(ours)) as stream:
        engine.sendall(answer)
        engine.shutdown(socket.SHUT_WR)
        with pytest.raises(EnvironmentFault, match="hung up before it answered"):
            stream.read(5)


def hear(path: str, url: str, timeout_s: float) -> None:
    """Follow a log and read what comes first."""
    with closing(LogStream(follow(path, url, timeout_s))) as stream:
        stream.read(timeout_s)


@pytest.mark.parametrize(("ask", "ends"), [(hijack, b"}"), (hear, b"\r\n\r\n")])
def test_a_refusal_says_what_the_engine_said(
    tmp_path: Path, ask: Callable[[str, str, float], object], ends: bytes
) -> None:
    """409 with its words, and no socket left open (warnings are errors here)."""
    thread = serve(tmp_path / "s", REFUSE, ends)
    with pytest.raises(EnvironmentFault, match=r"refused: .*not running 1"):
        ask(str(tmp_path / "s"), "/1", 5)
    thread.join()
