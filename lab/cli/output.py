"""stdout and stderr of the program, whose reader may go away (`| head -1`).

Law: a reader that goes away ends nothing and changes no exit code: what is under way, a measurement above all, is done
as if it were still there, and what it would have read goes nowhere. So does progress that nobody can write; an answer
that nobody can write is an error. Where an encoding has no dash or arrow there is one of ASCII, so that no figure is
read beside a question mark.
"""

from __future__ import annotations

import codecs
import errno
import io
import os
import select
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

if TYPE_CHECKING:
    from _typeshed import ReadableBuffer

REPLACED, ESCAPED = "lab.replaced", "lab.escaped"
"""`errors` as of `open`: what an encoding lacks is written in ASCII where that is known, else as `?`, or as `\\x..`."""
_Written = tuple[str | bytes, int]
_ASCII = str.maketrans(
    {
        "\N{EN DASH}": "-",
        "\N{EM DASH}": "-",
        "\N{MULTIPLICATION SIGN}": "x",
        "\N{NO-BREAK SPACE}": " ",
        "→": "->",
        "≤": "<=",
        "≥": ">=",
        "·": ".",
        "÷": "/",
        "±": "+-",
        "…": "...",
        "─": "-",
        "━": "-",
        "═": "=",
        "│": "|",
        **dict.fromkeys("┌┐└┘├┤┬┴┼", "+"),
    }
)


def _spelled(otherwise: Callable[[UnicodeError], _Written], error: UnicodeError) -> _Written:
    """Return what is written instead of the first character that `error` is about, and where to go on."""
    if not isinstance(error, UnicodeEncodeError):
        raise error
    error.end = error.start + 1
    written = error.object[error.start].translate(_ASCII)
    return (written, error.end) if written.isascii() else otherwise(error)


codecs.register_error(REPLACED, partial(_spelled, codecs.replace_errors))
codecs.register_error(ESCAPED, partial(_spelled, codecs.backslashreplace_errors))


class Outlet(io.FileIO):
    """A descriptor of this process to write to; once its reader is gone it is /dev/null."""

    def __init__(self, descriptor: int) -> None:
        """Write to `descriptor`, which stays open."""
        super().__init__(descriptor, "w", closefd=False)
        self._is_terminal = os.isatty(descriptor)  # one that has gone away says no

    def write(self, data: ReadableBuffer, /) -> int:
        """Write `data`. OSError when that is not taken, and not for want of a reader."""
        written: int | None = None
        while written is None:
            try:
                written = super().write(data)
            except OSError as error:
                if not self._is_gone(error):
                    raise
                silence(self.fileno())
            else:
                if written is None:  # full, and shared with a program that wants no waiting
                    select.select((), (self,), ())
        return written

    def _is_gone(self, error: OSError) -> bool:
        return isinstance(error, BrokenPipeError) or (self._is_terminal and error.errno == errno.EIO)


class Lossy(Outlet):
    """Such a descriptor for words beside the answer: whatever does not take them, it is /dev/null from then on."""

    def write(self, data: ReadableBuffer, /) -> int:
        """Write `data`, or drop what cannot be written without waiting for it."""
        try:
            written: int | None = io.FileIO.write(self, data)
        except OSError:
            silence(self.fileno())
            written = io.FileIO.write(self, data)
        return memoryview(data).nbytes if written is None else written


def silence(descriptor: int) -> None:
    """Let `descriptor` be /dev/null from now on, for programs that are started as well."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    try:
        os.dup2(nowhere, descriptor)
    finally:
        os.close(nowhere)


def outlasting(stream: io.TextIOWrapper, errors: str | None = None, outlet: type[Outlet] = Outlet) -> TextIO:
    """Return a stream that writes where `stream` does, as `outlet` does; `errors` as in `open`, else its own."""
    stream.flush()
    return io.TextIOWrapper(
        io.BufferedWriter(outlet(stream.fileno())),
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
    """Let stdout and stderr outlast their readers; a terminal that knows no dash shows another one.

    What somebody has put in their place, as tests do, stays. A stderr that is closed is /dev/null.
    """
    if sys.stderr is None:
        sys.stderr = Path(os.devnull).open("w")  # noqa: SIM115 - as long as the program lives
    if isinstance(sys.stdout, io.TextIOWrapper) and sys.stdout is sys.__stdout__:
        sys.stdout = outlasting(sys.stdout, errors=REPLACED)
    if isinstance(sys.stderr, io.TextIOWrapper) and sys.stderr is sys.__stderr__:
        sys.stderr = outlasting(sys.stderr, errors=ESCAPED, outlet=Lossy)
