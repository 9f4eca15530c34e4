"""The virtual machine's command line and its control socket (QMP).

The machine is the same for every run with as many links: nothing in it, and so nothing in its saved state, is of a
run. The initramfs (compose/router/init) joins its network cards by their addresses.

Law: a saved state is one file, the machine's memory and behind it the state of its devices. A resumed machine maps the
memory and reads none of it before it needs it; what it writes is its own, for the file is opened for reading only.
"""

from __future__ import annotations

import json
import time
from typing import Any

from lab.errors import EnvironmentFault
from lab.rig.engine.engine import Shell
from lab.rig.layout.script import Argv

FOLDER = "/run/bump"
CONTROL = f"{FOLDER}/qmp.sock"
BOOT_LOG = f"{FOLDER}/serial.log"
OWN_LOG = f"{FOLDER}/qemu.log"
PID = f"{FOLDER}/qemu.pid"
BEGIN = f"{FOLDER}/begin"
"""What QEMU is told before all else: no option says that memory is not to be in the stream of a saved state."""
STATE = f"{FOLDER}/state"
"""The memory of a machine that was booted; its devices' state is written behind it."""
MEMORY_MB = 96
MEMORY_PER_LINK_MB = 8
"""Two cards, each with full rings of unshared buffers."""
SAVE_S = 30.0

# No packet may be longer, shorter or unfinished: what one card takes in, the other gives out.
_NO_OFFLOADS = "".join(
    f",{feature}=off"
    for feature in (
        *("csum", "gso", "host_tso4", "host_tso6", "host_ecn", "host_ufo", "host_uso", "mrg_rxbuf"),
        *("guest_csum", "guest_tso4", "guest_tso6", "guest_ecn", "guest_ufo", "guest_uso4", "guest_uso6"),
    )
)
_KERNEL = (
    *("-kernel", "/machine/vmlinuz", "-initrd", "/machine/initrd.gz"),
    *("-append", "console=ttyS0 quiet ipv6.disable=1 tsc=reliable panic=-1"),
)


def qemu_argv(links: int, saved: str | None) -> Argv:
    """Return the machine with `links` bumps; `saved` is the file of the state to resume from, None boots it.

    Its console is the standard input and output of QEMU, which are there before the machine runs. One that it finds
    closed costs it the shell, and another program to wait for the next.
    """
    cards = [word for index in range(links) for word in _cards(index)]
    memory = f"memory-backend-file,id=ram,size={_memory_bytes(links)},mem-path={saved or STATE}"
    return (
        *("qemu-system-x86_64", "-nodefaults", "-no-user-config", "-display", "none", "-no-reboot"),
        *("-machine", "q35,graphics=off,hpet=off,memory-backend=ram"),
        *("-accel", "tcg", "-cpu", "max", "-smp", "1", "-m", f"{_memory_bytes(links)}B"),
        *("-object", f"{memory},{'share=off,readonly=on,rom=off' if saved else 'share=on'}"),
        *("-global", "migration.announce-rounds=0"),  # a resumed machine would send RARP into every link
        *("-pidfile", PID, "-serial", f"file:{BOOT_LOG}", "-qmp", f"unix:{CONTROL},server=on,wait=off"),
        *("-chardev", f"file,id=begin,path={OWN_LOG},append=on,input-path={BEGIN}"),
        *("-mon", "chardev=begin,mode=control"),
        *("-chardev", "stdio,id=console,signal=off"),
        *("-device", "virtio-serial-pci", "-device", "virtserialport,chardev=console,name=console"),
        *cards,
        *(("-incoming", "defer") if saved else _KERNEL),
    )


def begin(links: int, saved: str | None) -> str:
    """Return what BEGIN says to the machine of `qemu_argv`."""
    unread = [{"capability": "x-ignore-shared", "state": True}]
    return "\n".join(
        (
            _command("qmp_capabilities"),
            _command("migrate-set-capabilities", capabilities=unread),
            *([_command("migrate-incoming", uri=_devices(links, saved))] if saved else ()),
        )
    )


def _memory_bytes(links: int) -> int:
    return (MEMORY_MB + MEMORY_PER_LINK_MB * links) << 20


def _devices(links: int, file: str) -> str:
    return f"file:{file},offset={_memory_bytes(links)}"


def _command(execute: str, **arguments: object) -> str:
    return json.dumps({"execute": execute, "arguments": arguments})


def _cards(index: int) -> Argv:
    """Return the card on the client's side (tap inN, its egress impairs `down`) and on the router's (outN, `up`)."""
    return tuple(
        word
        for tap, side in ((f"in{index}", "01"), (f"out{index}", "02"))
        for word in (
            *("-netdev", f"tap,id={tap},ifname={tap},script=no,downscript=no"),
            *("-device", f"virtio-net-pci,netdev={tap},mac=52:54:00:00:{index:02x}:{side},romfile={_NO_OFFLOADS}"),
        )
    )


class Control:
    """QEMU's monitor over `stream` (a connection to CONTROL)."""

    def __init__(self, stream: Shell) -> None:
        """Take over `stream` and agree on the protocol."""
        self._stream = stream
        self._pending = b""
        self._message()
        self.ask("qmp_capabilities")

    def ask(self, command: str, **arguments: object) -> Any:
        """Return what `command` answers. Raises EnvironmentFault with QEMU's words when it refuses."""
        self._stream.write(_command(command, **arguments).encode() + b"\n")
        while True:
            message = self._message()
            if "error" in message:
                raise EnvironmentFault(
                    f"QEMU refused {command}: {message['error'].get('desc')}", fix="run `lab doctor`"
                )
            if "return" in message:
                return message["return"]

    def save(self, links: int) -> None:
        """End the machine with its whole state in STATE. Raises EnvironmentFault when it cannot be written."""
        until = time.monotonic() + SAVE_S
        self.ask("migrate", uri=_devices(links, STATE))
        while (state := self.ask("query-migrate"))["status"] != "completed":
            if state["status"] in ("failed", "cancelled") or time.monotonic() > until:
                raise EnvironmentFault(
                    f"the VM's state was not saved: {state}", fix="is there space where the engine keeps containers?"
                )
            time.sleep(0.05)
        self._stream.write(_command("quit").encode() + b"\n")
        while self._read():  # whether it still answers, or only closes the connection, is a matter of luck
            pass

    def _message(self) -> Any:
        """Return the next line; whatever is no answer (events) is returned too."""
        while b"\n" not in self._pending:
            data = self._read()
            if not data:
                raise EnvironmentFault("QEMU closed its control socket", fix="run `lab doctor`")
            self._pending += data
        line, self._pending = self._pending.split(b"\n", 1)
        return json.loads(line)

    def _read(self) -> bytes:
        try:
            return self._stream.read(SAVE_S)
        except TimeoutError as error:
            raise EnvironmentFault(f"QEMU said nothing for {SAVE_S:.0f} s", fix="run `lab doctor`") from error
