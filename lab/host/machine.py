"""What a run needs of this machine, found out once: engine, images, driver."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from lab.host import images
from lab.rig import cleanup
from lab.rig.bump.driver import choose
from lab.rig.docker_engine import DockerEngine
from lab.rig.engine import Engine
from lab.rig.images import Images
from lab.rig.lab import Machine
from lab.rig.watch import Progress, Watch


def cache_folder() -> Path:
    """Return where things live that are made once and used by every run (XDG base directory specification)."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "livekit-lab"


def machine(results: Path, *, insist: str | None, watch: Watch) -> Machine:
    """Connect to the engine, make sure of the images, choose the driver. Raises EnvironmentFault."""
    watch(Progress(phase="machine"))
    engine = DockerEngine.connect()
    cleanup.clean(engine)  # what dead labs left would be in the way of nobody, but nobody else removes it
    ready = _images(engine, images.SERVER_VERSION, watch)
    results.mkdir(parents=True, exist_ok=True)
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    driver = choose(engine, ready.router.reference, insist)
    return Machine(engine=engine, images=ready, driver=driver, results=results, cache=cache)


def with_server(ready: Machine, version: str, watch: Watch) -> Machine:
    """Return `ready` with LiveKit `version`, pulled or built first where it is not here."""
    return replace(ready, images=_images(ready.engine, version, watch))


def _images(engine: Engine, server_version: str, watch: Watch) -> Images:
    def report(line: str) -> None:
        watch(Progress(phase="images", detail=line))

    found = images.present(engine, server_version=server_version)
    return found or images.ensure(engine, report=report, server_version=server_version)
