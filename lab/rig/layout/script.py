"""Argument lists as the text of a shell, for whoever makes devices inside a container."""

from __future__ import annotations

import shlex
from collections.abc import Iterable
from itertools import groupby

Argv = tuple[str, ...]
_BATCHED = ("ip", "tc")


def script(lines: Iterable[Argv]) -> str:
    """Return `lines` for `sh -e`; one process does what stands together of `ip`, and of `tc`."""
    text = []
    for (tool, number), some in groupby(enumerate(lines), _batch):
        words = [line for _, line in some]
        if number is None:
            text += [f"{tool} -batch - <<'END'", *(shlex.join(line[1:]) for line in words), "END"]
        else:
            text += map(shlex.join, words)
    return "".join(f"{line}\n" for line in text)


def _batch(numbered: tuple[int, Argv]) -> tuple[str, int | None]:
    number, line = numbered
    return line[0], None if line[0] in _BATCHED else number
