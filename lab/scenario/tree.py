"""A YAML document as plain data that remembers where each piece was written.

Law: every error about a scenario is made here, so that all of them read `file:line: field: what was expected`, and
each is one line.
"""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from lab.digits import whole
from lab.errors import ScenarioError
from lab.scenario.shorthand import written_out

Path = tuple[str | int, ...]
"""The way from the root to a node: keys and list positions."""


class FieldError(ValueError):
    """A value of the scenario at `path` cannot be meant; `Tree.error` turns it into a located `ScenarioError`."""

    def __init__(self, path: Path, message: str) -> None:
        """Remember the place and what was expected there."""
        super().__init__(message)
        self.path = path


@dataclass(frozen=True, kw_only=True)
class Tree:
    """Plain data (dict, list, str, int, float, bool, None) and the origin (`file:line`, `--set …`) of each path."""

    data: Any
    source: str
    origins: Mapping[Path, str] = field(default_factory=dict)

    def origin(self, path: Path) -> str:
        """Return where `path`, or the nearest node above it that was written, comes from."""
        nearest = next((path[:end] for end in range(len(path), -1, -1) if path[:end] in self.origins), None)
        return f"{self.source}:1" if nearest is None else self.origins[nearest]

    def line(self, path: Path, message: str) -> str:
        """Return `origin: field: message`, on one line whatever was written."""
        where = ".".join(str(part) for part in path)
        return one_line(f"{self.origin(path)}: {where}: {message}" if where else f"{self.origin(path)}: {message}")

    def error(self, *wrongs: FieldError) -> ScenarioError:
        """Return the error that reports every one of `wrongs`, one per line."""
        return ScenarioError("\n".join(self.line(wrong.path, str(wrong)) for wrong in wrongs))


def one_line(text: str) -> str:
    """Return `text` with what cannot be printed (the end of a line, NUL, an escape) spelled as in Python."""
    return "".join(char if char.isprintable() else repr(char)[1:-1] for char in text)


def did_you_mean(word: object, known: Iterable[str]) -> str:
    """Return `(did you mean "x"?)` for a near miss, else the list of what is known."""
    names = sorted(known)
    close = nearest(word, names)
    return f'(did you mean "{close}"?)' if close else f"(known: {', '.join(names)})"


def nearest(word: object, known: Iterable[str]) -> str | None:
    """Return which of what is known `word` may have meant, None when it is near none."""
    names = {name.lower(): name for name in sorted(known)}
    close = difflib.get_close_matches(str(word).lower(), names, n=1, cutoff=0.7)
    return names[close[0]] if close else None


def with_value(tree: Tree, path: Path, value: Any, origin: str) -> Tree:
    """Return `tree` with `value` at `path`; FieldError where the way is no mapping.

    Mappings on the way are made, and what was written short there is written out.
    """
    kept = {at: where for at, where in tree.origins.items() if at[: len(path)] != path}
    made = {path[:end]: origin for end in range(1, len(path) + 1) if path[:end] not in kept}
    return Tree(data=_placed(tree.data, path, value, ()), source=tree.source, origins={**kept, **made})


def _placed(node: Any, path: Path, value: Any, above: Path) -> Any:
    if not path:
        return value
    head, rest = path[0], path[1:]
    here = (*above, head)
    if isinstance(node, list):
        position = _position(node, head, here)
        return [_placed(item, rest, value, here) if i == position else item for i, item in enumerate(node)]
    if node is not None and not isinstance(node, dict):
        raise FieldError(here, f'"{".".join(map(str, above))}" is {node}, not a mapping with a field "{head}"')
    entries = dict(node or {})
    below = written_out(entries[head], here) if head in entries and rest else None
    return {**entries, head: _placed(below, rest, value, here)}


def _position(items: list[Any], head: str | int, here: Path) -> int:
    position = whole(str(head))
    if position is not None and position < len(items):
        return position
    raise FieldError(here, f"a position in a list of {len(items)} is expected, 0 to {len(items) - 1}")
