"""What a run needs of this machine, found out once: engine, images, driver."""

from __future__ import annotations

import os
from pathlib import Path

from lab.host import images
from lab.rig import cleanup
from lab.rig.bump.driver import choose
from lab.rig.docker_engine import DockerEngine
from lab.rig.lab import Machine
from lab.rig.watch import Progress, Watch


def cache_folder() -> Path:
    """Return where things live that are made once and used by every run (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livekit-lab"


def machine(results: Path, *, insist: str | None, watch: Watch) -> Machine:
    """Connect to the engine, make sure of the images, choose the driver. Raises EnvironmentFault."""
    watch(Progress(phase="machine"))
    engine = DockerEngine.connect()

    def report(line: str) -> None:
        watch(Progress(phase="images", detail=line))

    cleanup.clean(engine)  # what dead labs left would be in the way of nobody, but nobody else removes it
    ready = images.present(engine) or images.ensure(engine, report=report)
    results.mkdir(parents=True, exist_ok=True)
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    driver = choose(engine, ready.router.reference, insist)
    return Machine(engine=engine, images=ready, driver=driver, results=results, cache=cache)
