"""`lab sweep`."""

from __future__ import annotations

import sys
from pathlib import Path
from shlex import quote
from typing import TYPE_CHECKING, Annotated

import typer

from lab.cli.options import (
    DEFAULT_RESULTS,
    Axes,
    Controls,
    Formats,
    Json,
    Repeat,
    Results,
    Seed,
    Sets,
    Zips,
    chosen,
    given,
    path,
    zipped,
)
from lab.cli.run import Netem
from lab.digits import whole
from lab.errors import UsageError

if TYPE_CHECKING:
    from lab.batch.sweeps.attempts import Moment

_BESIDE_MERGE = {"merge", "file", "axes", "results", "form", "json", "quiet"}
_OF_A_WORKER = {"lanes", "netem"}


Varied = Annotated[
    Path | None, typer.Argument(parser=path, help="The scenario that is varied.", show_default="that of --resume")
]
FindLimit = Annotated[
    str | None,
    typer.Option(
        metavar="KEY=MILD..HARSH",
        help="Find where along KEY an expectation breaks, e.g. links.publisher.up.loss=0%..40% or …/1% for steps.",
    ),
]
Only = Annotated[
    list[str] | None,
    typer.Option(metavar="KEY=VALUE", help="Run these cells only; or the beginning of a cell's id. Repeatable."),
]
Shard = Annotated[str | None, typer.Option(metavar="I/N", help="Run the I-th of N parts; --merge puts them together.")]
MaxTime = Annotated[
    str | None, typer.Option(metavar="TIME", help="Begin no run that would end later than this, e.g. 30m.")
]
Lanes = Annotated[
    str, typer.Option(metavar="N|auto", help="How many labs side by side; auto: as many as this machine carries.")
]
Resume = Annotated[
    Path | None,
    typer.Option(parser=path, metavar="DIR", help="Go on with the sweep in this folder; what is done stays."),
]
Scheduler = Annotated[
    str | None, typer.Option(metavar="ADDRESS", help="Let the workers of this Dask scheduler make the runs.")
]
Merge = Annotated[
    list[Path] | None,
    typer.Option(parser=path, metavar="DIR…", help="Put the parts in these folders together instead; nothing is run."),
]


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(sweep)


def sweep(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    file: Varied = None,
    axes: Axes = None,
    repeat: Repeat = None,
    zips: Zips = None,
    controls: Controls = True,
    sets: Sets = None,
    seed: Seed = None,
    find_limit: FindLimit = None,
    only: Only = None,
    shard: Shard = None,
    max_time: MaxTime = None,
    lanes: Lanes = "1",
    resume: Resume = None,
    scheduler: Scheduler = None,
    merge: Merge = None,
    results: Results = DEFAULT_RESULTS,
    netem: Annotated[Netem | None, typer.Option(help="Insist on where tc runs.", show_default="tried")] = None,
    form: Formats = None,
    json: Json = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Run a scenario with every combination of some of its values, and tabulate what came of it.

    What is finished is never lost: --resume goes on after anything. Exit code: as `lab run`; 3 also when a cell has no
    run that counts. With --find-limit: 0 when the limit was found, 3 when it was not.
    """
    from lab.batch.plans.asked import SweepAsked
    from lab.batch.sweeps import sweep as batch
    from lab.batch.sweeps.selecting import Selection
    from lab.batch.sweeps.selecting import max_time as parsed
    from lab.batch.sweeps.selecting import shard as part
    from lab.batch.tables.showing import shown
    from lab.cli.results import columns
    from lab.cli.sweep_progress import SweepReporter
    from lab.report.amounts import many

    kind = chosen(form, json)
    if scheduler is not None:
        _check_scheduler(context)
    if resume is not None and not merge and "results" in given(context):
        raise UsageError(f"--resume {resume}: it goes on in its own folder", fix="leave -o out")
    request = batch.Request(
        file=file,
        asked=SweepAsked(
            axes=tuple(axes or ()),
            zips=zipped(zips),
            repeat=repeat,
            sets=tuple(sets or ()),
            seed=seed,
            controls=controls,
        ),
        results=results,
        resume=resume,
        netem=netem.value if netem else None,
        lanes=lanes_of(lanes),
        selection=Selection(
            only=tuple(only or ()),
            shard=None if shard is None else part(shard),
            max_time_ms=None if max_time is None else parsed(max_time),
        ),
        scheduler=scheduler,
        find_limit=find_limit,
    )
    with SweepReporter(stream=sys.stderr, quiet=quiet) as reporter:
        if merge:
            done = batch.merge(_folders(context, merge, file, axes), results, reporter.watch)
        else:
            done = batch.sweep(request, reporter.watch, lambda moment: reporter.told(moment, said(moment)))
    sys.stdout.write(shown(done.folder, None, None, kind.value, columns()))
    if done.missing:
        words = f"{many(done.missing, 'cell')} without a run that counts: lab sweep --resume {quote(str(done.folder))}"
        print(f"lab: {words}", file=sys.stderr)
    raise typer.Exit(done.exit_code)


def _folders(context: typer.Context, merge: list[Path], file: Path | None, axes: list[str] | None) -> tuple[Path, ...]:
    """Return the folders of --merge; those after the first one were read as file and axes. UsageError."""
    if other := sorted(given(context) - _BESIDE_MERGE):
        raise UsageError("--merge runs nothing", fix=f"leave --{other[0].replace('_', '-')} out")
    return (*merge, *([file] if file else ()), *map(Path, axes or ()))


def _check_scheduler(context: typer.Context) -> None:
    """Refuse what only a worker can be told. UsageError."""
    if other := sorted(given(context) & _OF_A_WORKER):
        raise UsageError(
            f"--{other[0]} is about this machine, and --scheduler runs nothing here", fix="give it to lab worker"
        )


def said(moment: Moment) -> str:
    """Return what is new in words, nothing when a cell only began."""
    from lab.report.amounts import length

    if moment.words or not moment.attempt or not moment.cell:
        return moment.words
    came = f"{moment.attempt.outcome} {moment.attempt.owner}".strip()
    left = "" if moment.left_s is None else f", about {length(moment.left_s)} left"
    why = f" ({moment.attempt.why})" if moment.attempt.outcome in ("VOID", "ERROR") else ""
    how_far = f"{moment.done}" if moment.of is None else f"{moment.done} of {moment.of}"
    return f"{how_far}: {moment.cell.label}: {came}{why}{left}"


def lanes_of(text: str) -> int | None:
    """Return how many lanes `text` asks for, None for as many as the machine carries. UsageError."""
    from lab.batch.crews.fidelity import MOST_LANES

    if text == "auto":
        return None
    lanes = whole(text)
    if lanes is None or not 1 <= lanes <= MOST_LANES:
        raise UsageError(f"--lanes {text}: 1 to {MOST_LANES}, or auto, is expected")
    return lanes
