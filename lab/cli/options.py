"""Options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer


class Format(StrEnum):
    """How a table is printed."""

    text = "text"
    markdown = "markdown"
    csv = "csv"
    json = "json"


Files = Annotated[list[Path], typer.Argument(help="Scenario files, or folders of them.", show_default=False)]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace one field, e.g. links.publisher.up.loss=5%. Repeatable."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random in the run.", show_default="the scenario's")]
Results = Annotated[Path, typer.Option("--results", "-o", help="Folder that runs land in.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
Run = Annotated[str, typer.Argument(help="A run: its folder, a unique prefix of its id, or 'last'.")]

Result = Annotated[str, typer.Argument(help="A run or a sweep: its folder, a unique prefix of its id, or 'last'.")]
Formats = Annotated[Format, typer.Option("--format", help="How the table is printed.")]

Frames = Annotated[
    str | None, typer.Option(metavar="FIRST-LAST", help="Tell the way of these frames instead, e.g. 800-820 or 812.")
]

DEFAULT_RESULTS = Path("results")
