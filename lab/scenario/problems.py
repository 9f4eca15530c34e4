"""What pydantic finds wrong, in the words of somebody who writes scenarios.

Law: each problem names its field by the path in the file and says what was expected there.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from lab.scenario import guard
from lab.scenario.fields import UNKNOWN
from lab.scenario.model import SDK_VERSION, SERVER_VERSION
from lab.scenario.tree import FieldError, Path, did_you_mean, nearest

_MISSING = "is required; add it"
_EXPECTED = {
    "bool_type": "true or false is expected",
    "string_type": 'text is expected; put it in quotes ("…")',
    "int_type": "a whole number is expected",
    "float_type": "a number is expected",
    "list_type": "a list is expected (lines that start with `-`)",
    "dict_type": "a mapping is expected (`name: value` lines, or {} for an empty one)",
    "model_type": "a mapping is expected (`name: value` lines, or {} for an empty one)",
}


def problems(error: ValidationError) -> Iterator[FieldError]:
    """Yield each problem that pydantic found, in the order of the file's model; a misspelt field is not missing too."""
    details = error.errors(include_url=False)
    misspelt = {name for detail in details if detail["type"] == UNKNOWN for name in _meant(detail)}
    for detail in details:
        if detail["type"] != "missing" or _path(detail) not in misspelt:
            yield from _problem(detail)


def _path(detail: ErrorDetails) -> Path:
    return tuple(part for part in detail["loc"] if part != "[key]")


def _meant(detail: ErrorDetails) -> Iterator[Path]:
    """Yield the fields that unknown ones may have meant."""
    for name in detail["ctx"]["unknown"]:
        if close := nearest(name, detail["ctx"]["known"]):
            yield (*_path(detail), close)


def _problem(detail: ErrorDetails) -> Iterator[FieldError]:
    path = _path(detail)
    context: Mapping[str, Any] = detail.get("ctx", {})
    if detail["type"] == UNKNOWN:
        for name in context["unknown"]:
            yield FieldError((*path, name), f"unknown field {did_you_mean(name, context['known'])}")
        return
    yield FieldError(path, _message(detail, context, path))


def _message(detail: ErrorDetails, context: Mapping[str, Any], path: Path) -> str:
    written = detail["input"]
    match detail["type"]:
        case "value_error":
            return str(context["error"])
        case "literal_error":
            known = [word.strip("'") for word in context["expected"].replace(" or ", ", ").split(", ")]
            return f"unknown value {_shown(written)} {did_you_mean(written, known)}"
        case "string_pattern_mismatch":
            example = SDK_VERSION if path[-1] == "sdk" else SERVER_VERSION
            return f"{_shown(written)}: a release such as {example} is expected"
        case "missing":
            return _MISSING
        case known if known in _EXPECTED:
            return f"{_EXPECTED[known]}, not {_quoted(written) or _shown(written)}"
        case _:
            return f"{_shown(written)}: {detail['msg'].replace('Input should be', 'must be')}; change it"


def _quoted(written: object) -> str:
    """Return, with its quotes, a text that would be no text without them; nothing for everything else."""
    if not isinstance(written, str) or guard.scalar(written) == written:
        return ""
    return f'"{written}", which is text; leave out the quotes'


def _shown(written: object) -> str:
    text = {True: "true", False: "false", None: "null"}[written] if isinstance(written, bool | None) else str(written)
    return text if len(text) <= 40 else f"{text[:37]}…"
