"""What others wrote, as plain text for a terminal."""

from __future__ import annotations

import unicodedata


def clean(text: str) -> str:
    """Return `text` without control characters and invisible formatting."""
    return "".join(char for char in text if unicodedata.category(char) not in ("Cc", "Cf", "Co", "Cs"))
