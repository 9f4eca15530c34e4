"""Byte streams to and from programs in containers: an `exec`'s hijacked connection, a followed log, their frames.

The law: not a byte is lost. The connection is opened here and read unbuffered, because the SDK's own reading of
the response head may swallow the first bytes that follow it.
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
        _answered(stream, "POST", _SWITCHING, "exec")
    return stream


def follow(socket_path: str, url: str, timeout_s: float) -> socket.socket:
    """GET the log at `url` and return the connection, on which frames come as they are said, until the program ends.

    In HTTP 1.0, where an answer is not cut into chunks. Raises as `hijack` does.
    """
    with _opened(socket_path, timeout_s) as stream:
        stream.sendall(f"GET {url} HTTP/1.0\r\nHost: docker\r\n\r\n".encode())
        _answered(stream, "GET", http.client.OK, "log")
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


def _answered(stream: socket.socket, method: str, status: int, what: str) -> None:
    """Read the head of the answer, and nothing that follows it."""
    with http.client.HTTPResponse(stream, method=method) as response:
        response.begin()
        if response.status != status:
            words = response.read().decode(errors="replace").strip()
            raise EnvironmentFault(f"{what} refused: {words}", fix="is the container still running?")


class ExecStream:
    """A program's standard input, output and error over one connection; implements `Shell` and `Heard`."""

    def __init__(self, stream: socket.socket) -> None:
        """Take over the connection `stream`."""
        self._stream = stream
        self._pending = b""

    def write(self, data: bytes) -> None:
        """Send all of `data` to the program's standard input."""
        self._stream.sendall(data)

    def end_input(self) -> None:
        """Let the program read the end of its standard input."""
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
        if not self._fill(_HEADER.size + length, deadline):
            raise EnvironmentFault("the stream ended inside a frame", fix="did the engine stop? see `lab doctor`")
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
        with contextlib.suppress(BrokenPipeError):
            self.write(data)
            self.end_input()
        said: dict[bool, list[bytes]] = {False: [], True: []}
        while (frame := self.read_frame(deadline - time.monotonic())) is not None:
            said[frame[0]].append(frame[1])
        return b"".join(said[False]), b"".join(said[True])

    def _fill(self, size: int, deadline: float) -> bool:
        """Read until `size` bytes are pending; False when the stream ended before the first of them."""
        while len(self._pending) < size:
            self._stream.settimeout(max(deadline - time.monotonic(), 0.001))
            data = self._received(size - len(self._pending))
            if not data and not self._pending:
                return False
            if not data:
                raise EnvironmentFault("the stream ended inside a frame", fix="did the engine stop? see `lab doctor`")
            self._pending += data
        return True

    def _received(self, size: int) -> bytes:
        try:
            return self._stream.recv(size)
        except TimeoutError:
            raise
        except OSError as error:
            words = f"the engine broke the stream: {error}"
            raise EnvironmentFault(words, fix="did it stop? see `lab doctor`") from error
