"""What the tests on a real engine stand on; a missing engine is a failure, not a skip."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from lab.host import images
from lab.host.machine import cache_folder
from lab.rig.engine.docker_engine import DockerEngine
from tests.rig.bump_lab import Rig


@pytest.fixture(scope="session")
def rig() -> Iterator[Rig]:
    """Give the engine, the lab's images (built if they are missing) and the cache of VM states."""
    engine = DockerEngine.connect()
    ready = images.present(engine) or images.ensure(engine, report=print)
    cache = cache_folder()
    cache.mkdir(parents=True, exist_ok=True)
    yield Rig(
        engine=engine,
        router_image=ready.router.reference,
        client_image=ready.client.reference,
        cache=cache,
    )
    engine.close()
