"""A sweep's folder before a run: made for a new plan, or found again and gone on with.

Law: plan and sound files are on disk, for good, before the first run. Who goes on with a sweep runs the very images
that its plan names, or nothing: a cell's identity is made of them.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

from lab.batch.folders import limit_file
from lab.batch.folders.committed import PLAN, SweepFolder, check_one_sweep
from lab.batch.plans.cells import SOUNDS, Cell, Plan
from lab.batch.plans.images import needed_images
from lab.errors import EnvironmentFault
from lab.evidence.store import settle, storing, write_atomically
from lab.scenario.model import Scenario

ImagesOf = Callable[[Scenario], Mapping[str, str]]


def created(plan: Plan, results: Path, search: str | None = None) -> SweepFolder:
    """Make the folder of a new sweep, `results/<scenario>/<sweep id>/`; it searches a limit along the key `search`.

    Raises StorageError.
    """
    folder = results / plan.name / plan.sweep
    with storing(folder):
        folder.mkdir(parents=True)
        sounds = {digest: path for cell in plan.cells for digest, path in cell.sounds.items()}
        for digest, path in sounds.items():
            (folder / SOUNDS).mkdir(exist_ok=True)
            shutil.copyfile(path, folder / SOUNDS / f"{digest}.wav")
    if search:
        limit_file.mark(folder, search)
    settle(folder)
    write_atomically(folder / PLAN, plan.dump().encode())
    return SweepFolder(folder)


def found(path: Path) -> SweepFolder:
    """Return the sweep in `path`. Raises UsageError, EvidenceError."""
    folder = SweepFolder(path.resolve())
    check_one_sweep(folder)
    return folder


def images_for(cells: Iterable[Cell], images_of: ImagesOf) -> dict[str, str]:
    """Return name → digest of every image that `cells` need, each made sure of once. EnvironmentFault."""
    ready: dict[str, str] = {}
    for cell in {(cell.setting, cell.control): cell for cell in cells}.values():  # repetitions need the same
        if not needed_images(cell.scenario) <= ready.keys():
            ready.update(images_of(cell.scenario))
    return ready


def check_images(folder: SweepFolder, images: Mapping[str, str]) -> None:
    """Refuse to go on with other images than those that the sweep was planned for. EnvironmentFault."""
    planned = folder.plan.images
    if other := sorted(name for name, digest in images.items() if planned.get(name, digest) != digest):
        words = f"{folder.path}: its plan names another image for {', '.join(other)} than this machine has now"
        raise EnvironmentFault(words, fix="plan a new sweep; `lab compare` compares the two")
