"""A question at the terminal: what it comes to when nobody answers it, or somebody presses Ctrl-C."""

from __future__ import annotations

import os
import pty
import select
import signal
import sys
import time

AGAIN_S, DEADLINE_S = 1.0, 60.0


def asked(answer: bytes, *argv: str) -> tuple[int, str]:
    """Run `lab` with `argv` on a terminal, type `answer` when it asks, and return its exit code and what it showed.

    It is typed again as long as nothing comes of it, as anybody would: a signal that arrives in the instant before
    Python sleeps in the kernel, waiting for a key, is noticed when the next one wakes it.
    """
    process, terminal = pty.fork()
    if not process:
        os.execv(sys.executable, [sys.executable, "-m", "lab", *argv])
    shown = b""
    while b"[y/N]" not in shown:
        shown += os.read(terminal, 1_000)
    os.write(terminal, answer)
    deadline = time.monotonic() + DEADLINE_S
    try:
        while time.monotonic() < deadline:
            if select.select([terminal], [], [], AGAIN_S)[0]:
                shown += os.read(terminal, 1_000)
            else:
                os.write(terminal, answer)
        os.kill(process, signal.SIGKILL)
    except OSError:  # the program has ended, and its terminal with it
        pass
    code = os.waitstatus_to_exitcode(os.waitpid(process, 0)[1])
    os.close(terminal)
    return code, shown.decode()


def test_130_for_control_c_at_a_question() -> None:
    """As anywhere else; nothing was asked of any engine by then."""
    code, shown = asked(b"\x03", "clean", "--all")
    assert (code, "interrupted by SIGINT" in shown) == (130, True)


def test_2_for_a_no() -> None:
    """And for the end of the input, which is no answer."""
    assert asked(b"n\n", "clean", "--all")[0] == 2
    code, shown = asked(b"\x04", "clean", "--all")
    assert (code, "nobody answered the question" in shown) == (2, True)
