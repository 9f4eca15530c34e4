"""The one error tree: each class has one exit code, and each message ends in what to do.

No message holds a secret, whatever words of a container are in it: messages end up on stderr and in run folders.

LabError                     5   internal error
├── UsageError               2   bad usage, before anything was started
│   └── ScenarioError        2   a scenario file; the message starts with file:line: field:
├── EnvironmentFault         4   the machine or the engine could not run it
│   ├── ImageFault           4   an image can be neither had nor made
│   └── ClientFailed         4   a client container died or never became ready
├── StorageError             5   results could not be stored or read
│   └── EvidenceError        5   a recording's piece is missing, truncated or foreign
└── LeftoverError            6   something of the run could not be cleaned up
Interrupted (BaseException)  130/143/129   a signal ended the run; the recording is kept and marked
"""

from __future__ import annotations

import signal
from typing import ClassVar

from lab.secrecy import redacted


class LabError(Exception):
    """Base of every error that `lab` raises on purpose; `str()` is one line a user can act on."""

    exit_code: ClassVar[int] = 5

    def __init__(self, message: str, *, fix: str = "") -> None:
        """State what is wrong in `message`, and in `fix` what the user can do about it."""
        self.message, self.fix = redacted(message), redacted(fix)
        super().__init__(f"{self.message} ({self.fix})" if fix else self.message)


class UsageError(LabError):
    """The command line asks for something that cannot be meant."""

    exit_code = 2


class ScenarioError(UsageError):
    """A scenario file is wrong: `file:line: field: what was expected`."""


class EnvironmentFault(LabError):  # noqa: N818 - EnvironmentError is a builtin
    """The machine, the container engine or an image cannot run the lab."""

    exit_code = 4


class ImageFault(EnvironmentFault):
    """A version can be neither had nor made here: whoever needs it cannot be run, everything else can."""


class ClientFailed(EnvironmentFault):
    """A client container died or never became ready; the message holds its last log lines."""


class StorageError(LabError):
    """A result could not be written or read back."""


class EvidenceError(StorageError):
    """A piece of a recording is missing, truncated, foreign or contradicts another."""


class LeftoverError(LabError):
    """Objects of a run could not be removed; the message lists them and the clean command."""

    exit_code = 6


class Interrupted(BaseException):
    """A signal asked the run to end. Not an `Exception`, so that no handler swallows it."""

    def __init__(self, signum: int) -> None:
        """Remember which signal it was; the exit code is 128 + its number."""
        super().__init__(f"interrupted by {signal.Signals(signum).name}")
        self.exit_code = 128 + signum
