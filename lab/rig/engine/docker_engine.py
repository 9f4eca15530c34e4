"""Docker behind the `Engine` protocol: each verb is one or two calls of the SDK, with a timeout and plain errors.

The law: every failure leaves as an `EnvironmentFault` that says what was tried, and not-found on removal is success.
Only a daemon of this machine is accepted: impairment and captures happen where the daemon's containers run.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any, Self

import docker
import requests
from docker.context import ContextAPI
from docker.errors import APIError, DockerException, NotFound

from lab.errors import EnvironmentFault, LabError
from lab.rig.engine import docker_spec
from lab.rig.engine.cgroup import holds, killed_for_memory
from lab.rig.engine.docker_control import DockerControl
from lab.rig.engine.docker_faults import faults, ignore_missing
from lab.rig.engine.docker_images import DockerImages
from lab.rig.engine.docker_stream import ExecStream, LogStream, follow, hijack, knock
from lab.rig.engine.engine import KILLED, ContainerSpec, ContainerState, EngineInfo, Heard, Outcome, Shell

CALL_TIMEOUT_S, GRACE_S, ENDING_S = 60, 10, 1
DEFAULT_ENDPOINT = "unix:///var/run/docker.sock"
_LOCAL = "unix://"
_ELSEWHERE = "run the lab on the engine's own machine and in no container, or in one with --pid=host"
_INSTALL = "start it, or run `make setup`, which installs one where there is none"


def endpoint() -> str:
    """Return where the engine is: DOCKER_HOST, else the docker CLI's current context, else the usual socket."""
    context = ContextAPI.get_current_context()
    return os.environ.get("DOCKER_HOST") or (context and context.Host) or DEFAULT_ENDPOINT


class DockerEngine(DockerControl, DockerImages):
    """An `Engine` on the Docker daemon of this machine. Thread-safe: calls share only the connection pool."""

    def __init__(self, client: docker.DockerClient, address: str) -> None:
        """Use `connect`; this only takes over a client whose daemon answered."""
        super().__init__(client.api)
        self._endpoint = address

    @classmethod
    def connect(cls) -> Self:
        """Return the engine at `endpoint()`.

        Raises EnvironmentFault when none answers, when it may not be used, or when it is not of this machine.
        """
        address = endpoint()
        if not address.startswith(_LOCAL):
            raise EnvironmentFault(
                f"the container engine at {address} is not of this machine",
                fix="unset DOCKER_HOST and DOCKER_CONTEXT, or point them at a unix:// socket",
            )
        try:
            knock(address.removeprefix(_LOCAL), GRACE_S)
            client = docker.DockerClient(address, version="auto", timeout=CALL_TIMEOUT_S, max_pool_size=32)
        except (DockerException, requests.RequestException, OSError) as error:
            raise EnvironmentFault(f"no container engine answers at {address}: {error}", fix=_INSTALL) from error
        return cls(client, address)

    def close(self) -> None:
        """Close the connections; the engine may not be used afterwards."""
        self._api.close()

    def info(self) -> EngineInfo:
        """Return the daemon's identity; `api_version` is the one in use."""
        with faults("ask the engine who it is"):
            info = self._api.info()
        return EngineInfo(
            endpoint=self._endpoint,
            version=info["ServerVersion"],
            api_version=self._api.api_version,
            cgroup_version=info.get("CgroupVersion", "1"),
            kernel=info["KernelVersion"],
        )

    def start(self, spec: ContainerSpec) -> str:
        """Create and start; remove what was created when that fails. Return the id."""
        with faults(f"start container {spec.name}"):
            container = self._create(docker_spec.payload(spec), spec.name)
            try:
                self._api.start(container)
            except BaseException as first:
                self._undo(container, first)
                raise
        return container

    def containers(self, labels: Mapping[str, str]) -> Sequence[ContainerState]:
        """Return the containers, in whatever state, that carry all of `labels`; an empty value matches any."""
        with faults("list containers"):
            found = self._api.containers(all=True, filters={"label": _filter(labels)})
        states = [self.state(container["Id"]) for container in found]
        return [state for state in states if state is not None]

    def state(self, container: str) -> ContainerState | None:
        """Return what the engine says of `container`, None when it is gone."""
        with faults(f"inspect container {container[:12]}"):
            try:
                facts = self._api.inspect_container(container)
            except NotFound:
                return None
        state = docker_spec.container_state(facts)
        if not holds(state.id, state.pid):
            state = replace(state, pid=0)
        # Of a container that lives on the engine says it late, or never (Docker 20.10).
        return replace(state, oom_killed=state.oom_killed or killed_for_memory(state.pid))

    def root(self, container: str) -> Path:
        """Return where this machine sees its files (proc(5)): what is opened there is open as from inside."""
        state = self.state(container)
        if state is None or not state.running:
            raise EnvironmentFault(f"container {container[:12]} has ended", fix="is there memory left?")
        if not state.pid:
            raise self._nowhere(container)
        return Path(f"/proc/{state.pid}/root")

    def _nowhere(self, container: str) -> EnvironmentFault:
        """Return why a container that ran has no process here."""
        if self._wait(container, ENDING_S) is not None:
            return EnvironmentFault(f"container {container[:12]} has ended", fix="is there memory left?")
        words = f"the processes of the container engine at {self._endpoint} are not among those in /proc here"
        return EnvironmentFault(words, fix=_ELSEWHERE)

    def wait(self, container: str, timeout_s: float) -> int:
        """Return the exit code; TimeoutError when it still runs after `timeout_s`."""
        code = self._wait(container, timeout_s)
        if code is None:
            raise TimeoutError(f"container {container[:12]} still runs after {timeout_s:g} s")
        return code

    def remove(self, container: str) -> None:
        """Kill and remove, volumes included; not found is success, as is a removal already under way once it ends."""
        with faults(f"remove container {container[:12]}"):
            try:
                ignore_missing(self._api.remove_container, container, v=True, force=True)
            except APIError as error:
                if error.status_code != 409:
                    raise
                ignore_missing(self._api.wait, container, timeout=GRACE_S, condition="removed")

    def execute(self, container: str, argv: Sequence[str], *, stdin: bytes = b"", timeout_s: float = 30) -> Outcome:
        """Run `argv` in `container`, feed it `stdin` and return what it said.

        Raises EnvironmentFault when it cannot be started, or has not ended after `timeout_s` (it is then killed).
        """
        limited = ["timeout", "-s", "KILL", f"{timeout_s:g}", *argv]
        began = time.monotonic()
        exec_id, stream = self._exec(container, limited)
        with faults(f"exec {argv[0]} in container {container[:12]}"):
            try:
                stdout, stderr = stream.converse(stdin, timeout_s + GRACE_S)
                code = int(self._api.exec_inspect(exec_id)["ExitCode"])
            finally:
                stream.close()
        if code == KILLED and time.monotonic() - began >= timeout_s:
            raise EnvironmentFault(f"{' '.join(argv)}: no end after {timeout_s:g} s", fix="is the machine overloaded?")
        return Outcome(exit_code=code, stdout=stdout.decode(errors="replace"), stderr=stderr.decode(errors="replace"))

    def shell(self, container: str, argv: Sequence[str]) -> Shell:
        """Start `argv` in `container` and return the stream to it, output and error in the order they came."""
        return self._exec(container, argv)[1]

    def logs(self, container: str) -> str:
        """Return standard output and error so far, in order."""
        with faults(f"read the log of container {container[:12]}"):
            return bytes(self._api.logs(container)).decode(errors="replace")

    def listen(self, container: str) -> Heard:
        """Return standard output and error as a stream, from the first word on; reading it raises what is refused."""
        with faults(f"follow the log of container {container[:12]}"):
            url = f"/v{self._api.api_version}/containers/{container}/logs?follow=1&stdout=1&stderr=1"
            return LogStream(follow(self._endpoint.removeprefix(_LOCAL), url, CALL_TIMEOUT_S))

    def _wait(self, container: str, timeout_s: float) -> int | None:
        with faults(f"wait for container {container[:12]}"):
            try:
                return int(self._api.wait(container, timeout=math.ceil(timeout_s))["StatusCode"])
            except requests.ReadTimeout:
                return None
            except requests.ConnectionError as error:
                if "timed out" in str(error):  # what requests makes of a silence after the head of the answer
                    return None
                raise

    def _create(self, payload: dict[str, object], name: str) -> str:
        made: dict[str, Any] = self._api.create_container_from_config(payload, name)  # type: ignore[no-untyped-call]
        return str(made["Id"])

    def _exec(self, container: str, argv: Sequence[str]) -> tuple[str, ExecStream]:
        with faults(f"exec {argv[0]} in container {container[:12]}"):
            exec_id = str(self._api.exec_create(container, list(argv), stdin=True)["Id"])
            path = self._endpoint.removeprefix(_LOCAL)
            stream = hijack(path, f"/v{self._api.api_version}/exec/{exec_id}/start", CALL_TIMEOUT_S)
        return exec_id, ExecStream(stream)

    def _undo(self, container: str, first: BaseException) -> None:
        """Remove a container whose start failed; a failure of that is a note on the `first` error."""
        try:
            self.remove(container)
        except LabError as second:
            first.add_note(f"and then: {second}")


def _filter(labels: Mapping[str, str]) -> list[str]:
    return [f"{key}={value}" if value else key for key, value in labels.items()]
