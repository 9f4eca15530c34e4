"""Which images a lab runs: name, digest and where each came from; values for the manifest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

How = Literal["pulled", "built"]


@dataclass(frozen=True, kw_only=True)
class Image:
    """A local image; `digest` is its id (`sha256:…`).

    `how`: what it starts from was pulled from a registry, or built out of package registries.
    """

    reference: str
    digest: str
    how: How


@dataclass(frozen=True, kw_only=True)
class Images:
    """The images of a lab, ready to run."""

    base: Image
    router: Image
    server: Image
    client: Image
