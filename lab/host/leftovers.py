"""`lab clean`: what earlier labs left on this machine, as lines for a person."""

from __future__ import annotations

from collections.abc import Iterator

from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.standing import cleanup


def clean(*, run: str | None, everything: bool, dry: bool) -> Iterator[str]:
    """Remove them and yield a line for each; with `dry` only say what would go.

    Raises UsageError for a `run` of which there is nothing, LeftoverError, after the last line, when something refused,
    EnvironmentFault when no engine answers.
    """
    engine = DockerEngine.connect()
    try:
        done = cleanup.clean(engine, run=run, everything=everything, dry=dry)
    finally:
        engine.close()
    for thing in done.removed:
        yield f"{'would remove' if dry else 'removed'} {thing} of lab {thing.run}"
    if not done.removed and not done.refused:
        yield "nothing to clean"
    done.raise_if_any(run or "…")
