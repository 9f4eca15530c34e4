"""Argument lists as a shell's text: as few processes as possible, in their order, word for word."""

from __future__ import annotations

import subprocess

from lab.rig.layout.script import script


def test_what_stands_together_of_a_batching_tool_is_one_process() -> None:
    """Every line is done once and in its order; another tool in between begins a new one."""
    lines = [("ip", "a"), ("ip", "b"), ("ethtool", "x"), ("ethtool", "y"), ("ip", "c"), ("tc", "d")]
    assert script(lines).splitlines() == [
        *("ip -batch - <<'END'", "a", "b", "END"),
        *("ethtool x", "ethtool y"),
        *("ip -batch - <<'END'", "c", "END"),
        *("tc -batch - <<'END'", "d", "END"),
    ]
    assert script([]) == ""


def test_no_word_is_the_shell_s() -> None:
    """What a word holds is said as it is."""
    text = script([("printf", "%s\n", "a b", "$HOME", "it's")])
    assert subprocess.run(["sh", "-ec", text], capture_output=True, text=True, check=True).stdout == (
        "a b\n$HOME\nit's\n"
    )
