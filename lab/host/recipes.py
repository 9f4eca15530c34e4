"""The recipes of a lab's images. No engine is asked: what an image is made of is known wherever the lab is installed.

debian ─► base ─► router
             ├──► client ◄─ SDK from PyPI
             └──► server ◄─ livekit-server
"""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.host import sources
from lab.host.recipe import Recipe
from lab.scenario.model import SDK_VERSION, SERVER_VERSION
from lab.share import share

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"


@dataclass(frozen=True, kw_only=True)
class Recipes:
    """The picture above, for one version of the server and one of the SDK."""

    base: Recipe
    router: Recipe
    server: Recipe
    client: Recipe


def recipes(*, server_version: str = SERVER_VERSION, sdk_version: str = SDK_VERSION) -> Recipes:
    """Return how the images of a lab with these versions are made. EnvironmentFault when the installation is broken."""
    base = Recipe(
        name="base",
        folder=share("compose") / "base",
        starts={"ROOT": sources.debian().identity},
        files={"ca.crt": _trusted},
    )
    return Recipes(
        base=base,
        router=_on(base, "router"),
        server=_on(base, "livekit", SERVER=sources.server(server_version).identity),
        client=_on(base, "client", arguments={"SDK_VERSION": sdk_version}),
    )


def _on(base: Recipe, name: str, *, arguments: dict[str, str] | None = None, **starts: str) -> Recipe:
    return Recipe(
        name=name,
        folder=share("compose") / name,
        starts={"BASE": base.identity, **starts},
        arguments=arguments or {},
    )


def _trusted() -> bytes:
    """Return the certificates that this machine trusts: behind an inspecting proxy, containers need the same."""
    bundle = Path(os.environ.get("SSL_CERT_FILE") or _BUNDLE)
    try:
        return bundle.read_bytes()
    except OSError as error:
        raise EnvironmentFault(
            f"no certificate bundle at {bundle}", fix="apt-get install ca-certificates, or set SSL_CERT_FILE"
        ) from error
