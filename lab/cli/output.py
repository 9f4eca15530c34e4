"""stdout and stderr of the program, whose reader may go away (`| head -1`).

Law: a reader that goes away ends nothing and changes no exit code: what is under way, a measurement above all, is done
as if it were still there, and what it would have read goes nowhere. A disk that takes nothing more is an error.
"""

from __future__ import annotations

import io
import os
import sys
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer


class Outlet(io.FileIO):
    """A descriptor of this process to write to; once its reader is gone it is /dev/null."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write `data`. OSError when that is not taken, and not for want of a reader."""
        try:
            return super().write(data)
        except BrokenPipeError:
            silence(self.fileno())
            return super().write(data)


def silence(descriptor: int) -> None:
    """Let `descriptor` be /dev/null from now on, for programs that are started as well."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
    finally:
        os.close(nowhere)


def outlasting(stream: io.TextIOWrapper, errors: str | None = None) -> TextIO:
    """Return a stream that writes where `stream` does and outlasts its reader; `errors` as in `open`, else its own."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(Outlet(stream.fileno(), "w", closefd=False)),
        encoding=stream.encoding,
        errors=errors or stream.errors,
        line_buffering=stream.line_buffering or stream.write_through,
    )


def flush() -> None:
    """Write out what stdout holds. OSError when that is not taken, once: what is left goes nowhere."""
    try:
        sys.stdout.flush()
    except OSError:
        silence(sys.stdout.fileno())
        raise


def outlast() -> None:
    """Let stdout and stderr outlast their readers; a terminal that knows no dash still shows the numbers beside it.

    What somebody has put in their place, as tests do, stays.
    """
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = outlasting(sys.stdout, errors="replace")
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = outlasting(sys.stderr)
