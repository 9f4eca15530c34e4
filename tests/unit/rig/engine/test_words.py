"""What containers say is heard as soon as it is said; who ends, or stays silent, is named with its last words."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from typing import cast

import pytest

from lab.errors import EnvironmentFault, Interrupted
from lab.rig.engine.engine import Engine
from lab.rig.engine.words import said, tail
from lab.rig.process import signals


class Speaker:
    """An engine with a container that says its `words`, one after the other, and then ends; None is a silence."""

    def __init__(self, words: Iterator[bytes | None]) -> None:
        self.words, self.closed = words, False

    def listen(self, container: str) -> Speaker:
        """Give the one stream that there is."""
        assert container == "c"
        return self

    def read(self, timeout_s: float) -> bytes:
        """Say the next."""
        word = next(self.words, b"")
        if word is None:
            raise TimeoutError
        return word

    def close(self) -> None:
        """Remember it."""
        self.closed = True


def hear(speaker: Speaker, *, within_s: float = 60) -> str:
    """Wait for "ready"."""
    return said(cast("Engine", speaker), "c", "ready", within_s=within_s, who="the box", fix="ask it")


def test_words_are_heard_though_they_come_in_pieces() -> None:
    """Cut anywhere, after any silence; what was said before them is returned too, and nothing later is waited for."""
    speaker = Speaker(iter([b"begin\n", None, b"re", None, b"ady\n", b"more"]))
    assert hear(speaker) == "begin\nready\n"
    assert speaker.closed
    assert next(speaker.words) == b"more"


def test_one_that_ends_is_named_with_its_last_words() -> None:
    """At once, and the stream is closed."""
    speaker = Speaker(iter([b"no such device\n"]))
    with pytest.raises(EnvironmentFault, match=r"the box ended at once:\n    no such device \(ask it"):
        hear(speaker)
    assert speaker.closed


def test_one_that_stays_silent_is_named_with_its_last_words() -> None:
    """When the time is over, not when it ends."""
    speaker = Speaker(word for word in (b"still busy", *[None] * 1_000_000))
    with pytest.raises(EnvironmentFault, match=r"the box was not ready within 0\.05 s:\n    still busy"):
        hear(speaker, within_s=0.05)
    assert speaker.closed


def test_one_that_chatters_is_not_waited_for_longer() -> None:
    """Other words do not buy time."""
    speaker = Speaker(word for word in [b"busy\n"] * 20_000)
    with pytest.raises(EnvironmentFault, match="was not ready within"):
        hear(speaker, within_s=0.05)


def test_a_signal_ends_the_listening() -> None:
    """Although, inside a shield, it is not raised by itself."""

    def words() -> Iterator[None]:
        os.kill(os.getpid(), signal.SIGINT)
        while True:
            yield None

    speaker = Speaker(words())
    with pytest.raises(Interrupted), signals.interruptible(), signals.shielded():
        hear(speaker)
    assert speaker.closed


def test_tail_keeps_the_last_lines() -> None:
    """An error message holds what came last."""
    assert tail("\n".join(map(str, range(30))), lines=2) == "    28\n    29"
