"""YAML text to a `Tree`, with everything refused that could be dangerous or read in two ways.

Law: the events of the parser are checked one by one before anything is built, so that no text can cost more
than its size: no tags, anchors, aliases or duplicate keys, one document of UTF-8, at most 256 KB, 32 levels and
20 000 nodes. Plain scalars are numbers, `true`, `false` and `null` as in JSON, everything else is text: `1:30`,
`010`, `yes` and `1e-3` stay what was written instead of becoming 90, 8, true and 0.001.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

import yaml

from lab.errors import ScenarioError
from lab.scenario.tree import Path, Tree, one_line

MAX_BYTES = 256 * 1024
MAX_DEPTH = 32
MAX_NODES = 20_000
_INTEGER = re.compile(r"-?(0|[1-9][0-9]{0,14})")
_NUMBER = re.compile(r"-?(0|[1-9][0-9]{0,8})\.[0-9]{1,9}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_QUICK: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""Ten times as fast where PyYAML has it; the same events, in other words where it refuses."""
_WORDS = {"true": True, "false": False, "null": None, "~": None, "": None}


def parse(content: bytes, source: str) -> Tree:
    """Return the tree of one YAML document; ScenarioError `source:line: …` for anything else."""
    text = _text(content, source)
    try:
        return _Builder(source).build(text, _QUICK)
    except yaml.YAMLError:
        return _worded(text, source)


def scalar(text: str) -> Any:
    """Return the value that a plain (unquoted) scalar means."""
    if text in _WORDS:
        return _WORDS[text]
    if _INTEGER.fullmatch(text):
        return int(text)
    return float(text) if _NUMBER.fullmatch(text) else text


def _text(content: bytes, source: str) -> str:
    if len(content) > MAX_BYTES:
        raise ScenarioError(f"{source}:1: {len(content)} bytes: at most {MAX_BYTES} are read; split the scenario")
    if content.startswith((b"\xef\xbb\xbf", b"\xff\xfe", b"\xfe\xff")):
        raise ScenarioError(f"{source}:1: starts with a byte order mark; save it as UTF-8 without one")
    try:
        return content.decode()
    except UnicodeDecodeError as error:
        line = content.count(b"\n", 0, error.start) + 1
        raise ScenarioError(f"{source}:{line}: is not UTF-8 text; save it as UTF-8") from error


def _worded(text: str, source: str) -> Tree:
    """Read what the quick parser refused with the other one, whose words are the same on every machine."""
    builder = _Builder(source)
    try:
        return builder.build(text, yaml.SafeLoader)
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line if error.problem_mark else 0
        raise builder.refused(line, f"not valid YAML: {error.problem}{_tab_hint(error)}") from error
    except yaml.reader.ReaderError as error:
        line = text.count("\n", 0, error.position)
        raise builder.refused(line, "has a control character: this is no text file; save it as UTF-8") from error


class _Builder:
    """Builds data from checked events; recursion is bounded by MAX_DEPTH."""

    def __init__(self, source: str) -> None:
        self.source = source
        self.origins: dict[Path, str] = {}
        self.nodes = 0

    def build(self, text: str, loader: Any) -> Tree:
        data = self._document(iter(yaml.parse(text, Loader=loader)))
        return Tree(data=data, source=self.source, origins=self.origins)

    def _document(self, events: Iterator[Any]) -> Any:
        data: Any = None
        documents = 0
        for event in events:
            if isinstance(event, yaml.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    raise self.refused(_line(event), "a second document: one scenario per file")
                data = self._node(self._checked(next(events)), events, ())
        if data is None:
            raise self.refused(0, "is empty; take one from scenarios/ as an example")
        return data

    def _node(self, event: Any, events: Iterator[Any], path: Path) -> Any:
        self.origins.setdefault(path, f"{self.source}:{_line(event) + 1}")
        if isinstance(event, yaml.ScalarEvent):
            if _SURROGATE.search(event.value):
                raise self.refused(_line(event), "half a character (a lone surrogate); write the whole one")
            return scalar(event.value) if event.implicit[0] else event.value
        if len(path) >= MAX_DEPTH:
            raise self.refused(_line(event), f"more than {MAX_DEPTH} levels deep; a scenario needs about 6")
        return self._list(events, path) if isinstance(event, yaml.SequenceStartEvent) else self._mapping(events, path)

    def _list(self, events: Iterator[Any], path: Path) -> list[Any]:
        items: list[Any] = []
        while not isinstance(event := self._checked(next(events)), yaml.SequenceEndEvent):
            items.append(self._node(event, events, (*path, len(items))))
        return items

    def _mapping(self, events: Iterator[Any], path: Path) -> dict[str, Any]:
        entries: dict[str, Any] = {}
        while not isinstance(event := self._checked(next(events)), yaml.MappingEndEvent):
            key = self._key(event, entries)
            self.origins[(*path, key)] = f"{self.source}:{_line(event) + 1}"
            entries[key] = self._node(self._checked(next(events)), events, (*path, key))
        return entries

    def _key(self, event: Any, entries: dict[str, Any]) -> str:
        if not isinstance(event, yaml.ScalarEvent) or not event.value:
            raise self.refused(_line(event), "a key must be text; write `name: value`")
        if event.implicit[0] and event.value == "<<":
            raise self.refused(_line(event), "merge keys (`<<`) are not read; write the fields out")
        if _SURROGATE.search(event.value):
            raise self.refused(_line(event), "half a character (a lone surrogate); write the whole one")
        if event.value in entries:
            raise self.refused(_line(event), f'"{event.value}" is given twice; remove one')
        return str(event.value)

    def _checked(self, event: Any) -> Any:
        line = _line(event)
        if isinstance(event, yaml.AliasEvent) or getattr(event, "anchor", None):
            raise self.refused(line, "anchors and aliases (`&`, `*`) are not read; write the value out")
        if getattr(event, "tag", None):
            raise self.refused(line, f"tags (`{event.tag}`) are not read; remove it")
        self.nodes += isinstance(event, yaml.NodeEvent)
        if self.nodes > MAX_NODES:
            raise self.refused(line, f"more than {MAX_NODES} values; a scenario needs about 100")
        return event

    def refused(self, line: int, message: str) -> ScenarioError:
        return ScenarioError(one_line(f"{self.source}:{line + 1}: {message}"))


def _line(event: Any) -> int:
    return int(event.start_mark.line)


def _tab_hint(error: yaml.MarkedYAMLError) -> str:
    return " (indent with spaces, not tabs)" if "\\t" in (error.problem or "") else ""
