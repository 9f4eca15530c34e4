"""What is told of a build that failed: a version that is not there in one line, anything else in its last lines."""

from __future__ import annotations

import pytest

from lab.errors import EnvironmentFault
from lab.rig.engine.build_log import LAST_LINES, failed
from lab.rig.engine.docker_faults import follow

STEPS = [f"Step {number}/7 : RUN something" for number in range(1, 8)]
PIP = [
    "\x1b[91mERROR: Could not find a version that satisfies the requirement livekit==99.99.99 (from versions: 1.2.1)",
    "\x1b[0m\x1b[91mERROR: No matching distribution found for livekit==99.99.99",
    "\x1b[0m",
]
RETRIED = "\x1b[91mWARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError('"
GO = "go: example.org/server@v9: reading https://proxy.golang.org/server/@v/v9.info: 404 Not Found"
ENDED = "The command '/bin/sh -c pip install' returned a non-zero code: 1"


def test_a_version_that_pip_does_not_find_is_one_line() -> None:
    """The package and the version, without colours; it is no matter of networks."""
    assert str(failed("build x", [*STEPS, *PIP, ENDED])) == (
        "build x failed: ERROR: No matching distribution found for livekit==99.99.99 "
        "(check the version: the registry has no such)"
    )


@pytest.mark.parametrize(
    "said",
    [
        "\tserver response: not found: example.org/server@v9: invalid version: unknown revision v9",
        '\tserver response: not found: module example.org/server: no matching versions for query "v9"',
    ],
)
def test_a_version_that_go_does_not_find_is_one_line(said: str) -> None:
    """Whichever of its ways to say so go takes."""
    assert str(failed("go install", [GO, said])) == (
        f"go install failed: {said.strip()} (check the version: the registry has no such)"
    )


def test_a_registry_out_of_reach_is_no_wrong_version() -> None:
    """Then pip says of every version that there is none."""
    pip = [line.replace("versions: 1.2.1", "versions: none") for line in PIP]
    words = str(failed("build x", [*STEPS, RETRIED, *pip, ENDED]))
    assert words.endswith("(are the package registries in reach?)")
    assert "Retrying" in words


def test_anything_else_is_its_last_lines_without_orders_to_a_terminal() -> None:
    """As many as fit a screen; carriage returns of a progress bar, and colours, are left out."""
    lines = [f"\x1b[1;31mline {number}\x1b[0m\r" for number in range(30)]
    assert str(failed("build x", lines)) == "build x failed:\n{}\n (are the package registries in reach?)".format(
        "\n".join(f"line {number}" for number in range(30 - LAST_LINES, 30))
    )


def test_a_build_of_dockers_is_told_so() -> None:
    """Its stream is cut wherever Docker likes."""
    steps = [{"stream": f"{line}\n"} for line in (*STEPS, *PIP)]
    with pytest.raises(EnvironmentFault) as told:
        follow("build x", [*steps, {"error": ENDED}])
    assert told.value.message == "build x failed: ERROR: No matching distribution found for livekit==99.99.99"
