"""The images of a lab on this machine: found when they are there, else pulled by digest or built, decided by trying."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Callable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import NoReturn

from lab.errors import EnvironmentFault
from lab.host import sources
from lab.host.recipe import Recipe
from lab.host.recipes import recipes
from lab.host.sources import Source
from lab.rig.engine.engine import Engine
from lab.rig.layout.images import How, Image, Images
from lab.scenario.model import SDK_VERSION, SERVER_VERSION

Report = Callable[[str], None]
Obtain = Callable[[Source], Image]
Cook = Callable[[Recipe, Mapping[str, Image], How], Image]


class _Absent(Exception):  # noqa: N818 - an answer, not an error
    """An image is not on this machine."""


def present(engine: Engine, *, server_version: str = SERVER_VERSION, sdk_version: str = SDK_VERSION) -> Images | None:
    """Return the images when all of them are on this machine and up to date, else None; makes nothing."""

    def obtain(source: Source) -> Image:
        return _found(engine, source) or _absent()

    def cook(recipe: Recipe, starts: Mapping[str, Image], how: How) -> Image:
        return _made(engine, recipe, starts, how) or _absent()

    try:
        return _assemble(obtain, cook, server_version=server_version, sdk_version=sdk_version)
    except _Absent:
        return None


def ensure(
    engine: Engine, *, report: Report, server_version: str = SERVER_VERSION, sdk_version: str = SDK_VERSION
) -> Images:
    """Return the images, after pulling or building what is missing; `report` hears what is done and why.

    Raises EnvironmentFault when one can neither be pulled nor built. Nothing is ever deleted.
    """
    with tempfile.TemporaryDirectory(prefix="livekit-lab-images-") as work:

        def obtain(source: Source) -> Image:
            return _found(engine, source) or _fetched(engine, source, Path(work), report)

        def cook(recipe: Recipe, starts: Mapping[str, Image], how: How) -> Image:
            there = _made(engine, recipe, starts, how)
            return there or _cooked(engine, recipe, starts, how, Path(work), report)

        return _assemble(obtain, cook, server_version=server_version, sdk_version=sdk_version)


def _assemble(obtain: Obtain, cook: Cook, *, server_version: str, sdk_version: str) -> Images:
    """Follow the picture in `recipes`; what does not depend on each other goes side by side.

    None of it in the main thread, where a signal could come between the start of a maker and its name.
    """
    made = recipes(server_version=server_version, sdk_version=sdk_version)
    with ThreadPoolExecutor(3) as pool:
        server = pool.submit(obtain, sources.server(server_version))
        debian = pool.submit(obtain, sources.debian()).result()
        base = pool.submit(cook, made.base, {"ROOT": debian}, debian.how).result()
        router = pool.submit(cook, made.router, {"BASE": base}, "built")
        client = pool.submit(cook, made.client, {"BASE": base}, "built")
        livekit = server.result()
        served = pool.submit(cook, made.server, {"BASE": base, "SERVER": livekit}, livekit.how)
        return Images(
            base=base,
            server=served.result(),
            router=router.result(),
            client=client.result(),
        )


def _image(engine: Engine, reference: str, recipe: str, how: How) -> Image | None:
    digest = engine.image_digest(reference)
    return Image(reference=reference, digest=digest, recipe=recipe, how=how) if digest else None


def _made(engine: Engine, recipe: Recipe, starts: Mapping[str, Image], how: How) -> Image | None:
    return _image(engine, recipe.tag(starts), recipe.identity, how)


def _found(engine: Engine, source: Source) -> Image | None:
    pulled = _image(engine, source.pinned, source.identity, "pulled")
    return pulled or _image(engine, source.local, source.identity, "built")


def _absent() -> NoReturn:
    raise _Absent


def _fetched(engine: Engine, source: Source, work: Path, report: Report) -> Image:
    """Pull `source`; when no registry gives it, make it."""
    try:
        report(f"{source.name}: pulling {source.pinned}")
        engine.pull(source.pinned)
    except EnvironmentFault as why:
        report(f"{source.name}: {why}")
        report(f"{source.name}: building it instead ({source.recipe})")
        began = time.monotonic()
        engine.import_root(source.make(work), source.local)
        report(f"{source.name}: built in {time.monotonic() - began:.0f} s")
    return _found(engine, source) or _vanished(source.local)


def _cooked(engine: Engine, recipe: Recipe, starts: Mapping[str, Image], how: How, work: Path, report: Report) -> Image:
    began, tag = time.monotonic(), recipe.tag(starts)
    report(f"{recipe.name}: building {tag}")
    recipe.build(engine, work, starts)
    report(f"{recipe.name}: built in {time.monotonic() - began:.0f} s")
    return _made(engine, recipe, starts, how) or _vanished(tag)


def _vanished(reference: str) -> NoReturn:
    raise EnvironmentFault(f"image {reference} is gone again", fix="is something pruning images? run `lab setup` again")
