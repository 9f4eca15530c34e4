"""Which images a run depends on, by the names that a plan has them under, and what each is made of.

Law: no engine is asked, so that every machine plans the same: two that build their own images give them other ids, and
what they are made of is the same. What a run does not use is not among them, so that another build of it leaves the
run's cell the same.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cache
from types import MappingProxyType

from lab.host.recipes import recipes
from lab.scenario.model import SDK_VERSION, Scenario


def recipes_for(scenario: Scenario) -> Mapping[str, str]:
    """Return the images that a run of `scenario` depends on, name → identity of the recipe. EnvironmentFault."""
    return _recipes(scenario.server.version, releases(scenario))


def releases(scenario: Scenario) -> frozenset[str]:
    """Return the SDKs that a run has: the clients', and that of the lab's own programs."""
    return frozenset({SDK_VERSION, *(client.sdk for client in scenario.clients)})


def server_image(version: str) -> str:
    """Return the name of the image with the server `version`."""
    return f"server {version}"


def client_image(release: str) -> str:
    """Return the name of the client image with the SDK `release`."""
    return f"client {release}"


def differing(planned: Mapping[str, str], here: Mapping[str, str]) -> tuple[str, ...]:
    """Say of which images the recipe `here` is another one than `planned`; of none that the plan does not name."""
    return tuple(
        f"{name} ({recipe}, not {planned[name]})"
        for name, recipe in sorted(here.items())
        if planned.get(name, recipe) != recipe
    )


@cache
def _recipes(version: str, sdks: Iterable[str]) -> Mapping[str, str]:
    made = recipes(server_version=version)
    clients = {client_image(release): recipes(sdk_version=release).client.identity for release in sdks}
    return MappingProxyType({"router": made.router.identity, server_image(version): made.server.identity, **clients})
