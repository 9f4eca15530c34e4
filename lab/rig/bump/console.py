"""A shell that stays open where `tc` runs: in the VM or in the router, asked and answered in one round trip.

Each script is followed by a line with a token of its own and the exit code; what comes before it is the answer.
"""

from __future__ import annotations

import json
import secrets
import shlex
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NoReturn

from lab.errors import EnvironmentFault
from lab.rig.engine.engine import Shell
from lab.rig.layout.script import Argv

TC = "/usr/sbin/tc"
"""By its path: busybox's shell prefers an applet of the same name, which knows next to nothing."""
ANSWER_S = 30.0
"""Longer than any load takes that a run survives: what was answered late is for the judge, not for us."""
KNOCK_S = 2.0
"""How long a shell that is just there may need to answer before it is asked again."""
LINES = "/tc-lines"
"""The pipe from which the one tc of a machine takes its lines."""
START = f"""rm -f {LINES}; mkfifo {LINES}
{{ {TC} -j -s -r -batch - <>{LINES} 2>&1; echo "tc ended"; }} &"""
"""Starts that tc, which answers on the console. One for all, because a machine just resumed takes half a second for a
new program, of which it has to translate every instruction."""
ENDED = "tc ended"
"""What is said behind the words with which tc refused a line, or behind whatever else it ended of."""
# A kernel that does not know the seed takes it without a word and forgets it.
FACTS = f"""uname -r; {TC} -V
{TC} qdisc add dev lo root netem seed 1 2>/dev/null
{TC} -j qdisc show dev lo | grep -q '"seed":1' && {{ {TC} qdisc del dev lo root; echo seeded; }}"""
"""Says the kernel's release, tc's version, and `seeded` where netem accepts a seed."""


@dataclass(frozen=True, kw_only=True)
class Answer:
    """Exit code, and output and error as they came."""

    exit_code: int
    output: str


class ConsoleClosed(EnvironmentFault):
    """The program behind a console ended."""


class Console:
    """A POSIX shell behind `stream`; one script at a time."""

    def __init__(self, stream: Shell) -> None:
        """Take over `stream`, which must read commands from its input."""
        self._stream = stream
        self._owed, self._heard = 0, b""  # of tc's answers: how many are to come, and what has come of them

    def knock(self, timeout_s: float) -> None:
        """Wait until the shell answers. Raises ConsoleClosed at the end of the stream, EnvironmentFault when late.

        What comes while a shell before it ends goes with that one (the VM's init starts the next), so it is asked
        again; without quotes, of which half might be lost.
        """
        until = time.monotonic() + timeout_s
        while time.monotonic() < until:
            token = f"--{secrets.token_hex(8)}--"
            self._tell(f"\necho {token}\n".encode())
            if self._came(token, min(until, time.monotonic() + KNOCK_S)):
                return
        raise EnvironmentFault(f"the bump did not answer within {timeout_s:.0f} s", fix="run `lab doctor`")

    def _came(self, token: str, until: float) -> bool:
        data = b""
        while token.encode() not in data or not data.endswith(b"\n"):
            try:
                data += self._stream.read(max(0.001, until - time.monotonic())) or self._ended()
            except TimeoutError:
                return False
        return True

    def run(self, script: str, timeout_s: float = ANSWER_S) -> Answer:
        """Return what `script` said. Raises ConsoleClosed at the end of the stream, EnvironmentFault when late."""
        token = f"--{secrets.token_hex(8)}--"
        self._tell(f"{script}\nprintf '\\n%s %d\\n' {token} $?\n".encode())
        until, data = time.monotonic() + timeout_s, b""
        while (end := _end(data, token)) is None:
            data += self._read(until, data)
        return Answer(exit_code=end[1], output=data[: end[0]].decode(errors="replace").replace("\r", ""))

    def tc(self, lines: Sequence[Argv]) -> list[Any]:
        """Have tc do `lines`, each an argument list of it, the last one a `show`; return the JSON of each `show`.

        START must have been run on this machine. Raises EnvironmentFault with tc's words when a line was refused; later
        lines were then not done.
        """
        words = " ".join(shlex.quote(shlex.join(line[1:])) for line in lines)
        shows = sum(line[2] == "show" for line in lines)
        self._owed += shows
        self._tell(f"printf '%s\\n' {words} >{LINES}\n".encode())
        said = self._said()
        if refused := [line for line in said if not line.startswith("[")]:
            raise EnvironmentFault(f"tc refused: {' '.join(refused)}", fix="see router/steps.jsonl for what was run")
        return [json.loads(line) for line in said[-shows:]]

    def _said(self) -> list[str]:
        """Return tc's lines, up to the answer to the last `show`, or to its end; another tc is then started.

        A question whose answer was not waited for (a signal, too long a silence) is answered first.
        """
        until, said = time.monotonic() + ANSWER_S, list[str]()
        while sum(line.startswith("[") for line in said) < self._owed and ENDED not in said:
            self._heard += self._read(until, self._heard)
            said = [line.strip() for line in self._heard.decode(errors="replace").split("\n")[:-1] if line.strip()]
        self._owed, self._heard = 0, b""
        if ENDED in said:
            self._tell(f"{START}\n".encode())
        return said

    def _tell(self, data: bytes) -> None:
        """Write to the shell. Raises ConsoleClosed when nobody reads it any more."""
        try:
            self._stream.write(data)
        except EnvironmentFault as broken:
            raise ConsoleClosed(f"the bump's console closed: {broken.message}", fix=broken.fix) from broken

    def close(self) -> None:
        """End the stream; idempotent."""
        self._stream.close()

    def _read(self, until: float, so_far: bytes) -> bytes:
        try:
            data = self._stream.read(max(0.001, until - time.monotonic()))
        except TimeoutError as error:
            said = so_far.decode(errors="replace").strip()
            raise EnvironmentFault(
                f"the bump did not answer in time; it said {said!r}", fix="run `lab doctor`"
            ) from error
        return data or self._ended()

    def _ended(self) -> NoReturn:
        raise ConsoleClosed("the bump's console closed")


def _end(data: bytes, token: str) -> tuple[int, int] | None:
    """Return where the answer ends in `data` and the exit code behind it, None when it has not all come."""
    at = data.find(f"\n{token} ".encode())
    line_end = data.find(b"\n", at + 1) if at >= 0 else -1
    return None if line_end < 0 else (at, int(data[at:line_end].split()[1]))
