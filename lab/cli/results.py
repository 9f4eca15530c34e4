"""`lab show` and `lab judge`: what a recorded run says."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.cli.options import DEFAULT_RESULTS, Json, Results, Run


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(show)
    app.command()(judge)


def show(
    run: Run = "last",
    logs: Annotated[str | None, typer.Option(help="Print the log of this client (or 'server') instead.")] = None,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Print a run's table again, or one of its logs."""
    from lab.batch.one import judged
    from lab.batch.stored import find, log

    folder = find(run, results)
    if logs is not None:
        sys.stdout.write(log(folder, logs))
        return
    done = judged(folder)
    sys.stdout.write(done.json if json else done.text + "\n")


def judge(run: Run = "last", results: Results = DEFAULT_RESULTS, json: Json = False) -> None:
    """Judge a recording anew, from its evidence alone; exits as `lab run` would."""
    from lab.batch.one import judged, keep_verdict
    from lab.batch.stored import find

    folder = find(run, results)
    done = judged(folder)
    sys.stdout.write(done.json if json else done.text + "\n")
    keep_verdict(done)
    raise typer.Exit(done.exit_code)
