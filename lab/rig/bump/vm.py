"""The VM driver: a small machine whose kernel has netem, as a layer-2 bump in each link, where the host has none.

It boots in seconds, so its state is saved once and resumed afterwards, by the lab that saved it, too: no lab impairs
with a machine that was not resumed. It lives and dies with the router. What it says of itself is asked once too, and
saved with it.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import shlex
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from lab.errors import EnvironmentFault
from lab.rig.bump import qemu, states
from lab.rig.bump.console import FACTS, START, Console, ConsoleClosed
from lab.rig.bump.plumbing import tap_argv
from lab.rig.engine.engine import EXPIRES_LABEL, OWNER_LABEL, RUN_LABEL, ContainerSpec, Engine, Mount, Outcome
from lab.rig.layout import owner
from lab.rig.layout.containers import of_others
from lab.rig.layout.script import script
from lab.rig.layout.topology import BumpedLink, Segment

CACHE = "/cache"
OPENED = 9
"""The descriptor on which QEMU finds the state."""
WHO = "cat /machine/id\n"
"""Says, in the router, the identity of the VM (what a saved state depends on) and QEMU's version, a line each."""
SAID = "/facts"
"""Where, inside the machine, its answer to FACTS is."""
SAY = f'while read -r line; do echo "$line"; done <{SAID}'
"""What prints it without a new program, for which a machine just resumed takes a seventh of a second."""
PREPARE = f"""{{ {FACTS}
}} >{SAID}
{START}
dd if=/dev/zero of=/zero bs=1M count=$(awk '/MemFree/ {{ print int($2 / 1024) - 16 }}' /proc/meminfo) 2>/dev/null
rm -f /zero"""
"""What is done inside before the state is saved: its answer is noted, its tc is there, and the memory that
nothing is in any more is wiped, for zeros take no space."""
BOOT_S = 120.0
RESUME_S = 60.0
"""How long it may be silent at first. It takes a second; on a machine with more to do than CPUs, many. One that died is
noticed at once."""
PREPARE_S = 300
BUSY = f"give the machine less to do at a time, e.g. --lanes 1; if it was idle, remove {states.FOLDER}/ in lab's cache"
Report = Callable[[str], None]


@dataclass(frozen=True, kw_only=True)
class Running:
    """What impairs and answers; `facts` is what it said to FACTS."""

    console: Console
    resumed: bool
    qemu: str | None
    facts: str


def silent(_: str) -> None:
    """Report to nobody."""


def cache_mount(cache: Path) -> Mount:
    """Return the mount through which the router sees the cache folder; the folder must exist."""
    return Mount(source=cache, target=CACHE, read_only=False)


def run_script(engine: Engine, container: str, text: str, what: str) -> Outcome:
    """Run `text` in one `sh -e`. Raises EnvironmentFault with its words when a line fails."""
    outcome = engine.execute(container, ("sh", "-e"), stdin=text.encode())
    if outcome.exit_code:
        words = (outcome.stderr or outcome.stdout).strip()
        raise EnvironmentFault(f"{what}: exit code {outcome.exit_code}: {words}", fix="run `lab doctor`")
    return outcome


def start(engine: Engine, router: str, machine: str, links: int, cache: Path, report: Report) -> Running:
    """Resume the VM with `links` bumps in `router`, or boot it and save its state for the next time.

    The taps of every link must exist; `machine` is what WHO says. Raises EnvironmentFault with QEMU's last words when
    it does not come up, StorageError when the cache is not ours.
    """
    identity, version = machine.splitlines()[-2:]  # before them the engine may have said something
    state_key = states.key(identity, PREPARE, links)
    if states.claim(cache):
        report(f"removed the saved VM states in {cache / states.FOLDER}: others than you could write there")
    found = states.find(cache, state_key)
    for file in found.broken:
        report(f"the saved VM state {file.name[:40]}… is damaged: made anew")
        states.remove(file)
    if found.good and (up := _resumed_if_there(engine, router, links, found.good, report)):
        return Running(console=up[0], resumed=True, qemu=version, facts=up[1])
    many = "one link" if links == 1 else f"{links} links"
    report(f"booting the VM for {many}; its state is saved for the next run")
    console, facts = _resumed(engine, router, links, _made(engine, router, links, cache, state_key))
    for file in states.prune(cache, identity, PREPARE, time.time()):
        report(f"removed the saved VM state {file.name[:40]}…: nobody has used it for a week")
    return Running(console=console, resumed=False, qemu=version, facts=facts)


def _resumed_if_there(
    engine: Engine, router: str, links: int, saved: Path, report: Report
) -> tuple[Console, str] | None:
    """Resume the state `saved`; None when somebody removed it before QEMU had opened it."""
    try:
        return _resumed(engine, router, links, saved)
    except EnvironmentFault:
        if saved.exists():
            raise
    report(f"the saved VM state {saved.name[:40]}… was removed meanwhile: made anew")
    return None


def _resumed(engine: Engine, router: str, links: int, saved: Path) -> tuple[Console, str]:
    """Resume the state `saved`; return console and facts."""
    with _close_on_error(_launch(engine, router, links, saved.name)) as console:
        return console, _answer(engine, router, console, RESUME_S, SAY)


def _made(engine: Engine, router: str, links: int, cache: Path, state_key: str) -> Path:
    """Boot the VM, save its state and end it; return the state's file."""
    console = _launch(engine, router, links, None)
    try:
        _answer(engine, router, console, BOOT_S, PREPARE)
        return _save(engine, router, links, cache, state_key)
    finally:
        console.close()


def prepare(engine: Engine, router_reference: str, links: int, cache: Path, report: Report) -> None:
    """Make the saved state for `links` bumps ahead of the first run, in a container of its own, unless it is there."""
    cache.mkdir(parents=True, exist_ok=True)
    spec = ContainerSpec(
        name=f"lab-prepare-{secrets.token_hex(5)}",
        image=router_reference,
        command=("sleep", "infinity"),
        labels={
            RUN_LABEL: "prepare",
            OWNER_LABEL: owner.token(),
            EXPIRES_LABEL: owner.expires(PREPARE_S),
        },
        deadline_s=PREPARE_S,
        capabilities=("NET_ADMIN", *of_others()),
        devices=("/dev/net/tun",),
        mounts=(cache_mount(cache),),
        read_only=False,
    )
    container = engine.start(spec)
    try:
        nowhere = Segment(name="", bridge="", subnet="", router_ip="", router_mac="")
        taps = [tap_argv(BumpedLink(index=index, client="", segment=nowhere)) for index in range(links)]
        run_script(engine, container, script(line for tap in taps for line in tap), "make the VM's taps")
        machine = run_script(engine, container, WHO, "read the machine's identity").stdout
        start(engine, container, machine, links, cache, report).console.close()
    finally:
        engine.remove(container)


def last_words(engine: Engine, router: str) -> str:
    """Return the last lines of QEMU's own log and of the machine's serial port."""
    logs = shlex.join(("tail", "-n", "12", qemu.OWN_LOG, qemu.BOOT_LOG)) + " 2>&1 || true\n"
    return engine.execute(router, ("sh",), stdin=logs.encode()).stdout.strip()


def _launch(engine: Engine, router: str, links: int, saved: str | None) -> Console:
    """Start QEMU in the router and return its console.

    The state is opened once, so that whoever removes or replaces it does nothing to this machine.
    """
    file = f"/proc/self/fd/{OPENED}" if saved else None
    opened = f"exec {OPENED}<{CACHE}/{states.FOLDER}/{saved}\n" if saved else ""
    text = (
        f"rm -rf {qemu.FOLDER}; mkdir -p {qemu.FOLDER}; exec 2>{qemu.OWN_LOG}\n"
        f"echo {shlex.quote(qemu.begin(links, file))} >{qemu.BEGIN}\n"
        f"{opened}exec {shlex.join(qemu.qemu_argv(links, file))}\n"
    )
    return Console(engine.shell(router, ("sh", "-ec", text)))


def _answer(engine: Engine, router: str, console: Console, timeout_s: float, script: str) -> str:
    """Return what the machine says to `script`: it is up when it has answered. EnvironmentFault."""
    try:
        console.knock(timeout_s)
        return console.run(script, timeout_s).output
    except ConsoleClosed as error:
        words = f"the VM ended while it came up:\n{last_words(engine, router)}\n"
        raise EnvironmentFault(words, fix="is there memory left? run `lab doctor`") from error
    except EnvironmentFault as error:
        load = f"load {os.getloadavg()[0]:.1f} on {os.cpu_count()} CPUs"
        words = f"the VM did not come up within {timeout_s:.0f} s ({load}):\n{last_words(engine, router)}\n"
        raise EnvironmentFault(words, fix=BUSY) from error


def _save(engine: Engine, router: str, links: int, cache: Path, state_key: str) -> Path:
    """Save the machine's state, which ends it, and keep it in the cache; return its file."""
    name = f"{states.FOLDER}/{state_key}.{secrets.token_hex(6)}.part"
    stream = engine.shell(router, ("socat", "-", f"UNIX-CONNECT:{qemu.CONTROL}"))
    try:
        qemu.Control(stream).save(links)
        inside = shlex.quote(f"{CACHE}/{name}")
        # Ours to read, whoever we are; the container runs as its root. To rename and to remove as well: the folder is.
        text = f"cp --sparse=always {qemu.STATE} {inside}\nrm {qemu.STATE}\nchmod 0644 {inside}\n"
        run_script(engine, router, text, "keep the VM's state (is there space in the cache folder?)")
        return states.keep(cache / name, state_key)
    except BaseException:
        engine.execute(router, ("rm", "-f", f"{CACHE}/{name}"))
        raise
    finally:
        stream.close()


@contextlib.contextmanager
def _close_on_error(console: Console) -> Iterator[Console]:
    try:
        yield console
    except BaseException:
        console.close()
        raise
