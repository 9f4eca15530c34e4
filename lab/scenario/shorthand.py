"""Short spellings of a scenario, written out: `loss: 5%` is `loss: {share: 5%}`.

Law: a field can be laid into what was written short as into what was written out, and both mean the same.
"""

from __future__ import annotations

from typing import Any

from lab.scenario.written import ENDED, ENDED_LINK


def written_out(value: Any, at: tuple[str | int, ...]) -> Any:
    """Return what `value`, written at `at`, is short for; itself where it is short for nothing."""
    in_change = at[:1] == ("timeline",)
    match value, at[2:] if in_change else at:
        case None, ("links", _) if in_change:
            return ENDED_LINK
        case None, ("links", _, "up" | "down"):
            return ENDED
        case str(), ("links", _, "up" | "down", "loss"):
            return {"share": value}
        case str(), ("media", "audio"):
            return {"file": value}
        case str(), ("links", _, "up" | "down", "block") | ("expect", _):
            return [value]
    return value
