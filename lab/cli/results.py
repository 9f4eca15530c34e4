"""`lab ls`, `lab show` and `lab judge`: what recorded runs say."""

from __future__ import annotations

import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.options import DEFAULT_RESULTS, Formats, Frames, Json, Result, Results, Run, chosen, given, named
from lab.digits import whole
from lab.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(ls)
    app.command()(show)
    app.command()(judge)


def show(  # noqa: PLR0913 - each is an option of the command
    context: typer.Context,
    result: Result = "last",
    by: Annotated[
        str | None, typer.Option(metavar="AXIS,AXIS", help="A sweep by these axes, e.g. loss,red.", show_default="all")
    ] = None,
    metric: Annotated[
        str | None, typer.Option(metavar="NAME,NAME", help="Metrics to show, e.g. audio_loss,delay_p95.")
    ] = None,
    form: Formats = None,
    logs: Annotated[str | None, typer.Option(help="Print the log of this client (or 'server') instead.")] = None,
    frames: Frames = None,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """Print a run's table again, the way of some of its frames, or one of its logs; or what a sweep came to."""
    from lab.batch.folders.stored import find, find_any
    from lab.batch.runs.one import frames as told
    from lab.batch.tables.showing import shown

    kind = chosen(form, json)
    _check_alone(given(context))
    if logs is not None:
        _print_log(find(result, results), logs)
    elif frames is not None:
        ways = told(find(result, results), span(frames))
        sys.stdout.write(ways.text)
        raise typer.Exit(ways.exit_code)
    else:
        metrics = None if metric is None else metric.split(",")
        sys.stdout.write(shown(find_any(result, results), by, metrics, kind.value, columns()))


def _print_log(run: Path, whose: str) -> None:
    """Print what the client or the server `whose` wrote; where that is nothing, say on stderr what else tells of it."""
    from lab.batch.folders.stored import log
    from lab.evidence import names

    text = log(run, whose)
    sys.stdout.write(text)
    if not text.strip():
        events = run / names.EVENTS if whose == "server" else run / names.client(whose, names.CLIENT_EVENTS)
        print(
            f"lab: the log of {whose} is empty: it printed nothing. "
            f"See --frames FIRST-LAST for the way of each frame, and {events} for what it did",
            file=sys.stderr,
        )


def _check_alone(given: set[str]) -> None:
    """Refuse what says nothing of a log, or of frames: both are printed as they are. UsageError."""
    for instead in ("logs", "frames"):
        if instead in given and (other := sorted(given - {instead, "result", "results"})):
            name = {"form": "format"}.get(other[0], other[0])
            raise UsageError(f"--{name} does nothing beside --{instead}", fix="leave one of them out")


def ls(
    sweep: Annotated[str | None, typer.Argument(parser=named, help="List the cells of this sweep instead.")] = None,
    form: Formats = None,
    results: Results = DEFAULT_RESULTS,
    json: Json = False,
) -> None:
    """List runs and sweeps, the oldest first, or the cells of a sweep."""
    from lab.batch.tables.showing import there

    sys.stdout.write(there(sweep, results, chosen(form, json).value, columns()))


def columns() -> int:
    """Return how wide the terminal is; 120 columns off a terminal, unless COLUMNS says so."""
    return shutil.get_terminal_size((120, 24)).columns


def span(text: str) -> range | None:
    """Return the frames of `800-820`, or `812`; None for `missing`, those in which audio is. Raises UsageError."""
    if text == "missing":
        return None
    begin, dash, end = text.partition("-")
    first, last = whole(begin), whole(end if dash else begin)
    if first is None or last is None or first > last:
        fix = "write FIRST-LAST, e.g. 800-820, one number, or missing"
        raise UsageError(f"--frames {text}: not a range of frames", fix=fix)
    return range(first, last + 1)


def judge(run: Run = "last", results: Results = DEFAULT_RESULTS, json: Json = False) -> None:
    """Judge a recording anew, from its evidence alone; exits as `lab run` would."""
    from lab.batch.folders.stored import find
    from lab.batch.runs.one import judged, keep_verdict

    folder = find(run, results)
    done = judged(folder)
    sys.stdout.write(done.json if json else done.text(columns()) + "\n")
    keep_verdict(done)
    raise typer.Exit(done.exit_code)
