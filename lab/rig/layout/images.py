"""Which images a lab runs: name, digest, recipe and where each came from; values for the manifest."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from lab.errors import EnvironmentFault
from lab.scenario.model import SDK_VERSION

How = Literal["pulled", "built"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """A local image; `digest` is its id (`sha256:…`), which every machine that builds it has another of.

    `recipe` is the identity of what it was made of, the same on every machine.
    `how`: what it starts from was pulled from a registry, or built out of package registries.
    """

    reference: str
    digest: str
    recipe: str
    how: How


@dataclass(frozen=True, kw_only=True)
class Images:
    """The images of a lab, ready to run; `client` has the SDK that is the default, `others` further ones by release."""

    base: Image
    router: Image
    server: Image
    client: Image
    others: Mapping[str, Image] = field(default_factory=dict)

    def with_sdk(self, release: str) -> Image:
        """Return the client image that has the SDK `release`. EnvironmentFault when it was not made before."""
        if release == SDK_VERSION:
            return self.client
        if release not in self.others:
            raise EnvironmentFault(f"no image with the SDK {release}", fix="it is made before a lab is built")
        return self.others[release]
