"""What a run needs of this machine, found out once: engine, images, driver."""

from __future__ import annotations

import os
from dataclasses import replace
from pathlib import Path

from lab.errors import UsageError
from lab.evidence.durable import storing
from lab.host import images
from lab.host.driver import driver
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import Engine
from lab.rig.layout.images import Images
from lab.rig.process.watch import Progress, Watch
from lab.rig.standing import cleanup
from lab.rig.standing.lab import Machine
from lab.scenario.model import SDK_VERSION, SERVER_VERSION


def cache_folder() -> Path:
    """Return where things live that are made once and used by every run (XDG base directory specification).

    It is made where there is none. StorageError; UsageError for an XDG_CACHE_HOME that the specification has ignored.
    """
    chosen = os.environ.get("XDG_CACHE_HOME")
    if chosen and not Path(chosen).is_absolute():
        words = f"XDG_CACHE_HOME is {chosen}, another folder wherever one stands"
        raise UsageError(words, fix="give it a path that begins with /, or unset it")
    folder = Path(chosen or Path.home() / ".cache") / "livekit-lab"
    with storing(folder, option="XDG_CACHE_HOME"):
        folder.mkdir(parents=True, exist_ok=True)
    return folder


def machine(results: Path, *, insist: str | None, watch: Watch) -> Machine:
    """Connect to the engine, make sure of the images, choose the driver.

    Raises EnvironmentFault; StorageError, UsageError where results or what all runs share cannot be kept.
    """
    watch(Progress(phase="machine"))
    cache = cache_folder()
    engine = DockerEngine.connect()
    cleanup.clean(engine)  # what dead labs left would be in the way of nobody, but nobody else removes it
    ready = _images(engine, watch)
    with storing(results):
        results.mkdir(parents=True, exist_ok=True)
    chosen = driver(engine, ready.router, cache, insist)
    return Machine(engine=engine, images=ready, driver=chosen, results=results, cache=cache)


def with_server(ready: Machine, version: str, watch: Watch) -> Machine:
    """Return `ready` with LiveKit `version`, pulled or built first where it is not here. EnvironmentFault."""
    server = _images(ready.engine, watch, server_version=version).server
    return replace(ready, images=replace(ready.images, server=server))


def with_sdk(ready: Machine, release: str, watch: Watch) -> Machine:
    """Return `ready` with an image for clients with the SDK `release`, built first where there is none."""
    client = _images(ready.engine, watch, sdk_version=release).client
    return replace(ready, images=replace(ready.images, others={**ready.images.others, release: client}))


def _images(
    engine: Engine, watch: Watch, *, server_version: str = SERVER_VERSION, sdk_version: str = SDK_VERSION
) -> Images:
    def report(line: str) -> None:
        watch(Progress(phase="images", detail=line))

    found = images.present(engine, server_version=server_version, sdk_version=sdk_version)
    return found or images.ensure(engine, report=report, server_version=server_version, sdk_version=sdk_version)
