"""The image verbs of `Engine`, on Docker: look, pull, build, import.

The law: silence has an end. A registry may say nothing for seconds, a build step for minutes, neither for ever. A
signal ends the waiting at once; what was asked for the engine gives up with the connection, when the process ends.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

from docker.api import APIClient
from docker.errors import ImageNotFound
from docker.utils import parse_repository_tag

from lab.errors import EnvironmentFault
from lab.rig.engine.docker_faults import faults, follow
from lab.rig.process.coming import arrived, sent

PULL_SILENCE_S = 20
BUILD_SILENCE_S = 900


class DockerImages:
    """The half of `DockerEngine` that deals with images."""

    def __init__(self, api: APIClient) -> None:
        """Speak to the daemon through `api`."""
        self._api = api

    def image_digest(self, reference: str) -> str | None:
        """Return the local image's id (`sha256:…`), None when it is not there."""
        with faults(f"look for image {reference}"):
            try:
                return str(self._api.inspect_image(reference)["Id"])  # type: ignore[no-untyped-call]
            except ImageNotFound:
                return None

    def pull(self, reference: str) -> None:
        """Pull `reference`; gives up when the registry says nothing for PULL_SILENCE_S seconds. Interrupted."""
        arrived(sent(lambda: self._pull(reference)))

    def build(self, folder: Path, tag: str, arguments: Mapping[str, str]) -> None:
        """Build `folder`'s Dockerfile as `tag`; the error says why, in the words of the build's output. Interrupted."""
        arrived(sent(lambda: self._build(folder, tag, arguments)))

    def import_root(self, tarball: Path, tag: str) -> None:
        """Make an image of one layer out of a tar of a root file system. Interrupted."""
        arrived(sent(lambda: self._import_root(tarball, tag)))

    def _pull(self, reference: str) -> None:
        name, _, digest = reference.partition("@")
        name, tag = (name, digest) if digest else parse_repository_tag(name)
        url = f"{self._api.base_url}/v{self._api.api_version}/images/create"
        with (
            faults(f"pull {reference}"),
            self._api.post(
                url, params={"fromImage": name, "tag": tag or "latest"}, stream=True, timeout=PULL_SILENCE_S
            ) as answer,
        ):
            if not answer.ok:
                raise EnvironmentFault(f"pull {reference}: {answer.text.strip()}", fix="is a registry in reach?")
            follow(f"pull {reference}", (json.loads(line) for line in answer.iter_lines() if line))

    def _build(self, folder: Path, tag: str, arguments: Mapping[str, str]) -> None:
        with faults(f"build {tag}"):
            steps = self._api.build(
                path=str(folder),
                tag=tag,
                buildargs=dict(arguments),
                rm=True,
                forcerm=True,
                decode=True,
                timeout=BUILD_SILENCE_S,
            )
            follow(f"build {tag}", steps)

    def _import_root(self, tarball: Path, tag: str) -> None:
        repository, _, name = tag.partition(":")
        with faults(f"import {tarball.name} as {tag}"):
            self._api.import_image_from_file(str(tarball), repository=repository, tag=name or "latest")
        if self.image_digest(tag) is None:
            raise EnvironmentFault(f"the engine did not import {tag}", fix="is its disk full? see `lab doctor`")
