"""Whole numbers as they are typed: the digits 0 to 9, no sign, no more of them than anything here is counted in.

Law: `isdecimal` and `int` also take the digits of every other script, and Python refuses to read thousands of them.
"""

from __future__ import annotations

import re

_WHOLE = re.compile(r"[0-9]{1,12}")


def whole(text: str) -> int | None:
    """Return the number that `text` is, None when it is none."""
    return int(text) if _WHOLE.fullmatch(text) else None
