"""The programs of this folder as processes of their own."""

from __future__ import annotations

import subprocess
import sys
from typing import IO, cast


class Process:
    """A program of this folder: its stdin is its life, its stdout is read line by line."""

    def __init__(self, module: str, *arguments: str) -> None:
        """Start it, and read its first line."""
        self._argv = (sys.executable, "-m", f"tests.cluster.{module}", *arguments)

    def __enter__(self) -> Process:
        """Start it, and wait for its first line."""
        self.process = subprocess.Popen(self._argv, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True)
        self.first = self.line()
        return self

    def __exit__(self, *_: object) -> None:
        """Close its stdin, which ends a scheduler; end a worker."""
        if self.process.poll() is None:
            cast("IO[str]", self.process.stdin).close()
            self.process.terminate()
        self.process.wait(30)
        cast("IO[str]", self.process.stdin).close()
        cast("IO[str]", self.process.stdout).close()

    def line(self) -> str:
        """Return the next line; empty when it has ended."""
        return cast("IO[str]", self.process.stdout).readline().strip()

    def rest(self) -> list[str]:
        """End it; return the lines that were left."""
        self.process.terminate()
        return cast("IO[str]", self.process.stdout).read().split("\n")[:-1]
