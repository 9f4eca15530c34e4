"""What runs were judged to be: read where it is kept, made again from the evidence where it is not.

Law: `verdict.json` is derived. One that was deleted, or is of a lab that kept fewer metrics, costs a judgement; one
that is broken, of another run or of a newer format is an error that names it, and so is evidence that was never sealed,
or is not as it was: no verdict of before speaks for it. Files are checked by size. Nothing is written.
"""

from __future__ import annotations

from pathlib import Path
from shlex import quote

from lab.analysis.values import Outcome
from lab.batch.runs.one import judged
from lab.errors import EvidenceError, StorageError
from lab.evidence import names
from lab.evidence.durable import storing
from lab.evidence.manifest import SEALED, Manifest, read_manifest
from lab.evidence.store import altered
from lab.report.verdicts import Told, loads


def told(run: Path) -> Told:
    """Return what the run in the folder `run` was judged to be. EvidenceError, StorageError."""
    manifest = read_manifest(run)
    left = f"lab show {quote(str(run))} tells what is left"
    if manifest.phase != SEALED:
        raise EvidenceError(f"{run}: never sealed, the recording ended in phase {_ending(manifest)}", fix=left)
    if gone := unsealed(run, manifest):
        raise EvidenceError(f"{run / gone}: not there as it was sealed", fix=left)
    found = kept(run, manifest)
    if found is None or not all(flow.metrics for flow in found.flows):
        (found,) = loads(judged(run).json, str(run), fix=_again(run))
    return found


def told_or_why(run: Path) -> Told | str:
    """Return what the run in the folder `run` was judged to be, or why it does not count."""
    try:
        return counting(told(run))
    except StorageError as error:
        return str(error)


def counting(found: Told) -> Told | str:
    """Return a verdict that counts, or why it does not: a void run is no answer, whatever it was called before."""
    return f"VOID: {'; '.join(found.void)}" if found.outcome == Outcome.VOID else found


def unsealed(run: Path, manifest: Manifest) -> str:
    """Return the first file that a verdict is read from and that is not as it was sealed, else "". StorageError."""
    return next(filter(names.is_judged, altered(run, manifest)), "")


def kept(run: Path, manifest: Manifest) -> Told | None:
    """Return the verdict that is kept in the folder `run`, None where there is none. EvidenceError, StorageError."""
    file = run / names.VERDICT
    with storing(file):
        if not file.exists():
            return None
        text = file.read_text(errors="replace")
    found = loads(text, str(file), fix=_again(run))
    if [each.run for each in found] != [manifest.run]:
        raise EvidenceError(f"{file}: not the verdict of this run", fix=_again(run))
    return found[0]


def _ending(manifest: Manifest) -> str:
    """Return the last phase of a recording that was cut short, with the first line of why."""
    why = manifest.phases[-1].facts.get("why")
    return f"{manifest.phase}: {str(why).splitlines()[0]}" if why else manifest.phase


def _again(run: Path) -> str:
    """Say what to do about a verdict that is none: the recording that it was made from is whole."""
    return f"make it again: lab judge {quote(str(run))}"
