"""What a made-up run's causes are; each is checked against the table of reasons on the way."""

from __future__ import annotations

from lab.analysis.flows.case import Asked
from lab.analysis.judge import judge
from lab.analysis.values import Cause
from lab.evidence.recording import Recording
from lab.scenario.expectations import DEFAULT, expectations
from lab.scenario.model import Media
from lab.scenario.reasons import reason
from tests.fakes.answering import answering


def causes(run: Recording) -> tuple[Cause, ...]:
    """Return the causes of the only flow of `run`, those that a void run would not tell included."""
    asked = Asked(media=Media(duration_ms=4000), expect=tuple(expectations(DEFAULT)))
    with answering():
        found = judge(run, asked).flows[0].causes
    assert all(fits(cause) for cause in found)
    return found


def fits(cause: Cause) -> bool:
    """Say whether a cause's reason is one of its owner at its hop; what is undecided may be anybody's."""
    about = reason(cause.reason)
    return about.code == "undecided" or (cause.owner.value in about.owners and cause.hop in about.hops)
