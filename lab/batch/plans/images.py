"""Which images a run depends on, by the names that a plan has them under.

Law: what a run does not use is not among them, so that another build of it leaves the run's cell the same.
"""

from __future__ import annotations

from lab.scenario.model import SDK_VERSION, Scenario


def needed_images(scenario: Scenario) -> frozenset[str]:
    """Return the names of the images that a run of `scenario` depends on, as `Plan.images` has them."""
    return frozenset({"router", server_image(scenario.server.version), *map(client_image, releases(scenario))})


def releases(scenario: Scenario) -> frozenset[str]:
    """Return the SDKs that a run has: the clients', and that of the lab's own programs."""
    return frozenset({SDK_VERSION, *(client.sdk for client in scenario.clients)})


def server_image(version: str) -> str:
    """Return the name of the image with the server `version`."""
    return f"server {version}"


def client_image(release: str) -> str:
    """Return the name of the client image with the SDK `release`."""
    return f"client {release}"
