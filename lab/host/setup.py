"""`lab setup`: the images and the saved states of the impairment VM, made ahead so that the first run is quick."""

from __future__ import annotations

from collections.abc import Callable

from lab.host import images
from lab.host.machine import cache_folder
from lab.rig.bump import vm
from lab.rig.bump.driver import choose
from lab.rig.docker_engine import DockerEngine

LINKS_AHEAD = (1, 2)
"""How many impaired links the gallery's labs have; a lab with more saves its own state when it first runs."""


def setup(*, report: Callable[[str], None]) -> None:
    """Prepare this machine; what is there already is left as it is. `report` hears each step.

    Raises EnvironmentFault, which names the install line where there is no engine.
    """
    engine = DockerEngine.connect()
    try:
        facts = engine.info()
        report(f"engine: Docker {facts.version} at {facts.endpoint}")
        ready = images.ensure(engine, report=report)
        for image in (ready.base, ready.router, ready.server, ready.client):
            report(f"image: {image.reference} ({image.how}) {image.digest}")
        driver = choose(engine, ready.router.reference, None)
        report(f"netem: {driver} driver")
        for links in LINKS_AHEAD if driver == "vm" else ():
            vm.prepare(engine, ready.router.reference, links, cache_folder(), report)
    finally:
        engine.close()
