"""Byte streams to and from programs in containers: an `exec`'s hijacked connection, a followed log, their frames.

The law: not a byte is lost, and nobody waits longer than he said. The connection is opened here and read unbuffered,
because the SDK's own reading of the response head may swallow the first bytes that follow it.
"""

from __future__ import annotations

import contextlib
import http.client
import json
import socket
import struct
import time
from collections.abc import Iterator
from typing import Any

from lab.errors import EnvironmentFault

_HEADER = struct.Struct(">BxxxL")
_STDERR = 2
_SWITCHING = 101
_OK = b"200"
_PIECE = 4096
_END_OF_HEAD = b"\r\n\r\n"
_STOPPED = "did the engine stop? see `lab doctor`"
_GONE = "is the container still running?"


class _Unbuffered(socket.socket):
    """A socket whose file objects read no further than they are asked to."""

    def makefile(self, *_args: Any, **_kwargs: Any) -> socket.SocketIO:  # type: ignore[override]
        """Return an unbuffered reader, whatever was asked for."""
        return super().makefile("rb", buffering=0)


def knock(socket_path: str, timeout_s: float) -> None:
    """Connect and hang up. Raises OSError, in plainer words than the SDK, which also forgets to close its socket."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as stream:
        stream.settimeout(timeout_s)
        stream.connect(socket_path)


def hijack(socket_path: str, url: str, timeout_s: float) -> socket.socket:
    """POST to the `exec start` at `url` and return the connection, which from then on is the program's stream.

    Raises EnvironmentFault with the engine's words when it refuses, OSError when it cannot be reached.
    """
    with _opened(socket_path, timeout_s) as stream:
        connection = http.client.HTTPConnection("docker")
        connection.sock = stream
        headers = {"Content-Type": "application/json", "Connection": "Upgrade", "Upgrade": "tcp"}
        connection.request("POST", url, json.dumps({"Detach": False, "Tty": False}), headers)
        _switched(stream)
    return stream


def follow(socket_path: str, url: str, timeout_s: float) -> socket.socket:
    """Ask for the log at `url` and return the connection, for a `LogStream` to take over.

    In HTTP 1.0, where an answer is not cut into chunks. Raises OSError when the engine cannot be reached.
    """
    with _opened(socket_path, timeout_s) as stream:
        stream.sendall(f"GET {url} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
    return stream


@contextlib.contextmanager
def _opened(socket_path: str, timeout_s: float) -> Iterator[socket.socket]:
    """Give a connection that stays open, unless what is asked on it fails."""
    stream = _Unbuffered(socket.AF_UNIX, socket.SOCK_STREAM)
    try:
        stream.settimeout(timeout_s)
        stream.connect(socket_path)
        yield stream
    except BaseException:
        stream.close()
        raise


def _switched(stream: socket.socket) -> None:
    """Read the head of the answer, and nothing that follows it."""
    with http.client.HTTPResponse(stream, method="POST") as response:
        response.begin()
        if response.status != _SWITCHING:
            words = response.read().decode(errors="replace").strip()
            raise EnvironmentFault(f"exec refused: {words}", fix=_GONE)


@contextlib.contextmanager
def _unbroken() -> Iterator[None]:
    """Raise EnvironmentFault where the engine's end of a stream is gone; TimeoutError stays one."""
    try:
        yield
    except TimeoutError:
        raise
    except OSError as error:
        raise EnvironmentFault(f"the engine broke the stream: {error}", fix=_STOPPED) from error


class ExecStream:
    """A program's standard input, output and error over one connection; implements `Shell` and `Heard`."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the connection `stream`."""
        self._stream = stream
        self._pending = b""

    def write(self, data: bytes) -> None:
        """Send all of `data` to the program's standard input. EnvironmentFault when nobody takes it any more."""
        with _unbroken():
            self._stream.sendall(data)

    def end_input(self) -> None:
        """Let the program read the end of its standard input. EnvironmentFault as for `write`."""
        with _unbroken():
            self._stream.shutdown(socket.SHUT_WR)

    def read(self, timeout_s: float) -> bytes:
        """Return output and error as they came, at least one byte; b"" at the end; TimeoutError when late."""
        frame = self.read_frame(timeout_s)
        return b"" if frame is None else frame[1]

    def read_frame(self, timeout_s: float) -> tuple[bool, bytes] | None:
        """Return (is standard error, data) of the next frame, None at the end; TimeoutError when late.

        What came of an unfinished frame is kept for the next call.
        """
        deadline = time.monotonic() + timeout_s
        if not self._fill(_HEADER.size, deadline):
            return None
        kind, length = _HEADER.unpack_from(self._pending)
        self._fill(_HEADER.size + length, deadline)
        data = self._pending[_HEADER.size :]
        self._pending = b""
        return kind == _STDERR, data

    def close(self) -> None:
        """End the stream; idempotent."""
        self._stream.close()

    def converse(self, data: bytes, timeout_s: float) -> tuple[bytes, bytes]:
        """Send `data` and the end of input; return all output and all error. TimeoutError when it does not end.

        What the program leaves unread is dropped, as in a shell's pipe.
        """
        deadline = time.monotonic() + timeout_s
        with _unbroken(), contextlib.suppress(BrokenPipeError):
            self._stream.sendall(data)
            self._stream.shutdown(socket.SHUT_WR)
        said: dict[bool, list[bytes]] = {False: [], True: []}
        while (frame := self.read_frame(deadline - time.monotonic())) is not None:
            said[frame[0]].append(frame[1])
        return b"".join(said[False]), b"".join(said[True])

    def _fill(self, size: int, deadline: float) -> bool:
        """Read until `size` bytes are pending; False when the stream ended before the first of them."""
        while len(self._pending) < size:
            if not self._more(size - len(self._pending), deadline):
                if self._pending:
                    raise EnvironmentFault("the stream ended inside a frame", fix=_STOPPED)
                return False
        return True

    def _more(self, size: int, deadline: float) -> bool:
        """Read at most `size` bytes more; False when the stream has ended."""
        self._stream.settimeout(max(deadline - time.monotonic(), 0.001))
        with _unbroken():
            data = self._stream.recv(size)
        self._pending += data
        return bool(data)


class LogStream(ExecStream):
    """A followed log: frames come as they are said, until the program ends.

    The head of the answer is read with the first frame, for some engines say nothing before the program does.
    """

    _begun = False

    def read_frame(self, timeout_s: float) -> tuple[bool, bytes] | None:
        """As `ExecStream` does; raise EnvironmentFault with the engine's words when it refused."""
        deadline = time.monotonic() + timeout_s
        if not self._begun:
            self._begin(deadline)
        return super().read_frame(deadline - time.monotonic())

    def _begin(self, deadline: float) -> None:
        """Read the head of the answer, and nothing that follows it unless it is a refusal."""
        while _END_OF_HEAD not in self._pending:
            if not self._more(1, deadline):
                raise EnvironmentFault("the engine hung up before it answered", fix=_STOPPED)
        if self._pending.split()[1:2] != [_OK]:
            while self._more(_PIECE, deadline):
                pass
            words = self._pending.partition(_END_OF_HEAD)[2].decode(errors="replace").strip()
            raise EnvironmentFault(f"log refused: {words}", fix=_GONE)
        self._begun, self._pending = True, b""
