"""`lab setup`: the images and the saved states of the impairment VM, made ahead so that the first run is quick."""

from __future__ import annotations

from collections.abc import Callable

from lab.errors import EnvironmentFault
from lab.host import doctor, images
from lab.host.machine import cache_folder
from lab.rig.bump import vm
from lab.rig.bump.driver import choose
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import Engine
from lab.rig.layout.images import Images
from lab.rig.process.signals import interruptible

LINKS_AHEAD = (1, 2)
"""How many impaired links the gallery's labs have; a lab with more saves its own state when it first runs."""


def setup(*, report: Callable[[str], None]) -> Images:
    """Prepare this machine; what is there already is left as it is. `report` hears each step.

    Ends with packets that cross edge → router → core. Raises EnvironmentFault, which names the install line where there
    is no engine, and the packet filter rule in the way where packets do not cross; Interrupted. For the main
    thread.
    """
    with interruptible():
        engine = DockerEngine.connect()
        try:
            return _prepared(engine, report)
        finally:
            engine.close()


def _prepared(engine: Engine, report: Callable[[str], None]) -> Images:
    facts = engine.info()
    report(f"engine: Docker {facts.version} at {facts.endpoint}")
    ready = images.ensure(engine, report=report)
    for image in (ready.base, ready.router, ready.server, ready.client):
        report(f"image: {image.reference} ({image.how}) {image.digest}")
    driver = choose(engine, ready.router.reference, None)
    report(f"netem: {driver} driver")
    for links in LINKS_AHEAD if driver == "vm" else ():
        vm.prepare(engine, ready.router.reference, links, cache_folder(), report)
    found = doctor.cross(engine, ready, driver)
    report(str(found))
    if found.failed:
        raise EnvironmentFault(found.what, fix=found.fix)
    return ready
