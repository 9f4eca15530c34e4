"""A sweep's folder before a run: made for a new plan, or found again and gone on with.

Law: plan and sound files are on disk, for good, before the first run. Who goes on with a sweep runs images
made of what its plan says, or nothing: a cell's identity is made of that.
"""

from __future__ import annotations

import shutil
from pathlib import Path

from lab.batch.folders import limit_file
from lab.batch.folders.committed import PLAN, SweepFolder, check_one_sweep
from lab.batch.plans.images import differing, recipes_for
from lab.batch.plans.plan import SOUNDS, Plan
from lab.errors import EnvironmentFault
from lab.evidence.durable import settle, storing, write_atomically
from lab.evidence.rooted import rooted


def created(plan: Plan, results: Path, search: str | None = None) -> SweepFolder:
    """Make the folder of a new sweep, `results/<scenario>/<sweep id>/`; it searches a limit along the key `search`.

    Raises StorageError.
    """
    folder = results / plan.name / plan.sweep
    with storing(folder):
        folder.mkdir(parents=True)
    return laid_out(folder, plan, search)


def laid_out(folder: Path, plan: Plan, search: str | None = None) -> SweepFolder:
    """Make a new sweep of `folder`, which is there and empty, as `created` does. StorageError."""
    with storing(folder):
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
    """Return the sweep in `path`. Raises UsageError, StorageError."""
    folder = SweepFolder(rooted(path, option="--resume"))
    check_one_sweep(folder)
    return folder


def check_images(folder: SweepFolder) -> None:
    """Refuse to go on with images made of something else than the sweep was planned for. EnvironmentFault."""
    here = {name: recipe for cell in folder.plan.distinct for name, recipe in recipes_for(cell.scenario).items()}
    if other := differing(folder.plan.images, here):
        words = f"{folder.path}: it was planned for images made of something else: {', '.join(other)}"
        raise EnvironmentFault(words, fix="take the lab that planned it; or plan a new sweep, and `lab compare` them")
