"""The four images of a lab: found when they are there, else pulled by digest or built, decided by trying.

debian ─► base ─► router
             ├──► client ◄─ SDK from PyPI
             └──► server ◄─ livekit-server
"""

from __future__ import annotations

import os
import tempfile
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from pathlib import Path
from typing import NoReturn

from lab.errors import EnvironmentFault
from lab.host import sources
from lab.host.recipe import Recipe
from lab.host.sources import Source
from lab.rig.engine import Engine
from lab.rig.images import How, Image, Images
from lab.scenario.model import SDK_VERSION, SERVER_VERSION
from lab.share import share

_BUNDLE = "/etc/ssl/certs/ca-certificates.crt"

Report = Callable[[str], None]
Obtain = Callable[[Source], Image]
Cook = Callable[[Recipe, How], Image]


class _Absent(Exception):  # noqa: N818 - an answer, not an error
    """An image is not on this machine."""


def present(engine: Engine, *, server_version: str = SERVER_VERSION, sdk_version: str = SDK_VERSION) -> Images | None:
    """Return the images when all of them are on this machine and up to date, else None; makes nothing."""

    def obtain(source: Source) -> Image:
        return _found(engine, source) or _absent()

    def cook(recipe: Recipe, how: How) -> Image:
        return _image(engine, recipe.tag, how) or _absent()

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

        def cook(recipe: Recipe, how: How) -> Image:
            return _image(engine, recipe.tag, how) or _cooked(engine, recipe, how, Path(work), report)

        return _assemble(obtain, cook, server_version=server_version, sdk_version=sdk_version)


def _assemble(obtain: Obtain, cook: Cook, *, server_version: str, sdk_version: str) -> Images:
    """Follow the picture above; what does not depend on each other goes side by side."""
    with ThreadPoolExecutor(3) as pool:
        server = pool.submit(obtain, sources.server(server_version))
        debian = obtain(sources.debian())
        base = cook(_base(debian), debian.how)
        router = pool.submit(cook, _recipe("router", base), "built")
        client = pool.submit(cook, _recipe("client", base, SDK_VERSION=sdk_version), "built")
        livekit = server.result()
        return Images(
            base=base,
            server=cook(_server(base, livekit), livekit.how),
            router=router.result(),
            client=client.result(),
        )


def _base(debian: Image) -> Recipe:
    return Recipe(
        name="base",
        folder=share("compose") / "base",
        arguments={"ROOT": debian.reference},
        inputs=(debian.digest,),
        files={"ca.crt": _trusted()},
    )


def _server(base: Image, livekit: Image) -> Recipe:
    recipe = _recipe("livekit", base, SERVER=livekit.reference)
    return replace(recipe, inputs=(*recipe.inputs, livekit.digest))


def _recipe(name: str, base: Image, **arguments: str) -> Recipe:
    return Recipe(
        name=name,
        folder=share("compose") / name,
        arguments={"BASE": base.reference, **arguments},
        inputs=(base.digest,),
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


def _image(engine: Engine, reference: str, how: How) -> Image | None:
    digest = engine.image_digest(reference)
    return Image(reference=reference, digest=digest, how=how) if digest else None


def _found(engine: Engine, source: Source) -> Image | None:
    return _image(engine, source.pinned, "pulled") or _image(engine, source.local, "built")


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


def _cooked(engine: Engine, recipe: Recipe, how: How, work: Path, report: Report) -> Image:
    began = time.monotonic()
    report(f"{recipe.name}: building {recipe.tag}")
    recipe.build(engine, work)
    report(f"{recipe.name}: built in {time.monotonic() - began:.0f} s")
    return _image(engine, recipe.tag, how) or _vanished(recipe.tag)


def _vanished(reference: str) -> NoReturn:
    raise EnvironmentFault(f"image {reference} is gone again", fix="is something pruning images? run `lab setup` again")
