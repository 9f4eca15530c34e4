"""What a container may do, read from the body that Docker gets; the engine's own words read back."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from lab.errors import EnvironmentFault
from lab.rig.engine import docker_spec
from lab.rig.engine.docker_engine import DockerEngine
from lab.rig.engine.engine import NO_LIMIT, ContainerSpec, Mount

SPEC = ContainerSpec(name="n", image="i", command=("sleep", "9"), labels={"k": "v"}, deadline_s=40)


def host(spec: ContainerSpec) -> Any:
    """Return the HostConfig of `spec`."""
    return docker_spec.payload(spec)["HostConfig"]


def test_the_least_container_may_do_nothing() -> None:
    """No capability, privilege, port, network, device or limit that nobody named; a read-only root and a /tmp."""
    body = docker_spec.payload(SPEC)
    assert host(SPEC) == {
        "NetworkMode": "none",
        "PidMode": "",
        "Init": True,
        "ReadonlyRootfs": True,
        "CapDrop": ["ALL"],
        "CapAdd": [],
        "SecurityOpt": ["no-new-privileges"],
        "PidsLimit": 512,
        "Tmpfs": {"/tmp": "rw,nosuid,nodev,mode=1777"},
        "Mounts": [
            {
                "Type": "bind",
                "Source": str(Path(docker_spec.__file__).with_name(name)),
                "Target": f"/etc/{target}",
                "ReadOnly": True,
            }
            for name, target in (("no-resolver.conf", "resolv.conf"), ("hosts", "hosts"))
        ],
        "Sysctls": {},
        "Devices": [],
        "LogConfig": {"Type": "json-file", "Config": {}},
    }
    assert body["Labels"] == {"k": "v"}
    assert body["NetworkDisabled"] is True
    assert "ExposedPorts" not in body


def test_the_deadline_wraps_the_command_and_the_images_entrypoint_is_gone() -> None:
    """KILL at once at the deadline: `-k` would also cut short the grace of a SIGTERM."""
    body = docker_spec.payload(SPEC)
    assert body["Entrypoint"] == ["timeout", "-s", "KILL", "40"]
    assert body["Cmd"] == ["sleep", "9"]


def test_what_the_spec_names_it_gets() -> None:
    """Capabilities, devices, mounts, limits and environment arrive in Docker's units."""
    spec = replace(
        SPEC,
        capabilities=("NET_ADMIN",),
        devices=("/dev/net/tun",),
        mounts=(Mount(source=Path("/a"), target="/b", read_only=False),),
        environment={"X": "a=b"},
        cpus=0.05,
        memory_bytes=1 << 20,
        urgent=True,
        read_only=False,
    )
    made = host(spec)
    assert made["CapAdd"] == ["NET_ADMIN"]
    assert made["Devices"][0]["PathOnHost"] == "/dev/net/tun"
    assert made["Mounts"][-1] == {"Type": "bind", "Source": "/a", "Target": "/b", "ReadOnly": False}
    assert (made["CpuQuota"], made["CpuPeriod"]) == (5000, 100_000)
    assert (made["Memory"], made["MemorySwap"]) == (1 << 20, 1 << 20)
    assert made["CpuShares"] == 64 * 1024
    assert made["ReadonlyRootfs"] is False
    assert docker_spec.payload(spec)["Env"] == ["X=a=b"]


def test_what_a_container_shares_with_another_is_named() -> None:
    """Its network, its processes, or both; nobody is on a network of the engine."""
    assert [host(replace(SPEC, join="abc"))[each] for each in ("NetworkMode", "PidMode")] == ["container:abc", ""]
    assert docker_spec.payload(replace(SPEC, join="abc"))["NetworkDisabled"] is False  # or it would be in its own
    assert [host(replace(SPEC, processes="abc"))[each] for each in ("NetworkMode", "PidMode")] == [
        "none",
        "container:abc",
    ]
    assert "NetworkingConfig" not in docker_spec.payload(SPEC)


@pytest.mark.parametrize(
    ("status", "code", "read"),
    [("created", 0, None), ("running", 0, None), ("exited", 0, 0), ("exited", 137, 137), ("dead", 1, 1)],
)
def test_an_exit_code_belongs_to_what_has_ended(status: str, code: int, read: int | None) -> None:
    """Docker prints 0 for what never ran; OOMKilled with 0 is a child's death (moby#15621) and stays visible."""
    state = {"Status": status, "Running": status == "running", "ExitCode": code, "OOMKilled": True, "Pid": 0}
    facts = {"Id": "1", "Name": "/n", "State": state, "Config": {"Labels": None}}
    made = docker_spec.container_state(facts)
    assert (made.name, made.exit_code, made.oom_killed, made.labels) == ("n", read, True, {})


@pytest.mark.parametrize(
    ("address", "words"),
    [("tcp://192.0.2.1:2375", "not of this machine"), ("unix:///nonexistent.sock", "make setup")],
)
def test_an_engine_that_cannot_be_used_is_one_line_with_its_fix(
    monkeypatch: pytest.MonkeyPatch, address: str, words: str
) -> None:
    """Another machine's engine is refused unasked; a missing one names the way to get one."""
    monkeypatch.setenv("DOCKER_HOST", address)
    with pytest.raises(EnvironmentFault, match=words) as caught:
        DockerEngine.connect()
    assert address in str(caught.value)


def test_a_limit_that_is_lifted_is_said_in_docker_s_words() -> None:
    """-1 for the CPU; for memory an amount that no machine has, the same with swap; None says nothing."""
    lifted = docker_spec.limits(NO_LIMIT, NO_LIMIT)
    assert lifted["CpuQuota"] == -1
    assert lifted["Memory"] == lifted["MemorySwap"] == docker_spec.MORE_THAN_ANY
    assert docker_spec.limits(None, None) == {}
