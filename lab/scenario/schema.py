"""The format of scenarios for readers: `json_schema` for editors, `reference_markdown` for people.

Law: both are made from the models in `written`, the metrics and the profiles; nothing is described twice.
"""

from __future__ import annotations

import ast
import inspect
import re
import textwrap
from collections.abc import Iterable, Iterator, Mapping
from itertools import pairwise
from typing import Any

from lab.scenario import units
from lab.scenario.expectations import OWNERS
from lab.scenario.fields import Written
from lab.scenario.metrics import METRICS
from lab.scenario.profiles import PROFILES, Shape
from lab.scenario.reasons import REASONS
from lab.scenario.written import ScenarioWritten

_FORMATS = {
    "time": units.format_duration,
    "share": units.format_share,
    "rate": units.format_rate,
    "size": units.format_size,
    "frequency": units.format_frequency,
}
_INTRO = """# Scenario reference

*Made from the model by `lab schema`; do not edit.*

A scenario is one YAML file: who talks to whom, what the network does to them, and what must hold. The shortest one
that impairs anything:

```yaml
version: 1
links:
  publisher: {up: {loss: 20%}}
```

Without `clients:` there is one `publisher` and one `subscriber`. Quantities carry their unit: `40ms` `2s` `1m`,
`5%`, `400kbit` (bits per second), `20kB` (1000 bytes), `48kHz`. A bare `0.02` or `1:30` is refused with the spelling
that was meant. Tags, anchors, aliases and keys given twice are refused, and so is a file of more than 256 KB. An error
says where it is, and what to write instead:

```
scenarios/x.yaml:12: links.publisher.up.los: unknown field (did you mean "loss"?)
```

`lab validate FILE…` checks files: it tells all fields and values that cannot be read at once, and where there are none,
of each block the first that cannot be, or contradicts another. `lab plan FILE` shows what a run would do, and touches
nothing.
`--set KEY=VALUE` lays a value over the file, with the same names: `--set links.publisher.up.loss=5%`.
A key given twice is refused, and so is one that takes away what another before it said.
"""
_EXPECT = """## expect

A condition compares a metric with a limit: `"<= 5%"`, `"== 0"`, `"< 200ms"`; several stand in a list and must all
hold; what nothing can meet is refused. The right side may be relative to what the packets that the network dropped
explain: `audio_loss: "<= network + 0.5%"`. Counts are facts of the run and compared exactly; rates, quantiles and
trends are estimates, and decided only when their 95 % interval lies wholly on one side of the limit.

`verdict: CODE/client` expects an owner, or any of several: `verdict: [CODE/load, CODE/server]`. The owners are
"""
_REASON = """## Reasons

`reason: loop-blocked` expects why, or any of several: `reason: [loop-blocked, script-slow]`. It is met when the
costliest cause of the owner that the verdict names (of either owner where it says `BOTH`) is one of them. A reason that
the expected owner cannot have is refused.

"""
_PROFILES = """## Profiles

`profile: NAME` on a link impairs both directions as its source publishes it; fields written beside it win, and
`null` takes one away. Times are one way: the round trip has twice the delay. Queues are not published; they get the
default.

"""
_TIMELINE = """## How a timeline is read

Times count from the moment the impairment began and rise from step to step. A step is merged onto what is in force:

```yaml
links:
  publisher: {up: {delay: 20ms}}
timeline:
  - {at: 12s, links: {publisher: {up: {outage: true}}}}     # delay stays 20ms
  - {at: 14s, links: {publisher: {up: {outage: false}}}}
```
"""


def json_schema() -> dict[str, Any]:
    """Return the JSON Schema of a scenario file, defaults spelled as they are written."""
    schema = ScenarioWritten.model_json_schema()
    described = {model.__name__: _docstrings(model) for model in _models(Written)}
    for name, model in ((ScenarioWritten.__name__, schema), *schema["$defs"].items()):
        for field, told in model["properties"].items():
            told["description"] = described[name][field]
            _spell_default(told)
    return schema


def reference_markdown() -> str:
    """Return docs/scenario.md."""
    schema = json_schema()
    expect = (_EXPECT + _owners(), _metrics(), _REASON + _reasons())
    return "\n".join([_INTRO, *_sections(schema), _TIMELINE, *expect, _PROFILES + _profiles()])


def _models(model: type[Written]) -> Iterator[type[Written]]:
    yield model
    for each in model.__subclasses__():
        yield from _models(each)


def _docstrings(model: type[Written]) -> Mapping[str, str]:
    """Return the docstring behind each field of `model`, inherited ones included (PEP 257).

    Read here, from the source, and not by pydantic, which would do it for every model in every `lab run`.
    """
    found: dict[str, str] = {}
    for each in filter(lambda base: issubclass(base, Written), reversed(model.__mro__)):
        (definition,) = ast.parse(textwrap.dedent(inspect.getsource(each))).body
        assert isinstance(definition, ast.ClassDef)
        for field, text in pairwise(definition.body):
            match field, text:
                case ast.AnnAssign(target=ast.Name(id=name)), ast.Expr(value=ast.Constant(value=str(words))):
                    found[name] = inspect.cleandoc(words)
    return found


def _spell_default(field: dict[str, Any]) -> None:
    default = field.get("default")
    if default is None or isinstance(default, dict):
        field.pop("default", None)
    elif field.get("title") in _FORMATS:
        field["default"] = _FORMATS[field["title"]](default)


def _sections(schema: Mapping[str, Any]) -> Iterator[str]:
    yield _section("scenario", schema)
    for name in _in_order(schema):
        yield _section(_title(name), schema["$defs"][name])


def _in_order(schema: Mapping[str, Any]) -> list[str]:
    """Return the names of the models in the order in which a reader meets them."""
    found: list[str] = []
    waiting: list[Any] = [schema["properties"]]
    while waiting:
        node = waiting.pop(0)
        if isinstance(node, Mapping) and "$ref" in node and (name := node["$ref"].rpartition("/")[2]) not in found:
            found.append(name)
            waiting.append(schema["$defs"][name]["properties"])
        waiting.extend(node.values() if isinstance(node, Mapping) else node if isinstance(node, list) else ())
    return found


def _section(title: str, model: Mapping[str, Any]) -> str:
    required = model.get("required", ())
    rows = (
        (f"`{name}`", _form(field), _default(field, name in required), " ".join(field["description"].split()))
        for name, field in model["properties"].items()
    )
    heading = f"## {title}\n\n{' '.join(model['description'].split())}\n\n"
    return heading + _table(("field", "written as", "default", "meaning"), rows)


def _title(model: str) -> str:
    """Return the name of a model as the field is written that holds it: `backend_late`."""
    return re.sub("(?<=[a-z])(?=[A-Z])", "_", model.removesuffix("Written")).lower()


def _default(field: Mapping[str, Any], required: bool) -> str:
    if required:
        return "*required*"
    default = field.get("default")
    text = {True: "true", False: "false"}[default] if isinstance(default, bool) else default
    return "-" if text in (None, "", []) else f"`{text}`"


def _form(field: Mapping[str, Any]) -> str:
    """Return how a value is written, in words."""
    if "$ref" in field:
        title = _title(field["$ref"].rpartition("/")[2])
        return f"[{title}](#{title})"
    if "anyOf" in field:
        return " or ".join(_form(each) for each in field["anyOf"] if each.get("type") != "null")
    if "enum" in field:
        return " or ".join(f"`{each}`" for each in field["enum"])
    if "examples" in field:
        return ", ".join(f"`{each}`" for each in field["examples"])
    return _plain_form(field)


def _plain_form(field: Mapping[str, Any]) -> str:
    match field["type"]:
        case "array":
            return f"list of {_form(field['items'])}"
        case "object" if isinstance(field.get("additionalProperties"), Mapping):
            return f"name: {_form(field['additionalProperties'])}"
        case "object":
            return "mapping"
        case "integer" | "number" as kind:
            return ("whole number" if kind == "integer" else "number") + _range(field)
        case kind:
            return {"boolean": "`true` or `false`", "string": "text"}[kind]


def _range(field: Mapping[str, Any]) -> str:
    low, high = field.get("minimum"), field.get("maximum", field.get("exclusiveMaximum"))
    return "" if low is None else f", {low:g} to {high - ('exclusiveMaximum' in field):.10g}"


def _owners() -> str:
    return ", ".join(f"`{owner}`" for owner in OWNERS) + ".\n"


def _metrics() -> str:
    rows = ((f"`{each.name}`", each.unit, each.kind, each.stage, each.meaning) for each in METRICS)
    return _table(("metric", "unit", "kind", "stage", "meaning"), rows)


def _reasons() -> str:
    rows = ((f"`{each.code}`", ", ".join(each.owners), each.meaning, each.witness) for each in REASONS)
    return _table(("reason", "owner", "meaning", "told by"), rows)


def _profiles() -> str:
    rows = ((f"`{each.name}`", each.source, _shape(each.up), _shape(each.down)) for each in PROFILES)
    return _table(("profile", "source", "up", "down"), rows)


def _shape(shape: Shape) -> str:
    jitter = f" ± {shape.jitter}" if shape.jitter else ""
    written = (shape.rate, shape.delay + jitter, shape.loss and f"{shape.loss} loss")
    return ", ".join(each for each in written if each) or "-"


def _table(head: Iterable[str], rows: Iterable[Iterable[str]]) -> str:
    lines = [list(head), *(list(row) for row in rows)]
    lines.insert(1, ["---"] * len(lines[0]))
    return "".join(f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in line)} |\n" for line in lines)
