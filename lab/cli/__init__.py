"""The command line: each body parses, calls one function, prints, exits.

stdout carries the result, stderr progress and messages. Exit codes are those of `lab.errors` and `docs/verdicts.md`:
none is Typer's own, whose 1 would say that an expectation failed.
Importing this module imports Typer and nothing else, so that `lab --help` is immediate.
"""

from __future__ import annotations

import errno
import gc
import os
import signal
import sys
from contextlib import suppress
from typing import Any

import typer
from typer.core import TyperGroup

from lab.cli import compare, machine, results, run, scenarios, sweep, worker
from lab.cli.output import flush, outlast
from lab.errors import Interrupted, LabError, UsageError
from lab.secrecy import redacted

_GARBAGE = 50_000
"""So many objects more than were freed before it is looked for: by the usual 700 a twentieth of loading goes there."""


class _Commands(TyperGroup):
    """The commands; for what Typer would end with its own 1 there is an error of ours."""

    def invoke(self, ctx: Any) -> Any:
        """Run the command that `ctx` is about."""
        try:
            return super().invoke(ctx)
        except typer.Abort as abort:
            if isinstance(abort.__context__, KeyboardInterrupt):
                raise Interrupted(signal.SIGINT) from None
            raise UsageError("nobody answered the question; nothing was done", fix="--yes answers it") from None
        except KeyboardInterrupt:
            raise Interrupted(signal.SIGINT) from None
        except (BrokenPipeError, EOFError) as error:  # not those of stdout and stdin, as Typer believes
            raise LabError(_words(error)) from error


app = typer.Typer(
    name="lab",
    cls=_Commands,
    help="Is the missing audio the network's fault, or the code's? Proven on a real LiveKit server, frame by frame.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
for register in (
    run.register,
    sweep.register,
    worker.register,
    results.register,
    compare.register,
    scenarios.register,
    machine.register,
):
    register(app)


def main() -> None:
    """Run the command; turn errors into words on stderr and their exit code, 5 for those that nobody foresaw."""
    gc.set_threshold(_GARBAGE)
    outlast()
    if sys.stdout is None:
        print("lab: stdout is closed, and it is where the answer goes (redirect it to a file)", file=sys.stderr)
        raise SystemExit(UsageError.exit_code)
    try:
        _command()
    except Exception as error:  # whatever it is, it is no verdict: exit 1 would say that one failed
        if os.environ.get("LAB_DEBUG"):
            raise
        print(f"lab: {_words(error)}", file=sys.stderr)
        raise SystemExit(error.exit_code if isinstance(error, LabError) else LabError.exit_code) from None
    except Interrupted as error:
        print(f"lab: {error}", file=sys.stderr)
        raise SystemExit(error.exit_code) from None


def _command() -> None:
    """Run the command, and write out what it printed. OSError when that is not taken, if nothing else went wrong."""
    try:
        app()
    except SystemExit:
        flush()
        raise
    except BaseException:
        with suppress(OSError):
            flush()
        raise


def _words(error: Exception) -> str:
    if isinstance(error, LabError):
        return str(error)
    if isinstance(error, OSError) and error.errno in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG):
        return f"the output, or a temporary file, could not be written: {error.strerror}"
    return redacted(f"internal error: {type(error).__name__}: {error} (LAB_DEBUG=1 shows where)")
