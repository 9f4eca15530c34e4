"""The field types of a scenario as written: spelled quantities and the shape that all its mappings share.

Law: a field is read strictly (text is no number, `yes` is no truth value) and an unknown one is refused by name, beside
whatever else is wrong.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal
from typing import Annotated, Any, Self

from pydantic import (
    BaseModel,
    BeforeValidator,
    ConfigDict,
    ModelWrapValidatorHandler,
    ValidationError,
    WithJsonSchema,
    model_validator,
)
from pydantic_core import ErrorDetails, InitErrorDetails, PydanticCustomError

from lab.pcm import BLOCK_MS, FRAME_MS
from lab.scenario import units

UNKNOWN = "unknown_fields"
"""The type of pydantic's error for fields that are not there; its context has the `unknown` ones and the `known`."""


class Written(BaseModel):
    """A mapping of the scenario file; unknown keys are refused.

    The docstring behind a field is its description (`lab.scenario.schema`).
    """

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, defer_build=True)

    @model_validator(mode="wrap")
    @classmethod
    def _known_fields_only(cls, data: Any, read: ModelWrapValidatorHandler[Self]) -> Self:
        unknown = [key for key in data if key not in cls.model_fields] if isinstance(data, dict) else []
        if not unknown:
            return read(data)
        refused = _refused((), data, {"unknown": unknown, "known": list(cls.model_fields)})
        try:
            read({key: value for key, value in data.items() if key in cls.model_fields})
        except ValidationError as error:
            wrong = [refused, *map(_again, error.errors(include_url=False))]
            raise ValidationError.from_exception_data(cls.__name__, wrong) from error
        raise ValidationError.from_exception_data(cls.__name__, [refused])


def _refused(at: tuple[int | str, ...], data: Any, context: dict[str, Any]) -> InitErrorDetails:
    return InitErrorDetails(type=PydanticCustomError(UNKNOWN, "unknown fields", context), loc=at, input=data)


def _again(detail: ErrorDetails) -> InitErrorDetails:
    """Return an error that pydantic found as one that can be raised beside others."""
    at, data, context = detail["loc"], detail["input"], detail.get("ctx", {})
    if detail["type"] == UNKNOWN:
        return _refused(at, data, context)
    return InitErrorDetails(type=detail["type"], loc=at, input=data, ctx=context)


@dataclass(frozen=True, kw_only=True)
class Queue:
    """The length of a queue: bytes, or the milliseconds that its rate needs to empty it."""

    size_bytes: int | None = None
    time_ms: float | None = None


def _queue(written: object) -> Queue:
    if isinstance(written, str) and written.endswith("B"):
        return Queue(size_bytes=units.size(written))
    try:
        return Queue(time_ms=units.duration(written))
    except ValueError as error:
        raise ValueError(f"{error}; a queue is a time (200ms) or a size (20kB)") from error


def _loss(written: object) -> object:
    return written if isinstance(written, dict) else {"share": written}


def _audio(written: object) -> object:
    return {"file": written} if isinstance(written, str) else written


def _one_or_more(written: object) -> object:
    return written if isinstance(written, list) else [written]


def _spelled(kind: str, *examples: str) -> WithJsonSchema:
    return WithJsonSchema({"type": "string", "title": kind, "examples": list(examples)})


def _within(unit: units.Unit, *, least: int = 0, most: int | None = None, step: int = 1) -> BeforeValidator:
    """Return the validator of a field that takes whole values of `unit` within its own limits."""
    at_most = unit.most if most is None else Decimal(most)
    own = replace(unit, least=Decimal(least), most=at_most, step=Decimal(step))
    return BeforeValidator(lambda written: int(units.read(own, written)))


_WHOLE_TIME = _spelled("time", "200ms", "30s", "2m")
Duration = Annotated[float, BeforeValidator(units.duration), _spelled("time", "40ms", "1.5s", "2m")]
Delay = Annotated[float, BeforeValidator(units.delay), _spelled("time", "40ms", "1.5s")]
WholeDuration = Annotated[int, BeforeValidator(units.whole_duration), _WHOLE_TIME]
MediaTime = Annotated[int, _within(units.DURATION, least=1000, most=3_600_000, step=FRAME_MS), _WHOLE_TIME]
ControlTime = Annotated[int, _within(units.DURATION, step=FRAME_MS), _WHOLE_TIME]
PushTime = Annotated[int, _within(units.DURATION, least=BLOCK_MS, most=1000, step=BLOCK_MS), _WHOLE_TIME]
Share = Annotated[float, BeforeValidator(units.share), _spelled("share", "5%", "0.2%")]
Rate = Annotated[int, BeforeValidator(units.rate), _spelled("rate", "400kbit", "5mbit")]
OpusRate = Annotated[int, _within(units.RATE, least=6000, most=510_000), _spelled("rate", "400kbit", "5mbit")]
LinkRate = Annotated[int, BeforeValidator(units.link_rate), _spelled("rate", "400kbit", "5mbit")]
Size = Annotated[int, BeforeValidator(units.size), _spelled("size", "20kB", "64MB")]
Memory = Annotated[int, _within(units.SIZE, least=6_000_000), _spelled("size", "20kB", "64MB")]
"""Of a container: the engine takes 6MB at least."""
SampleRate = Annotated[
    int, _within(units.FREQUENCY, least=8000, most=48_000, step=100), _spelled("frequency", "48kHz", "16kHz", "44.1kHz")
]
"""With a whole number of samples in 10 ms."""
QueueLength = Annotated[Queue, BeforeValidator(_queue), _spelled("queue", "200ms", "20kB")]


def as_loss(model: type[Written]) -> BeforeValidator:
    """Return the validator that reads `5%` as `{share: 5%}`."""
    return BeforeValidator(_loss, json_schema_input_type=Share | model)


def as_audio(model: type[Written]) -> BeforeValidator:
    """Return the validator that reads `speech.wav` as `{file: speech.wav}`."""
    return BeforeValidator(_audio, json_schema_input_type=str | model)


def or_ended(model: type[Written], ended: Mapping[str, Any]) -> BeforeValidator:
    """Return the validator that reads `null` as `ended`: every field said, so that nothing of before goes on."""
    return BeforeValidator(
        lambda written: dict(ended) if written is None else written, json_schema_input_type=model | None
    )


def one_or_more(item: Any) -> BeforeValidator:
    """Return the validator that reads a single `item` as a list of one."""
    return BeforeValidator(_one_or_more, json_schema_input_type=item | list[item])
