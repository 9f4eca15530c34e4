"""Judge the stored recordings anew, all or some, and keep what is said now: `python -m tests.replay.judge [NAME…]`.

Prints what changed, as a diff. What changed must be what was meant to change, and nothing else: look before committing.
"""

from __future__ import annotations

import difflib
import sys
import tempfile
from pathlib import Path

from lab.batch.runs.one import judged
from tests.replay.keep import NAMES, STORED, unpacked


def judge_anew(name: str) -> str:
    """Judge the recording `name`, store its verdict, and return how it differs from the one before."""
    file = STORED / f"{name}.json"
    before = file.read_text() if file.exists() else ""
    with tempfile.TemporaryDirectory() as folder:
        now = judged(unpacked(name, Path(folder))).json
    file.write_text(now)
    return "".join(difflib.unified_diff(before.splitlines(True), now.splitlines(True), file.name, "now", n=1))


if __name__ == "__main__":
    for each in sys.argv[1:] or NAMES:
        print(judge_anew(each), end="")
