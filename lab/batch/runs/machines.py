"""The machine for each scenario: this one with the server and the SDKs that it asks for, every image made once.

Law: an image is made when it is first asked for, before the lab that needs it, and never again in this process; whoever
asks meanwhile waits for it. One that cannot be had is tried once too, or once in a while by who serves for days: its
failure is the answer to whoever asks again. Where the engine itself does not answer, nothing is known of an image.
"""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from functools import partial

from lab.batch.plans.images import client_image, releases, server_image
from lab.errors import EnvironmentFault, ImageFault
from lab.host.machine import with_sdk, with_server
from lab.rig.process.watch import Watch
from lab.rig.standing.lab import Machine
from lab.scenario.model import SDK_VERSION, SERVER_VERSION, Scenario


@dataclass(frozen=True, kw_only=True)
class _Lacking:
    """Why an image could not be had, and when that was (clock)."""

    message: str
    fix: str
    since_s: float


class Machines:
    """The machine `ready`, fitted for one scenario after another; any thread may ask."""

    def __init__(
        self,
        ready: Machine,
        watch: Watch,
        again_s: float = math.inf,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        """Begin with `ready`, which has the default server and SDK; tell `watch` what is pulled or built.

        What could not be had is tried again after `again_s`.
        """
        self._ready, self._watch, self._again_s, self._clock = ready, watch, again_s, clock
        self._servers = {SERVER_VERSION: ready}
        self._lacking: dict[str, _Lacking] = {}
        self._lock = threading.Lock()

    def __call__(self, scenario: Scenario) -> Machine:
        """Return the machine with the images for `scenario`.

        Raises ImageFault when one can be neither had nor made, EnvironmentFault when the engine does not answer.
        """
        with self._lock:
            version = scenario.server.version
            fitted = self._had(server_image(version), partial(self._with_server, version))
            for release in sorted(releases(scenario) - {SDK_VERSION} - fitted.images.others.keys()):
                fitted = self._had(client_image(release), partial(with_sdk, fitted, release, self._watch))
            self._servers[version] = fitted
            return fitted

    def prepare(self, scenarios: Iterable[Scenario]) -> tuple[str, ...]:
        """Make sure of the images for `scenarios`; return which cannot be had, and why, each once.

        Raises ImageFault when there is a scenario and none that can be run, EnvironmentFault as a call does.
        """
        able, faults = False, dict[str, ImageFault]()
        for scenario in scenarios:
            try:
                self(scenario)
                able = True
            except ImageFault as fault:
                faults[str(fault)] = fault
        if faults and not able:
            raise next(iter(faults.values()))
        return tuple(faults)

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

    def _had(self, name: str, make: Callable[[], Machine]) -> Machine:
        """Return what `make` returns, unless the image `name` could not be had a short while ago. EnvironmentFault."""
        known = self._lacking.get(name)
        if known and self._clock() < known.since_s + self._again_s:
            raise ImageFault(known.message, fix=known.fix)
        try:
            return make()
        except EnvironmentFault as fault:
            self.check()
            message = f"{name} cannot be had: {fault.message}"
            self._lacking[name] = _Lacking(message=message, fix=fault.fix, since_s=self._clock())
            raise ImageFault(message, fix=fault.fix) from fault
