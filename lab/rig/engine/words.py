"""What containers say: waiting for the words by which one tells that it is ready.

Law: nobody is asked again and again; one that ends, or stays silent, is named with its last words.
"""

from __future__ import annotations

import time
from contextlib import closing

from lab.errors import EnvironmentFault
from lab.rig.engine.engine import Engine, Heard
from lab.rig.process import signals

_LOOK_S = 0.1
"""How soon a signal is noticed."""


def said(engine: Engine, container: str, words: str, *, within_s: float, who: str, fix: str) -> str:
    """Return what `container` has said as soon as `words` are in it. Interrupted.

    Raises EnvironmentFault when `who` (its name to a person) ends without them, or takes longer than `within_s`.
    """
    until, log = time.monotonic() + within_s, ""
    with closing(engine.listen(container)) as stream:
        while words not in log:
            signals.check()
            if time.monotonic() > until:
                raise EnvironmentFault(f"{who} was not ready within {within_s:g} s:\n{tail(log)}", fix=fix)
            more = _heard(stream)
            if more == b"":
                raise EnvironmentFault(f"{who} ended at once:\n{tail(log)}", fix=fix)
            log += (more or b"").decode(errors="replace")
    return log


def _heard(stream: Heard) -> bytes | None:
    """Return what comes in a moment, b"" at the end, None when nothing does."""
    try:
        return stream.read(_LOOK_S)
    except TimeoutError:
        return None


def tail(log: str, lines: int = 20) -> str:
    """Return the last `lines` of a container's log, indented for an error message."""
    return "\n".join("    " + line for line in log.splitlines()[-lines:])
