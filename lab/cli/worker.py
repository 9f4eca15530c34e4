"""`lab worker`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Annotated

import typer

from lab.cli.options import path
from lab.cli.run import Netem


def register(app: typer.Typer) -> None:
    """Add the command to `app`."""
    app.command()(worker)


def worker(
    address: Annotated[str, typer.Argument(metavar="tcp://HOST:PORT", help="The scheduler: `dask scheduler`.")],
    lanes: Annotated[
        str, typer.Option(metavar="N|auto", help="How many lab slots to offer; auto: as many as this machine carries.")
    ] = "auto",
    scratch: Annotated[
        Path | None,
        typer.Option(
            parser=path,
            metavar="DIR",
            help="Where runs are until they are sent.",
            show_default="the temporary folder",
        ),
    ] = None,
    netem: Annotated[Netem | None, typer.Option(help="Insist on where tc runs.", show_default="tried")] = None,
    quiet: Annotated[bool, typer.Option("--quiet", "-q", help="No progress.")] = False,
) -> None:
    """Make runs on this machine for sweeps elsewhere (`lab sweep … --scheduler`), until the scheduler goes or Ctrl-C.

    Needs the same lab and the same Dask as the sweep. Whoever reaches the scheduler can run code here: use a network
    that you trust. Exit code: 4 when the scheduler is not there, is gone, or has given this worker up.
    """
    from lab.batch.remote.worker import Request, serve
    from lab.cli.progress import Reporter
    from lab.cli.sweep import lanes_of

    request = Request(address=address, lanes=lanes_of(lanes), scratch=scratch, netem=netem.value if netem else None)
    with Reporter(stream=sys.stderr, quiet=quiet) as reporter:
        serve(request, reporter.watch, lambda words: None if quiet else print(f"lab: {words}", file=sys.stderr))
