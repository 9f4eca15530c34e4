"""Which packet filter rule stands between edge and core: the one whose counter grew while our packets vanished.

Bridged packets meet the host's rules wherever `bridge-nf-call-iptables` is 1 (most Docker hosts); engines since 28 also
drop direct access to container addresses in the raw table.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess

_RULE = re.compile(r"^\[(\d+):\d+\] (-A .*-j (?:DROP|REJECT).*)$")
_POLICY = re.compile(r"^:(\S+) DROP \[(\d+):\d+\]$")


def dropping() -> dict[str, int] | None:
    """Return the packets each dropping rule has counted so far, by `table: rule`; None when they cannot be read."""
    if os.geteuid() != 0 or shutil.which("iptables-save") is None:
        return None
    done = subprocess.run(["iptables-save", "-c"], capture_output=True, text=True, check=False, timeout=10)
    return counters(done.stdout) if done.returncode == 0 else None


def counters(saved: str) -> dict[str, int]:
    """Return the counters of the dropping rules and policies in the output of `iptables-save -c`."""
    found: dict[str, int] = {}
    table = ""
    for line in saved.splitlines():
        if line.startswith("*"):
            table = line[1:]
        elif rule := _RULE.match(line):
            found[f"{table}: {rule[2]}"] = int(rule[1])
        elif policy := _POLICY.match(line):
            found[f"{table}: policy DROP of {policy[1]}"] = int(policy[2])
    return found


def in_the_way(before: dict[str, int] | None, after: dict[str, int] | None, lost: int) -> str:
    """Return the rule that counted at least `lost` packets between the two readings, in words for a person."""
    if before is None or after is None:
        return "run as root to learn which rule of this machine drops them"
    grown = {rule: count - before.get(rule, 0) for rule, count in after.items()}
    guilty = [rule for rule, count in sorted(grown.items(), key=lambda pair: -pair[1]) if count >= max(1, lost)]
    return (
        f"this rule dropped them: {guilty[0]}"
        if guilty
        else "no iptables rule counted them; look at `nft list ruleset`"
    )
