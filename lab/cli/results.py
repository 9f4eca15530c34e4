"""`lab show` and `lab judge`: what a recorded run says."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.cli.options import DEFAULT_RESULTS, Frames, Json, Results, Run
from lab.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(show)
    app.command()(judge)


def show(
    run: Run = "last",
    logs: Annotated[str | None, typer.Option(help="Print the log of this client (or 'server') instead.")] = None,
    frames: Frames = None,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Print a run's table again, the way of some of its frames, or one of its logs."""
    from lab.batch.one import frames as told
    from lab.batch.one import judged
    from lab.batch.stored import find, log

    folder = find(run, results)
    if logs is not None:
        sys.stdout.write(log(folder, logs))
        return
    if frames is not None:
        sys.stdout.write(told(folder, *span(frames)))
        return
    done = judged(folder)
    sys.stdout.write(done.json if json else done.text + "\n")


def span(text: str) -> tuple[int, int]:
    """Return the first and last frame of `800-820`, or of `812`. Raises UsageError."""
    first, dash, last = text.partition("-")
    if not first.isdecimal() or not (last.isdecimal() if dash else True) or int(first) > int(last or first):
        raise UsageError(f"--frames {text}: not a range of frames", fix="write FIRST-LAST, e.g. 800-820, or one number")
    return int(first), int(last or first)


def judge(run: Run = "last", results: Results = DEFAULT_RESULTS, json: Json = False) -> None:
    """Judge a recording anew, from its evidence alone; exits as `lab run` would."""
    from lab.batch.one import judged, keep_verdict
    from lab.batch.stored import find

    folder = find(run, results)
    done = judged(folder)
    sys.stdout.write(done.json if json else done.text + "\n")
    keep_verdict(done)
    raise typer.Exit(done.exit_code)
