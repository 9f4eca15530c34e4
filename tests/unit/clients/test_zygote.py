"""A program that is loaded once: real processes, and the lab's side of the conversation with them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from lab.clients.zygote import LOADED, SOCKET
from lab.errors import EnvironmentFault
from lab.rig.standing.forks import End, Fork, ordered

SOON_S = 20.0
PROGRAM = """
import atexit, json, os, signal, sys, threading, time
runs = []
def main():
    runs.append(1)
    folder = os.environ["LAB_DIR"]
    facts = {"runs": len(runs), "word": os.environ.get("WORD"), "pid": os.getpid(), "threads": threading.active_count()}
    match sys.argv[1:]:
        case ["fail"]:
            raise ValueError("it failed")
        case ["exit", code]:
            return int(code)
        case ["teardown"]:
            atexit.register(print, "torn down")
            print("the last word, without a line's end", end="")
            return 3
        case ["stay", *deaf]:
            signal.signal(signal.SIGTERM, signal.SIG_IGN if deaf else lambda *_: sys.exit(0))
            facts["stays"] = True
    with open(folder + "/.facts", "w") as file:
        json.dump(facts, file)
    os.rename(folder + "/.facts", folder + "/facts")
    print("said", flush=True)
    while "stays" in facts:
        time.sleep(0.01)
    return 0
"""


@pytest.fixture
def home(tmp_path: Path) -> Iterator[Path]:
    """Give a folder whose path no socket could have, with the door of a zygote; it ends with the test."""
    place = tmp_path / ("x" * 100)
    (place / "door").mkdir(parents=True)
    (place / "program.py").write_text(PROGRAM)
    argv = (sys.executable, "-m", "lab.clients.zygote", "program")
    found = os.pathsep.join((str(Path(__file__).parents[3]), str(place)))
    environment = {**os.environ, "PYTHONPATH": found, "LAB_DOOR": "door"}
    with subprocess.Popen(argv, cwd=place, env=environment, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        assert process.stdout.readline().strip() == LOADED
        yield place
        process.kill()


def ran(home: Path, name: str, *arguments: str, word: str = "w") -> Fork:
    """Order a run in a new folder `name`."""
    (home / name).mkdir()
    return ordered(home / "door", home / name, home / f"{name}.log", {"WORD": word}, arguments)


def test_a_program_ends_without_python_s_teardown(home: Path) -> None:
    """What native threads call back into would be taken from under them; what was said is not lost for it."""
    run = ran(home, "a", "teardown")
    assert run.end(SOON_S) == End(exit_code=3)
    assert run.said() == "the last word, without a line's end"
    run.close()


def facts(home: Path, name: str) -> dict[str, object]:
    """Return what the program of that run says of itself, once it has."""
    until = time.monotonic() + SOON_S
    while not (home / name / "facts").exists():
        assert time.monotonic() < until, (home / f"{name}.log").read_text()
        time.sleep(0.005)
    found: dict[str, object] = json.loads((home / name / "facts").read_text())
    return found


def test_every_run_begins_as_if_there_had_been_none(home: Path) -> None:
    """A process of its own, with its own folder, words and log; nothing of the run before is left in it."""
    seen = []
    for name in ("first", "second"):
        fork = ran(home, name, word=name)
        assert fork.end(SOON_S) == End(exit_code=0)
        assert fork.said() == "said\n"
        seen.append(facts(home, name))
    assert [(each["runs"], each["word"], each["threads"]) for each in seen] == [(1, "first", 1), (1, "second", 1)]
    assert seen[0]["pid"] != seen[1]["pid"]


def test_a_program_that_fails_says_how_and_the_next_one_runs(home: Path) -> None:
    """Its traceback is in its log, its exit code is what Python's would be."""
    failed = ran(home, "failed", "fail")
    assert failed.end(SOON_S) == End(exit_code=1)
    assert failed.said().splitlines()[-1] == "ValueError: it failed"
    assert ran(home, "three", "exit", "3").end(SOON_S) == End(exit_code=3)


def test_a_program_is_told_signals(home: Path) -> None:
    """SIGTERM, which it may heed; SIGKILL, of which its exit code tells. An end is told as often as it is asked."""
    heeds = ran(home, "heeds", "stay")
    facts(home, "heeds")
    assert heeds.end() is None
    heeds.signal("SIGTERM")
    assert heeds.end(SOON_S) == heeds.end() == End(exit_code=0)
    heeds.signal("SIGTERM")
    deaf = ran(home, "deaf", "stay", "deaf")
    facts(home, "deaf")
    for name in ("SIGTERM", "SIGTERM", "SIGKILL"):
        deaf.signal(name)
    assert deaf.end(SOON_S) == End(exit_code=128 + signal.SIGKILL)


def test_a_program_ends_with_whoever_ordered_it(home: Path) -> None:
    """Who hangs up kills it, and the next caller is served."""
    left = ran(home, "left", "stay", "deaf")
    pid = facts(home, "left")["pid"]
    left.close()
    assert ran(home, "next").end(SOON_S) == End(exit_code=0)
    assert not Path(f"/proc/{pid}").exists()


def test_a_caller_who_orders_nothing_ends_nobody(home: Path) -> None:
    """He may have been interrupted; the next one is served."""
    here = os.open(home / "door", os.O_PATH)
    with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as caller:
        caller.connect(f"/proc/self/fd/{here}/{SOCKET}")
    os.close(here)
    assert ran(home, "next").end(SOON_S) == End(exit_code=0)


def test_a_program_that_goes_with_its_zygote_has_no_exit_code(home: Path) -> None:
    """Even one that was told a signal which nobody read."""
    running = ran(home, "running", "stay")
    pid = int(str(facts(home, "running")["pid"]))
    zygote = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
    os.kill(zygote, signal.SIGSTOP)
    running.signal("SIGTERM")
    os.kill(zygote, signal.SIGKILL)
    assert running.end(SOON_S) == End(exit_code=None)
    os.kill(pid, signal.SIGKILL)


def test_a_program_that_begins_threads_when_it_is_loaded_is_refused(tmp_path: Path) -> None:
    """Its forks would miss them, and wait for them for ever."""
    threaded = "import threading, time\nthreading.Thread(target=time.sleep, args=(9,), daemon=True).start()\n"
    (tmp_path / "threaded.py").write_text(threaded)
    found = os.pathsep.join((str(Path(__file__).parents[3]), str(tmp_path)))
    argv = (sys.executable, "-m", "lab.clients.zygote", "threaded")
    done = subprocess.run(argv, env={**os.environ, "PYTHONPATH": found}, capture_output=True, text=True, check=False)
    assert done.returncode == 1
    assert "threaded starts 1 threads when it is imported" in done.stderr


def test_where_nobody_listens_is_an_environment_fault(tmp_path: Path) -> None:
    """With what the system said."""
    (tmp_path / "door").mkdir()
    with pytest.raises(EnvironmentFault, match=r"a program could not be started.*No such file"):
        ordered(tmp_path / "door", tmp_path, tmp_path / "log", {})
