"""`lab validate`, `lab plan` and `lab schema`: everything about scenarios that touches no machine."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.cli.options import (
    Controls,
    Files,
    FilesAndAxes,
    Repeat,
    Seed,
    Sets,
    Zips,
    files_and_axes,
    zipped,
)


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(validate)
    app.command()(plan)
    app.command()(schema)


def validate(files: Files) -> None:
    """Check scenario files; exit 2 with file:line: field: what was expected, for each file that is wrong.

    Of a file, everything that cannot be read is told at once; when there is no such thing, of each block the first that
    cannot be.
    """
    from lab.batch.plans.validating import validate_all

    for line in validate_all(files):
        print(line)


def plan(
    what: FilesAndAxes,
    sets: Sets = None,
    seed: Seed = None,
    repeat: Repeat = None,
    zips: Zips = None,
    controls: Controls = True,
) -> None:
    """Show what a run would do: scenario, topology, exact tc commands, predicted loss. Touches nothing.

    With axes, or a sweep: section in the file, show what a sweep would do: cells, their order, labs and time.
    """
    from lab.batch.plans.asked import SweepAsked
    from lab.batch.plans.outlook import outlook

    files, axes = files_and_axes(what)
    asked = SweepAsked(
        axes=axes,
        zips=zipped(zips),
        repeat=repeat,
        sets=tuple(sets or ()),
        seed=seed,
        controls=controls,
    )
    for text in outlook(files, asked):
        sys.stdout.write(text)


def schema(
    as_json: Annotated[bool, typer.Option("--json", help="Print the JSON schema instead of the reference.")] = False,
) -> None:
    """Print the reference of scenario files and metrics, made from the model."""
    import json

    from lab.scenario.schema import json_schema, reference_markdown

    sys.stdout.write(json.dumps(json_schema(), indent=1) + "\n" if as_json else reference_markdown())
