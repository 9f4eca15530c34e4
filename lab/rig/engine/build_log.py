"""Why a build or a download failed, out of what it said.

Law: where a registry answered that it has no such version, that line alone is told, and the version is to be checked;
of anything else the last lines are. Colours and other orders to a terminal are told to nobody.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

from lab.errors import EnvironmentFault

LAST_LINES = 15
_ORDERS = re.compile(r"\x1b\[[0-?]*[ -/]*[@-~]|[\x00-\x08\x0b-\x1f\x7f]")
_NO_VERSION = re.compile(r"No matching distribution found for |: unknown revision |no matching versions for query ")
"""pip's words, and go's."""
_NOBODY_ASKED = "(from versions: none)"
"""pip has found no version at all, and says the same where it reached no registry."""


def failed(doing: str, said: Sequence[str]) -> EnvironmentFault:
    """Return that `doing`, which `said` these lines, failed, and what to do about it."""
    lines = [line for line in (_ORDERS.sub("", each).strip() for each in said) if line]
    missing = [line for line in lines if _NO_VERSION.search(line)]
    if missing and not any(_NOBODY_ASKED in line for line in lines):
        return EnvironmentFault(f"{doing} failed: {missing[-1]}", fix="check the version: the registry has no such")
    words = "\n".join(lines[-LAST_LINES:])
    return EnvironmentFault(f"{doing} failed:\n{words}\n", fix="are the package registries in reach?")
