"""What containers say: waiting for the words by which one tells that it is ready.

Law: one that ends, or stays silent, is named with its last words.
"""

from __future__ import annotations

from lab.errors import EnvironmentFault
from lab.rig.engine.engine import Engine
from lab.rig.process.waiting import until


def said(engine: Engine, container: str, words: str, *, within_s: float, who: str, fix: str) -> str:
    """Return the log of `container` as soon as `words` are in it.

    Raises EnvironmentFault when `who` (its name to a person) ends without them or does not say them `within_s` seconds.
    """
    log = ""

    def heard() -> bool:
        nonlocal log
        log = engine.logs(container)
        if words in log:
            return True
        state = engine.state(container)
        if state is None or not state.running:
            raise EnvironmentFault(f"{who} ended at once:\n{tail(log)}", fix=fix)
        return False

    late = f"{who} was not ready within {within_s:g} s"
    until(heard, within_s, lambda: EnvironmentFault(f"{late}:\n{tail(log)}", fix=fix))
    return log


def tail(log: str, lines: int = 20) -> str:
    """Return the last `lines` of a container's log, indented for an error message."""
    return "\n".join("    " + line for line in log.splitlines()[-lines:])
