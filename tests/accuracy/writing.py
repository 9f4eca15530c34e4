"""What the faults of programs, their machines and the server are written with."""

from __future__ import annotations

from random import Random
from typing import Any

from tests.accuracy.fault import Fragment, Strength
from tests.accuracy.log import PUBLISHER, SUBSCRIBER

CLIENTS = {PUBLISHER: {"role": PUBLISHER}, SUBSCRIBER: {"role": SUBSCRIBER}}


def pauses(dice: Random, media_ms: int) -> Strength:
    """Return one to four pauses, each longer than what is pushed ahead."""
    return {"times": dice.randint(1, 4), "length_ms": dice.uniform(0.025, 0.06) * media_ms}


def inject(kind: str, client: str = PUBLISHER, **written: Any) -> Fragment:
    """Return the fault `kind` of a client, `written` as it stands in a scenario."""
    return {"inject": [{kind: {"client": client, **written}}]}
