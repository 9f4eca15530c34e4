"""What contradicts itself in a scenario, block by block: the first thing in each, and not only the first of all.

Law: a block is asked with those that it speaks of and no other, so that nothing is told which mending something else
would take away; of blocks that hang together the first that is wrong is told.
"""

from __future__ import annotations

from pathlib import Path

from lab.scenario.resolve import VERSION, resolve
from lab.scenario.tree import FieldError
from lab.scenario.written import ScenarioWritten

_PEOPLE = ("media", "clients")
_APART = (
    ("version",),
    ("name",),
    _PEOPLE,
    (*_PEOPLE, "links", "impair", "timeline"),
    ("server",),
    (*_PEOPLE, "inject"),
    ("expect",),
)
"""Fields that are resolved together, in the order of the file's model."""
_NAME = "x"
"""What the file is called is wrong only where nothing else is."""


def wrongs(first: FieldError, written: ScenarioWritten, *, folder: Path | None, recorded: bool) -> list[FieldError]:
    """Return all that can be told of what `written` was refused for, `first` among it; arguments as of `resolve`."""
    found: dict[tuple[object, ...], FieldError] = {}
    for fields in _APART:
        alone = ScenarioWritten(version=VERSION).model_copy(update={name: getattr(written, name) for name in fields})
        try:
            resolve(alone, name=_NAME, folder=folder, recorded=recorded)
        except FieldError as error:
            found[error.path, str(error)] = error
    return list(found.values()) or [first]
