"""The symptoms of a flow in one line: what a listener would say, in the words for it. Nothing is decided here."""

from __future__ import annotations

from lab.analysis.values import Symptoms

_APART = " · "


def spoken(seen: Symptoms) -> str:
    """Return the line, empty when nothing is known."""
    parts = (_cuts(seen), _distortion(seen), _absence(seen), _delay(seen))
    known = _APART.join(part for part in parts if part)
    return f"symptoms: {known}" if known else ""


def _cuts(seen: Symptoms) -> str:
    if seen.gaps is None or seen.longest_gap is None:
        return ""
    if not seen.gaps:
        return "no cuts"
    p95 = "" if seen.gap_p95 is None else f", p95 {seen.gap_p95:.0f}"
    return f"{seen.gaps:.0f} cut{'s' * (seen.gaps != 1)} (longest {seen.longest_gap:.0f} ms{p95})"


def _distortion(seen: Symptoms) -> str:
    shares = (("concealed", seen.concealed), ("stretched", seen.stretched))
    words = [f"{name} {100 * share:.1f} %" for name, share in shares if share is not None]
    if seen.corrupt_frames:
        words.append(f"{seen.corrupt_frames:g} frames corrupt")
    return ", ".join(words)


def _absence(seen: Symptoms) -> str:
    return f"absent {seen.absence / 1000:g} s" if seen.absence else ""


def _delay(seen: Symptoms) -> str:
    if seen.delay_p50 is None or seen.delay_p95 is None:
        return ""
    drift = "" if seen.delay_drift is None else f", {round(seen.delay_drift):+d} ms/min"
    source = "" if seen.by_ear else ", estimated"
    return f"delay {seen.delay_p50:.0f} ms (p95 {seen.delay_p95:.0f}{drift}{source})"
