"""`lab compare`."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.cli.options import DEFAULT_RESULTS, Format, Formats, Json, Results, chosen, named


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(compare)


def compare(  # noqa: PLR0913 - each is an option of the command
    sides: Annotated[
        list[str],
        typer.Argument(parser=named, help="Runs, sweeps, or folders of runs; the first one against each other one."),
    ],
    metrics: Annotated[
        str | None, typer.Option("--metric", metavar="NAME,…", help="What to compare; lab schema prints them all.")
    ] = None,
    by: Annotated[
        str | None,
        typer.Option(metavar="AXIS", help="Split one sweep: the first value of this axis against each other."),
    ] = None,
    allow: Annotated[
        list[str] | None, typer.Option(metavar="THING", help="Compare although this differs as well. Repeatable.")
    ] = None,
    fail: Annotated[
        bool, typer.Option("--fail-on-regression", help="Exit 1 when a later side is worse, 3 where that is not known.")
    ] = False,
    form: Formats = None,
    json: Json = False,
    results: Results = DEFAULT_RESULTS,
) -> None:
    """Compare runs, sweeps, builds or versions, paired by cell: what changed, by how much, and whether that is chance.

    Exit code: 0 compared, 1 worse (with --fail-on-regression), 2 more than one thing differs, 3 nothing to compare.
    """
    from lab.batch.tables.comparing import DEFAULT_METRICS, Asked, code
    from lab.batch.tables.comparing import compare as compared
    from lab.cli.results import columns
    from lab.report.compare import markdown, text
    from lab.report.compare_data import csv, dumps

    kind = chosen(form, json)
    wanted = DEFAULT_METRICS if metrics is None else tuple(metrics.split(","))
    asked = Asked(sides=tuple(sides), results=results, metrics=wanted, by=by, allow=tuple(allow or ()))
    found = compared(asked)
    match kind:
        case Format.text:
            words = text(found, columns())
        case Format.markdown:
            words = markdown(found)
        case Format.csv:
            words = csv(found)
        case Format.json:
            words = dumps(found)
    sys.stdout.write(words)
    raise typer.Exit(code(found, strict=fail))
