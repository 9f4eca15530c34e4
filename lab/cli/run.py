"""`lab run`."""

from __future__ import annotations

import sys
from enum import StrEnum
from typing import Annotated

import typer

from lab.cli.options import DEFAULT_RESULTS, Files, Json, Results, Seed, Sets


class Netem(StrEnum):
    """Where tc runs: in this kernel, or in a small VM inside the router."""

    kernel = "kernel"
    vm = "vm"


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(run)


def run(  # noqa: PLR0913 - each is an option of the command
    files: Files,
    sets: Sets = None,
    seed: Seed = None,
    results: Results = DEFAULT_RESULTS,
    netem: Annotated[Netem | None, typer.Option(help="Insist on where tc runs.", show_default="tried")] = None,
    keep: Annotated[bool, typer.Option("--keep", help="Leave the lab standing afterwards, until it expires.")] = False,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
    verbose: Annotated[bool, typer.Option("--verbose", "-v", help="Every event of the run on stderr.")] = False,
    json: Json = False,
    until_decided: Annotated[
        bool, typer.Option("--until-decided", help="Stop as soon as every rate that is expected is certain.")
    ] = False,
    at_most: Annotated[
        str | None,
        typer.Option(metavar="TIME", help="How long --until-decided may take.", show_default="the media's length"),
    ] = None,
    timings: Annotated[bool, typer.Option("--timings", help="Print how long each phase took.")] = False,
) -> None:
    """Run scenarios on a real LiveKit server behind an impaired network, and say where the audio went.

    Exit code: 0 every expectation met, 1 one failed, 2 bad scenario, 3 void or unknown, 4 the machine could not run it.
    """
    from lab.batch.runs.many import Request, run_all
    from lab.cli.progress import Reporter
    from lab.cli.results import columns

    request = Request(
        files=tuple(files),
        sets=tuple(sets or ()),
        seed=seed,
        results=results,
        netem=netem.value if netem else None,
        keep=keep,
        until_decided=until_decided,
        at_most=at_most,
    )
    with Reporter(stream=sys.stderr, quiet=quiet, verbose=verbose) as reporter:
        done = run_all(request, reporter.watch, lambda one: None if json else reporter.result(one.text(columns())))
    if timings:
        reporter.print_timings()
    if json:
        sys.stdout.write(done.json)
    raise typer.Exit(done.exit_code)
