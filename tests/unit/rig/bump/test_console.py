"""A console answers one script with its output and exit code, however the bytes come."""

from __future__ import annotations

import re
from typing import Any

import pytest

from lab.errors import EnvironmentFault
from lab.rig.bump.console import START, Console, ConsoleClosed


class Echo:
    """A shell that answers each script with `said`, its token and `code`, in pieces of `size` bytes."""

    def __init__(self, said: str = "", code: int = 0, *, size: int = 7, silent: bool = False) -> None:
        self.said, self.code, self.size, self.silent = said, code, size, silent
        self.written = ""
        self.pending = b""
        self.closed = False

    def write(self, data: bytes) -> None:
        """Take a script and prepare the answer."""
        self.written += data.decode()
        if self.written.startswith("printf '%s"):  # lines of tc, whose answer has no token
            self.pending = self.said.encode()
            return
        token = re.findall(r"--[0-9a-f]{16}--", self.written)[-1]
        self.pending = self.said.encode() if self.silent else f"{self.said}\n{token} {self.code}\n".encode()

    def read(self, timeout_s: float) -> bytes:
        """Give the next piece; nothing more is the end, or silence."""
        data, self.pending = self.pending[: self.size], self.pending[self.size :]
        if not data and self.silent:
            raise TimeoutError
        return data

    def close(self) -> None:
        """Remember it."""
        self.closed = True


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_the_answer_ends_at_its_token(size: int) -> None:
    """Output and exit code, whatever the pieces."""
    answer = Console(Echo("one\r\ntwo", 3, size=size)).run("x")
    assert (answer.output, answer.exit_code) == ("one\ntwo", 3)


def test_each_script_has_a_token_of_its_own() -> None:
    """What an earlier script left cannot be taken for the answer."""
    shell = Echo()
    console = Console(shell)
    console.run("a")
    console.run("b")
    assert len(set(re.findall(r"--[0-9a-f]{16}--", shell.written))) == 2


SHOWS = [("tc", "qdisc", "show", "dev", "up0"), ("tc", "filter", "show", "dev", "up0")]


@pytest.mark.parametrize("size", [1, 5, 1000])
def test_tc_is_one_process_that_takes_lines(size: int) -> None:
    """No new program for any of them; each `show` is answered by one JSON document, the last one ends the answer."""
    shell = Echo('[{"kind":"prio"}]\r\n\n[]\n', size=size)
    answer = Console(shell).tc([("tc", "qdisc", "replace", "dev", "up0", "root", "prio"), *SHOWS])
    assert answer == [[{"kind": "prio"}], []]
    lines = "'qdisc replace dev up0 root prio' 'qdisc show dev up0' 'filter show dev up0'"
    assert shell.written == f"printf '%s\\n' {lines} >/tc-lines\n"


def test_a_refusal_has_tc_s_words() -> None:
    """The error says what tc said; that tc has ended, and another takes its place."""
    shell = Echo("[]\nError: Specified qdisc kind is unknown.\nCommand failed -:1\ntc ended\n")
    with pytest.raises(EnvironmentFault, match=r"refused: Error: Specified qdisc kind is unknown. Command failed -:1"):
        Console(shell).tc(SHOWS)
    assert shell.written.endswith(f"{START}\n")


def test_words_that_are_no_answer_are_told() -> None:
    """A warning beside all answers is not passed over; the tc that gave it goes on."""
    shell = Echo("Warning: quantum of class is big.\n[]\n[]\n")
    with pytest.raises(EnvironmentFault, match="refused: Warning: quantum of class is big"):
        Console(shell).tc(SHOWS)
    assert START not in shell.written


def test_a_tc_that_dies_is_noticed_at_once() -> None:
    """Without a word of its own; another one takes its place."""
    shell = Echo("[]\ntc ended\n", silent=True)
    with pytest.raises(EnvironmentFault, match="tc refused: tc ended"):
        Console(shell).tc(SHOWS)
    assert shell.written.endswith(f"{START}\n")


@pytest.mark.parametrize("came", ["", "[1]\n", "[1]\n[", "[1]\n[2]"])
def test_an_answer_that_was_not_waited_for_is_nobody_else_s(came: str) -> None:
    """A signal ended the waiting, or it took too long: the next question gets its own answer, however little came."""
    console = Console(Echo(silent=True))
    shell: Any = console._stream
    shell.said = came
    with pytest.raises(EnvironmentFault, match="in time"):
        console.tc(SHOWS)
    shell.said = "[1]\n[2]\n".removeprefix(came) + "[3]\n[4]\n"
    assert console.tc(SHOWS) == [[3], [4]]
    shell.said = "[5]\n[6]\n"
    assert console.tc(SHOWS) == [[5], [6]]


def test_a_tc_that_is_silent_is_an_error_with_what_it_said() -> None:
    """Half of the answers are none."""
    with pytest.raises(EnvironmentFault, match="did not answer in time; it said "):
        Console(Echo("[]\n", silent=True)).tc(SHOWS)


def test_silence_is_an_error_with_what_was_said() -> None:
    """A console that stops in the middle says how far it came."""
    with pytest.raises(EnvironmentFault, match="did not answer in time; it said 'half an'"):
        Console(Echo("half an", silent=True)).run("x")


def test_the_end_of_the_stream_is_named() -> None:
    """The program behind it is gone."""
    shell = Echo()
    shell.write = lambda data: None  # type: ignore[method-assign]
    with pytest.raises(ConsoleClosed):
        Console(shell).run("x")


def test_close_closes_the_stream() -> None:
    """The stream is the console's to end."""
    shell = Echo()
    Console(shell).close()
    assert shell.closed


class Forgetful(Echo):
    """A shell that ends with the first `lost` scripts in its port, and with half of the one behind them."""

    def __init__(self, lost: int) -> None:
        super().__init__()
        self.lost = lost

    def write(self, data: bytes) -> None:
        """Lose it, or answer."""
        self.written += data.decode()
        self.lost -= 1
        token = re.findall(r"--[0-9a-f]{16}--", data.decode())[-1]
        self.pending = b"" if self.lost >= 0 else f"sh: -c2--: not found\n{token}\n".encode()

    def read(self, timeout_s: float) -> bytes:
        """Give the next piece, or let the time pass."""
        if not self.pending:
            raise TimeoutError
        return super().read(timeout_s)


def test_a_shell_that_lost_what_came_first_is_asked_again() -> None:
    """Three questions are lost, the fourth is answered; each has a token of its own and no quotes."""
    shell = Forgetful(3)
    Console(shell).knock(60)
    assert len(set(re.findall(r"--[0-9a-f]{16}--", shell.written))) == shell.written.count("echo ") == 4
    assert not set("'\"") & set(shell.written)
    assert not shell.pending


def test_who_knocks_at_a_shell_that_ended_is_told() -> None:
    """At once, not at the deadline."""
    shell = Echo()
    shell.write = lambda data: None  # type: ignore[method-assign]
    with pytest.raises(ConsoleClosed):
        Console(shell).knock(60)
