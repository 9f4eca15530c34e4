"""What is known of a run before its first packet, for the manifest: versions, digests, addresses, the machine."""

from __future__ import annotations

import hashlib
import os
import platform
from dataclasses import replace
from importlib.metadata import version
from pathlib import Path

import lab
from lab.evidence.manifest import Image, Manifest, Netem, Place, ServerPlace
from lab.rig.layout.images import Images
from lab.rig.layout.topology import MEDIA_PORT
from lab.rig.standing.lab import Lab
from lab.scenario.model import SDK_VERSION, Scenario

PROGRAMS = ("clients", "probe", "faults.py", "marks.py")


def known(manifest: Manifest, standing: Lab, scenario: Scenario) -> Manifest:
    """Return `manifest` with everything that is known once the lab stands."""
    bump, engine = standing.bump.facts, standing.machine.engine.info()
    return replace(
        manifest,
        versions={
            "lab": lab.__version__,
            "server": scenario.server.version,
            "programs": code_hash(Path(lab.__file__).parent),
            "engine": f"{engine.version} (API {engine.api_version}, cgroup v{engine.cgroup_version})",
            **{name: version(name) for name in ("livekit-api", "docker", "numpy")},
        },
        images=ran(standing.machine.images, scenario),
        netem=Netem(driver=bump.driver, seeded=bump.seeded, kernel=bump.kernel, iproute2=bump.iproute2, qemu=bump.qemu),
        clients=tuple(
            Place(
                name=client.name,
                role=client.role,
                ip=standing.topology.node(client.name).ip,
                linked=scenario.link_of(client.name) is not None,
            )
            for client in scenario.clients
        ),
        server=ServerPlace(ip=standing.topology.server.ip, port=MEDIA_PORT),
        host={"kernel": engine.kernel, "machine": platform.machine(), "cpus": os.cpu_count()},
    )


def code_hash(package: Path) -> str:
    """Return a hash of the programs that run inside the client containers, mounted and never baked into an image."""
    digest = hashlib.sha256()
    for part in PROGRAMS:
        place = package / part
        for file in sorted(place.rglob("*.py")) if place.is_dir() else [place]:
            digest.update(file.relative_to(package).as_posix().encode() + b"\0" + file.read_bytes())
    return digest.hexdigest()[:16]


def ran(images: Images, scenario: Scenario) -> dict[str, Image]:
    """Return the images of a run by name: the four of every lab, and those of clients with another SDK."""
    named = {"base": images.base, "router": images.router, "server": images.server, "client": images.client}
    others = {client.sdk for client in scenario.clients} - {SDK_VERSION}
    named |= {f"client {release}": images.with_sdk(release) for release in sorted(others)}
    return {name: Image(**vars(image)) for name, image in named.items()}
