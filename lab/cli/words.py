"""What a run tells while it runs, in words: a moment of it, and what its hops dropped."""

from __future__ import annotations

from lab.rig.process.watch import Count, Progress


def spoken(progress: Progress) -> str:
    """Return a moment as words."""
    left = "" if progress.left_s is None else f" {progress.left_s:4.0f} s left"
    return f"{progress.phase}{left}" + (f": {progress.detail}" if progress.detail else "")


def counted(count: Count) -> str:
    """Return what a hop dropped, as words."""
    of_all = f" ({share(count)})" if count.dropped and count.offered else ""
    return f"{hop(count)} {count.dropped} of {count.offered}{of_all}"


def hop(count: Count) -> str:
    """Return which hop it is, and whose."""
    return f"{count.hop} {count.client}".strip()


def share(count: Count) -> str:
    """Return which share of what came to a hop it lost, nothing where nothing came."""
    return f"{100 * count.dropped / count.offered:.1f} %" if count.offered else ""
