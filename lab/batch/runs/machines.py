"""The machine for each scenario: this one with the server and the SDKs that it asks for, every image made once.

Law: an image is made when it is first asked for, before the lab that needs it, and never again in this process; whoever
asks meanwhile waits for it.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping

from lab.batch.plans.images import client_image, releases, server_image
from lab.host.machine import with_sdk, with_server
from lab.rig.process.watch import Watch
from lab.rig.standing.lab import Machine
from lab.scenario.model import SDK_VERSION, SERVER_VERSION, Scenario


class Machines:
    """The machine `ready`, fitted for one scenario after another; any thread may ask."""

    def __init__(self, ready: Machine, watch: Watch) -> None:
        """Begin with `ready`, which has the default server and SDK; tell `watch` what is pulled or built."""
        self._ready, self._watch = ready, watch
        self._servers = {SERVER_VERSION: ready}
        self._lock = threading.Lock()

    def __call__(self, scenario: Scenario) -> Machine:
        """Return the machine with the images for `scenario`. EnvironmentFault when one can be neither had nor made."""
        with self._lock:
            fitted = self._with_server(scenario.server.version)
            for release in releases(scenario) - {SDK_VERSION} - fitted.images.others.keys():
                fitted = with_sdk(fitted, release, self._watch)
            self._servers[scenario.server.version] = fitted
            return fitted

    def images(self, scenario: Scenario) -> Mapping[str, str]:
        """Make sure of the images for `scenario`; return name → recipe, as a plan has them. EnvironmentFault."""
        made = self(scenario).images
        named = {"router": made.router, server_image(scenario.server.version): made.server}
        named |= {client_image(release): made.with_sdk(release) for release in releases(scenario)}
        return {name: image.recipe for name, image in named.items()}

    def check(self) -> None:
        """Ask the engine whether it is there. EnvironmentFault when it does not answer."""
        self._ready.engine.info()

    def _with_server(self, version: str) -> Machine:
        if version not in self._servers:
            self._servers[version] = with_server(self._ready, version, self._watch)
        return self._servers[version]
