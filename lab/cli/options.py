"""Options that several commands share, spelled once."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer

from lab.errors import UsageError
from lab.paths import is_there


class Format(StrEnum):
    """How a table is printed."""

    text = "text"
    markdown = "markdown"
    csv = "csv"
    json = "json"


def path(text: str) -> Path:
    """Return the path that `text` names; nothing is not the folder that one stands in. UsageError."""
    if not text:
        raise UsageError("an empty path", fix="is a variable not set? write . for this folder")
    return Path(text)


def named(word: str) -> str:
    """Return `word`, which names a run, a sweep or a folder: none of them is called nothing. UsageError."""
    path(word)
    return word


def lab_id(text: str) -> str:
    """Return the id of a lab that `text` is; nothing is not the id of every lab. UsageError."""
    if not text.strip():
        fix = "is a variable not set? without --run only what dead labs left is removed; --all removes every lab"
        raise UsageError("--run: an empty id is no lab's", fix=fix)
    return text


Files = Annotated[
    list[Path], typer.Argument(parser=path, help="Scenario files, or folders of them.", show_default=False)
]
FilesAndAxes = Annotated[
    list[str],
    typer.Argument(metavar="FILE… [KEY=VALUES…]", help="Scenario files; what is varied.", show_default=False),
]
Axes = Annotated[
    list[str] | None,
    typer.Argument(
        metavar="[KEY=VALUES…]",
        help="What is varied: links.publisher.up.loss=0%,5% or media.red=true,false or server.version=…, or a range, "
        "links.publisher.up.delay=0ms..200ms/50ms. All are combined.",
        show_default="the file's sweep: section",
    ),
]
Zips = Annotated[
    list[str] | None,
    typer.Option("--zip", metavar="KEY,KEY", help="Axes that advance together instead. Repeatable."),
]
Repeat = Annotated[
    int | None, typer.Option(min=1, help="How often each combination is run.", show_default="the file's, or 1")
]
Controls = Annotated[bool, typer.Option("--controls/--no-controls", help="Clean runs in between, one in ten.")]
Sets = Annotated[
    list[str] | None,
    typer.Option("--set", metavar="KEY=VALUE", help="Replace one field, e.g. links.publisher.up.loss=5%. Repeatable."),
]
Seed = Annotated[int | None, typer.Option(help="Seed of everything random in the run.", show_default="the scenario's")]
Results = Annotated[Path, typer.Option("--results", "-o", parser=path, help="Folder that runs land in.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON instead of the table.")]
Run = Annotated[str, typer.Argument(parser=named, help="A run: its folder, a unique prefix of its id, or 'last'.")]

Result = Annotated[
    str, typer.Argument(parser=named, help="A run or a sweep: its folder, a unique prefix of its id, or 'last'.")
]
Formats = Annotated[
    Format | None, typer.Option("--format", help="How the table is printed.", show_default=Format.text.value)
]

Frames = Annotated[
    str | None,
    typer.Option(
        metavar="FIRST-LAST",
        help="Tell the way of these frames instead, e.g. 800-820 or 812; missing: of all in which audio is missing.",
    ),
]

DEFAULT_RESULTS = Path("results")


def files_and_axes(words: list[str]) -> tuple[tuple[Path, ...], tuple[str, ...]]:
    """Return the files and the axes among `words`: what has a = and is no file is an axis."""
    axes = tuple(word for word in words if "=" in word and not is_there(Path(word)))
    return tuple(path(word) for word in words if word not in axes), axes


def chosen(form: Format | None, json: bool) -> Format:
    """Return the format that --format and --json, short for `--format json`, ask for together. UsageError."""
    if json and form not in (None, Format.json):
        raise UsageError(f"--json beside --format {form}: two formats", fix="leave one out")
    return Format.json if json else form or Format.text


def given(context: typer.Context) -> set[str]:
    """Return the parameters that stand on the command line."""
    sources = {name: context.get_parameter_source(name) for name in context.params}
    return {name for name, source in sources.items() if source and source.name == "COMMANDLINE"}


def zipped(options: list[str] | None) -> tuple[tuple[str, ...], ...]:
    """Return the keys of each --zip."""
    return tuple(tuple(key.strip() for key in option.split(",")) for option in options or ())
