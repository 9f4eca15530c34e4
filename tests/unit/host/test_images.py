"""Images: found, pulled or built; unchanged inputs are nothing to do."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest

from lab.errors import EnvironmentFault
from lab.host import images, sources
from lab.host.recipe import Recipe
from lab.host.recipes import recipes
from lab.host.sources import GO_MINIMUM, go_version
from lab.rig.layout.images import Image
from lab.share import share
from tests.fakes.engine import FakeEngine
from tests.fakes.sources import quick_sources


@pytest.fixture(autouse=True)
def machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """Return the certificate bundle of a machine whose makers pack an empty tarball instead of Debian and LiveKit."""
    return quick_sources(monkeypatch, tmp_path)


def made(engine: FakeEngine, *, report: Callable[[str], None] = lambda _: None, sdk: str = "1.2.1") -> images.Images:
    """Ensure the images on `engine`."""
    return images.ensure(engine, report=report, sdk_version=sdk)


def work_done(engine: FakeEngine) -> set[str]:
    """Return what the engine was asked to make, without hashes."""
    return {line.partition(":")[0] for line in engine.log if line.startswith(("build", "import"))}


def test_with_a_registry_in_reach_the_sources_are_pulled_by_digest() -> None:
    """Debian and LiveKit come by pinned digest, and nothing is built but the lab's own layers."""
    engine = FakeEngine(registry=True)
    got = made(engine)
    pulled = sorted(line for line in engine.log if line.startswith("pull"))
    assert pulled == [f"pull {sources.DEBIAN_PINNED}", f"pull {sources.SERVERS_PINNED['v1.13.5']}"]
    assert (got.base.how, got.server.how, got.router.how, got.client.how) == ("pulled", "pulled", "built", "built")
    assert not any(line.startswith("import") for line in engine.log)


def test_without_a_registry_they_are_built_and_the_reason_is_said() -> None:
    """The choice is made by trying; the engine's words and the way instead are reported."""
    engine, said = FakeEngine(registry=False), []
    got = made(engine, report=said.append)
    assert {image.how for image in (got.base, got.server, got.router, got.client)} == {"built"}
    assert any("no such host" in line for line in said)
    assert any("debootstrap" in line for line in said)
    assert work_done(engine) >= {"import livekit-lab/debian", "import livekit-lab/livekit-server"}


def test_the_second_time_nothing_is_made() -> None:
    """Present and ensure agree, and neither pulls, builds nor imports."""
    engine = FakeEngine(registry=False)
    assert images.present(engine) is None
    first = made(engine)
    engine.log.clear()
    assert made(engine) == first == images.present(engine)
    assert {line.partition(" ")[0] for line in engine.log} == {"image_digest"}


def test_another_sdk_makes_only_the_client_anew() -> None:
    """A tag is a hash of what goes in: base, router and server keep theirs."""
    engine = FakeEngine(registry=False)
    first = made(engine)
    engine.log.clear()
    second = made(engine, sdk="1.2.0")
    assert work_done(engine) == {"build livekit-lab/client"}
    assert (second.base, second.router, second.server) == (first.base, first.router, first.server)


def test_another_certificate_bundle_makes_all_layers_anew(machine: Path) -> None:
    """Containers trust what the host trusts now; the sources below stay."""
    engine = FakeEngine(registry=False)
    made(engine)
    machine.write_text("ANOTHER")
    assert images.present(engine) is None
    engine.log.clear()
    made(engine)
    assert work_done(engine) == {f"build livekit-lab/{name}" for name in ("base", "router", "client", "livekit")}


def test_no_certificate_bundle_is_an_error_with_its_fix(machine: Path) -> None:
    """Nothing is guessed about trust."""
    machine.unlink()
    with pytest.raises(EnvironmentFault, match="install ca-certificates"):
        made(FakeEngine())


@pytest.mark.parametrize(
    "change",
    [
        lambda folder: (folder / "Dockerfile").write_text("FROM b"),
        lambda folder: (folder / "Dockerfile").rename(folder / "Containerfile"),
        lambda folder: (folder / "Dockerfile").chmod(0o755),
        lambda folder: (folder / "more").touch(),
    ],
)
def test_tag_and_identity_name_every_file_of_the_folder(tmp_path: Path, change: Callable[[Path], object]) -> None:
    """Content, name, mode and number of files all count; Python's caches do not."""
    recipe = recipe_in(tmp_path)
    before = recipe.identity, recipe.tag(BELOW)
    (recipe.folder / "__pycache__").mkdir()
    (recipe.folder / "__pycache__" / "x.pyc").touch()
    assert (recipe.identity, recipe.tag(BELOW)) == before
    change(recipe.folder)
    assert recipe.identity != before[0]
    assert recipe.tag(BELOW) != before[1]


BELOW = {"BASE": Image(reference="livekit-lab/base:1", digest="sha256:1", recipe="base:1", how="built")}


def recipe_in(tmp_path: Path) -> Recipe:
    """Return a recipe with a folder of its own, which starts from what `BELOW` has."""
    folder = tmp_path / "f"
    folder.mkdir()
    (folder / "Dockerfile").write_text("FROM a")
    return Recipe(name="x", folder=folder, starts={"BASE": "base:1"}, arguments={"A": "1"})


def test_what_belongs_to_the_machine_is_in_the_tag_and_not_in_the_identity(tmp_path: Path) -> None:
    """Ids of the images below and trusted certificates differ between machines; versions and sources do not."""
    recipe = recipe_in(tmp_path)
    there = {"BASE": replace(BELOW["BASE"], reference="livekit-lab/base:2", digest="sha256:2")}
    trusting = replace(recipe, files={"ca.crt": lambda: b"CA"})
    assert len({recipe.tag(BELOW), recipe.tag(there), trusting.tag(BELOW)}) == 3
    assert recipe.identity == trusting.identity
    for other in (replace(recipe, arguments={"A": "2"}), replace(recipe, starts={"BASE": "base:2"})):
        assert other.identity != recipe.identity


def test_two_machines_that_build_their_own_have_other_ids_and_the_same_recipes(machine: Path) -> None:
    """One has a registry, the other none, and trusts somebody else: what they made was made of the same."""
    one = made(FakeEngine(registry=True))
    machine.write_text("ANOTHER")
    other = made(FakeEngine(registry=False))
    for name in ("base", "router", "server", "client"):
        here, there = getattr(one, name), getattr(other, name)
        assert here.digest != there.digest
        assert here.recipe == there.recipe == getattr(recipes(), name).identity


def test_each_version_has_a_recipe_of_its_own(machine: Path) -> None:
    """Another SDK is another client, another server another server; nobody is asked, not even for certificates."""
    machine.unlink()
    known, sdk, server = recipes(), recipes(sdk_version="1.1.2"), recipes(server_version="v1.13.4")
    assert (sdk.client.identity != known.client.identity, sdk.server.identity) == (True, known.server.identity)
    assert (server.server.identity != known.server.identity, server.client.identity) == (True, known.client.identity)


def test_what_they_start_from_is_in_every_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    """Another Debian is another base, and so another of everything."""
    before = recipes()
    monkeypatch.setattr(sources, "DEBIAN_PINNED", "debian@sha256:other")
    after = recipes()
    for name in ("base", "router", "server", "client"):
        assert getattr(before, name).identity != getattr(after, name).identity


@pytest.mark.parametrize(
    ("said", "enough"),
    [
        ("go version go1.26.8 linux/amd64", True),
        ("go version go1.27.3 linux/arm64", True),
        ("go version go1.24.3 linux/amd64", False),
        ("go version devel +abc linux/amd64", False),
    ],
)
def test_the_hosts_go_is_used_when_it_is_new_enough(said: str, enough: bool) -> None:
    """LiveKit 1.13.5 needs Go 1.26; a build without a number is not trusted."""
    assert (go_version(said) >= GO_MINIMUM) is enough


def test_every_image_has_its_dockerfile_in_the_share() -> None:
    """The folders that the recipes name are there, in a checkout as in a wheel."""
    assert all((share("compose") / name / "Dockerfile").is_file() for name in ("base", "router", "livekit", "client"))
    with pytest.raises(EnvironmentFault, match="install livekit-lab again"):
        share("nonesuch")
