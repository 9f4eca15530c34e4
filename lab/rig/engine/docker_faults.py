"""What Docker's SDK can throw, as `EnvironmentFault` with what was tried and what to do about it."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import requests
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from urllib3.exceptions import HTTPError

from lab.errors import EnvironmentFault
from lab.rig.engine.build_log import failed


@contextmanager
def faults(doing: str) -> Iterator[None]:
    """Turn the SDK's errors inside the block into EnvironmentFault; `doing` is the start of the message."""
    try:
        yield
    except ImageNotFound as error:
        raise EnvironmentFault(f"{doing}: {error.explanation}", fix="run `lab setup`") from error
    except APIError as error:
        raise EnvironmentFault(f"{doing}: {error.explanation or error}", fix="see `lab doctor`") from error
    except (DockerException, requests.RequestException, HTTPError, OSError) as error:
        raise EnvironmentFault(f"{doing}: {error}", fix="does the container engine still answer?") from error


def ignore_missing(call: Callable[..., Any], *args: Any, **kwargs: Any) -> None:
    """Make the SDK `call`; that its object is not there is success."""
    try:
        call(*args, **kwargs)
    except NotFound:
        return


def follow(doing: str, steps: Iterable[Mapping[str, Any]]) -> None:
    """Read a build's or a pull's progress to its end; raise EnvironmentFault with its reason when it failed."""
    lines: list[str] = []
    for step in steps:
        lines += str(step.get("stream", "")).splitlines()
        if "error" in step:
            raise failed(doing, [*lines, *str(step["error"]).splitlines()])
