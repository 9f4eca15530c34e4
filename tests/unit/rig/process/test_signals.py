"""Signals become one exception, and never one inside cleanup."""

from __future__ import annotations

import os
import signal
import subprocess
import sys

import pytest

from lab.errors import Interrupted
from lab.rig.process.signals import SIGNALS, interruptible, shielded


def send(signum: int) -> None:
    """Send this process a signal; the handler runs before this returns."""
    os.kill(os.getpid(), signum)
    signal.getsignal(signum)


@pytest.mark.parametrize(("signum", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_the_first_signal_interrupts_with_its_exit_code(signum: int, code: int) -> None:
    """128 + number, as a shell would say; the handlers that were there before are back afterwards."""
    before = [signal.getsignal(each) for each in SIGNALS]
    with pytest.raises(Interrupted) as caught, interruptible():
        send(signum)
    assert caught.value.exit_code == code
    assert [signal.getsignal(each) for each in SIGNALS] == before


def test_under_nohup_a_lost_terminal_interrupts_nothing() -> None:
    """HUP stays ignored, as `nohup` promises, and is so afterwards; the others interrupt all the same."""
    before = signal.signal(signal.SIGHUP, signal.SIG_IGN)
    try:
        with interruptible():
            send(signal.SIGHUP)
            with pytest.raises(Interrupted, match="SIGTERM"):
                send(signal.SIGTERM)
        assert signal.getsignal(signal.SIGHUP) == signal.SIG_IGN
    finally:
        signal.signal(signal.SIGHUP, before)


def test_a_shield_delays_the_first_signal_until_its_end() -> None:
    """Cleanup that is under way finishes; then the run ends as interrupted."""
    done = []

    def clean_up() -> None:
        with interruptible():
            with shielded(), shielded():
                send(signal.SIGTERM)
                done.append("cleanup")
            done.append("not reached")

    with pytest.raises(Interrupted) as caught:
        clean_up()
    assert (done, caught.value.exit_code) == (["cleanup"], 143)


def test_the_second_signal_does_not_interrupt_cleanup() -> None:
    """Ctrl-C twice: the second is noted, whatever runs then."""
    done = []

    def run() -> None:
        with interruptible():
            try:
                send(signal.SIGINT)
            finally:
                with shielded():
                    send(signal.SIGINT)
                    done.append("cleanup")

    with pytest.raises(Interrupted):
        run()
    assert done == ["cleanup"]


def test_an_error_of_the_cleanup_is_not_hidden_by_a_signal() -> None:
    """The first error stays the one that is raised."""

    def fail() -> None:
        with interruptible(), shielded():
            send(signal.SIGINT)
            raise ValueError("cleanup failed")

    with pytest.raises(ValueError, match="cleanup failed"):
        fail()


def test_a_shield_outside_a_run_is_nothing() -> None:
    """Unit tests and `lab judge` have no signals to hold back."""
    with shielded():
        pass


def test_the_third_signal_leaves_at_once_and_says_what_is_left() -> None:
    """Even inside a shield: exit status of the third signal, last words on stderr, no unwinding."""
    program = (
        "import os, signal\n"
        "from lab.rig.process.signals import interruptible, shielded\n"
        "with interruptible(lambda: 'left: box-1'), shielded():\n"
        "    [os.kill(os.getpid(), s) for s in (signal.SIGINT, signal.SIGINT, signal.SIGTERM)]\n"
        "    print('not reached')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.returncode, done.stdout, done.stderr) == (143, "", "left: box-1\n")
