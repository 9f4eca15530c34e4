"""Streams whose reader goes away: who writes to them does not notice, and a disk that is full is still told."""

from __future__ import annotations

import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from io import TextIOWrapper
from pathlib import Path
from typing import TextIO, cast

import pytest

from lab.cli import output
from lab.cli.output import ESCAPED, REPLACED, outlasting
from lab.cli.progress import Reporter
from lab.rig.process.watch import Progress


def over(descriptor: int, outlet: type[output.Outlet] = output.Outlet) -> TextIO:
    """Return a stream of ours over `descriptor`."""
    file = cast("TextIOWrapper", os.fdopen(descriptor, "w", encoding="utf-8", closefd=False))
    return outlasting(file, outlet=outlet)


@pytest.fixture
def pipe() -> Iterator[tuple[int, int]]:
    """Return the ends of a pipe: to read from, and to write to."""
    ends = os.pipe()
    yield ends
    for end in ends:
        os.close(end)


def leave(read: int) -> None:
    """Let nobody read from the pipe any more."""
    nobody = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nobody, read)
    os.close(nobody)


def test_a_reader_that_goes_away_ends_nothing(pipe: tuple[int, int]) -> None:
    """What it still read has come; the rest goes nowhere, whoever else writes there."""
    read, write = pipe
    stream = over(write)
    print("PASS", file=stream, flush=True)
    assert os.read(read, 100) == b"PASS\n"
    leave(read)
    for _ in range(3):
        print("PASS" * 10_000, file=stream, flush=True)
    assert os.write(write, b"a program that was started") == 26
    assert os.path.samestat(os.fstat(write), Path(os.devnull).stat())


def test_a_run_is_not_ended_by_who_no_longer_reads_its_progress(pipe: tuple[int, int]) -> None:
    """`lab run … 2>&1 | head -1`: its watch raises nothing."""
    read, write = pipe
    leave(read)
    reporter = Reporter(stream=over(write))
    assert [reporter.watch(Progress(phase=phase)) for phase in ("settle", "media", "done")] == [False] * 3


def test_a_disk_that_takes_nothing_is_told_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """It is no reader that went away; what is left is not tried again when the program ends."""
    full = os.open("/dev/full", os.O_WRONLY)
    stream = over(full)
    monkeypatch.setattr("sys.stdout", stream)
    stream.write("PASS\n")
    with pytest.raises(OSError, match="No space left"):
        output.flush()
    output.flush()
    os.close(full)


def test_progress_that_no_disk_takes_goes_nowhere() -> None:
    """It is said beside the answer, and no run ends for it."""
    full = os.open("/dev/full", os.O_WRONLY)
    stream = over(full, outlet=output.Lossy)
    print("lab: media", file=stream, flush=True)
    assert os.path.samestat(os.fstat(full), Path(os.devnull).stat())
    os.close(full)


def test_progress_waits_for_nobody(pipe: tuple[int, int]) -> None:
    """A pipe that is full, and that another program has made one that does not wait: what does not fit is dropped."""
    read, write = pipe
    os.set_blocking(write, False)
    stream = over(write, outlet=output.Lossy)
    for _ in range(100):
        print("lab: media" * 1_000, file=stream, flush=True)
    assert os.read(read, 10) == b"lab: media"


def test_an_answer_waits_for_its_reader(pipe: tuple[int, int]) -> None:
    """Even where the pipe was made one that does not wait: all of it comes."""
    read, write = pipe
    os.set_blocking(write, False)
    stream, said = over(write), "PASS" * 100_000

    def listen() -> bytes:
        found = b""
        while len(found) < len(said):
            found += os.read(read, 4_096)
        return found

    with ThreadPoolExecutor(1) as listener:
        heard = listener.submit(listen)
        print(said, end="", file=stream, flush=True)
        assert heard.result(60) == said.encode()


def test_a_terminal_that_goes_away_is_a_reader_that_does() -> None:
    """Whatever the system says then; what comes later goes nowhere."""
    keyboard, screen = os.openpty()
    stream = over(screen)
    print("PASS", file=stream, flush=True)
    os.close(keyboard)
    print("PASS", file=stream, flush=True)
    assert os.path.samestat(os.fstat(screen), Path(os.devnull).stat())
    os.close(screen)


def test_what_cannot_be_encoded_is_replaced_or_escaped() -> None:
    """As the stream did that it stands in for, unless another way is asked for."""
    ascii_only = TextIOWrapper(os.fdopen(os.dup(1), "wb"), encoding="ascii", errors="backslashreplace")
    assert (outlasting(ascii_only).errors, outlasting(ascii_only, errors="replace").errors) == (
        "backslashreplace",
        "replace",
    )
    ascii_only.close()


@pytest.mark.parametrize(
    ("encoding", "written"),
    [
        ("ascii", "94 ms (86-?): a -> b <= 3 .. +-2 x 3/4 ... +--|  caf?"),
        ("latin-1", "94 ms (86-?): a -> b <= 3 ·· ±2 x 3÷4 ... +--|\xa0 café"),
        ("utf-8", "94 ms (86\N{EN DASH}?): a → b ≤ 3 ·· ±2 x 3÷4 … └──│\xa0 café"),
    ],
)
def test_what_an_encoding_lacks_is_spelled_in_ascii(encoding: str, written: str) -> None:
    """A dash between two numbers stays one, and a question mark means what the legend says; a path is escaped."""
    text = "94 ms (86\N{EN DASH}?): a → b ≤ 3 ·· ±2 x 3÷4 … └──│\xa0 café"
    assert text.encode(encoding, REPLACED).decode(encoding) == written
    assert text.encode("ascii", ESCAPED).decode().endswith(" a -> b <= 3 .. +-2 x 3/4 ... +--|  caf\\xe9")
