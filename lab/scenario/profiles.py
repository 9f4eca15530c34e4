"""Named network profiles, as their sources publish them.

Law: a number here stands in the source named beside it; where a source gives no number nothing is impaired.
Loadero, comcast and BrowserStack say "latency" without saying one-way; it is applied per direction, as
foxglove, throttler and ATC do, so the round trip is twice the delay.
"""

from __future__ import annotations

from dataclasses import dataclass

from lab.scenario.tree import did_you_mean


@dataclass(frozen=True, kw_only=True)
class Shape:
    """One direction, spelled as in a scenario; an empty field is not impaired."""

    rate: str = ""
    delay: str = ""
    jitter: str = ""
    loss: str = ""


@dataclass(frozen=True, kw_only=True)
class Profile:
    """A named pair of directions and who published it."""

    name: str
    source: str
    up: Shape
    down: Shape


def _profile(name: str, source: str, rates: tuple[str, str], both: Shape, up_jitter: str = "") -> Profile:
    """Make a profile from (down, up) rates, the order of the published tables, and what both directions share."""
    down = Shape(rate=rates[0], delay=both.delay, jitter=both.jitter, loss=both.loss)
    up = Shape(rate=rates[1], delay=both.delay, jitter=up_jitter or both.jitter, loss=both.loss)
    return Profile(name=name, source=source, up=up, down=down)


PROFILES: tuple[Profile, ...] = (
    _profile("pristine", "foxglove", ("", ""), Shape()),
    _profile("4g", "foxglove", ("30mbit", "10mbit"), Shape(delay="50ms", jitter="15ms", loss="3%")),
    _profile("wifi-walls", "foxglove", ("5mbit", "2mbit"), Shape(delay="15ms", jitter="10ms", loss="8%")),
    _profile("starlink", "foxglove", ("100mbit", "15mbit"), Shape(delay="30ms", jitter="10ms", loss="2%")),
    _profile("severe", "foxglove", ("", "2mbit"), Shape(delay="100ms", jitter="30ms", loss="5%")),
    _profile("loadero-4g", "Loadero", ("100mbit", "50mbit"), Shape(delay="45ms", jitter="5ms", loss="0.2%"), "15ms"),
    _profile("loadero-hspa", "Loadero", ("20mbit", "10mbit"), Shape(delay="150ms", jitter="10ms", loss="0.5%")),
    _profile("loadero-3g", "Loadero", ("1200kbit", "1200kbit"), Shape(delay="250ms", jitter="50ms", loss="0.5%")),
    _profile("loadero-edge", "Loadero", ("200kbit", "260kbit"), Shape(delay="650ms", jitter="100ms", loss="1%")),
    _profile("loadero-gprs", "Loadero", ("80kbit", "20kbit"), Shape(delay="650ms", jitter="100ms", loss="1%")),
    _profile("satellite-phone", "Loadero", ("1mbit", "256kbit"), Shape(delay="600ms")),
    _profile("atc-3g-average", "ATC", ("780kbit", "330kbit"), Shape(delay="100ms")),
    _profile("atc-cable", "ATC", ("6mbit", "1mbit"), Shape(delay="2ms")),
    _profile("atc-dsl", "ATC", ("2mbit", "256kbit"), Shape(delay="5ms")),
    _profile("comcast-dsl-poor", "comcast README", ("2mbit", "2mbit"), Shape(delay="70ms", loss="2%")),
    _profile("comcast-wifi-good", "comcast README", ("30mbit", "30mbit"), Shape(delay="40ms", loss="0.2%")),
    _profile("browserstack-3g-umts-lossy", "BrowserStack", ("200kbit", "50kbit"), Shape(delay="200ms", loss="1%")),
    _profile("browserstack-edge-good", "BrowserStack", ("250kbit", "150kbit"), Shape(delay="300ms")),
)


def profile(name: str) -> Profile:
    """Return the profile called `name`; ValueError with the nearest name when there is none."""
    found = next((each for each in PROFILES if each.name == name), None)
    if found is None:
        raise ValueError(f"unknown profile {did_you_mean(name, [each.name for each in PROFILES])}")
    return found
