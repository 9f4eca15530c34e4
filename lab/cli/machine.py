"""`lab doctor`, `lab setup` and `lab clean`: what concerns the machine and not a run."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from lab.cli.options import lab_id
from lab.errors import UsageError


def register(app: typer.Typer) -> None:
    """Add the commands to `app`."""
    app.command()(doctor)
    app.command()(setup)
    app.command()(clean)


def doctor() -> None:
    """Check this machine, each line ok, warn or fail with its fix; measures 20 ms and 50 % loss before it says so."""
    from lab.host.doctor import examine

    healthy = True
    for finding in examine():
        print(finding, flush=True)
        healthy = healthy and not finding.failed
    raise typer.Exit(0 if healthy else 4)


def setup() -> None:
    """Prepare the images and the saved state of the impairment VM. Installs no engine, but says how.

    Prints the images' names, as compose/.env for compose/compose.yaml wants them.
    """
    from lab.host.setup import setup as prepare

    ready = prepare(report=lambda line: print(line, file=sys.stderr, flush=True))
    for name, image in (("ROUTER", ready.router), ("SERVER", ready.server), ("CLIENT", ready.client)):
        print(f"LAB_{name}={image.reference}")


def clean(
    run: Annotated[
        str | None,
        typer.Option(
            parser=lab_id,
            metavar="ID",
            help="Only the lab with this id, alive or not: lab run --keep printed it, --all --dry-run lists all.",
        ),
    ] = None,
    everything: Annotated[bool, typer.Option("--all", help="Also of labs that are still alive.")] = False,
    yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False,
    dry: Annotated[bool, typer.Option("--dry-run", help="Only list.")] = False,
) -> None:
    """Remove what dead or expired labs left: their containers. Never images, never anything that is not a lab's."""
    from lab.host.leftovers import clean as remove

    if run and everything:
        raise UsageError(f"--run {run} --all: one lab, or all of them?", fix="--run alone takes it alive or not")
    if everything and not (yes or dry or typer.confirm("Remove every lab on this machine, running ones included?")):
        raise typer.Exit(2)
    for line in remove(run=run, everything=everything, dry=dry):
        print(line)
