"""The participant program: LIVEKIT_URL, LIVEKIT_TOKEN and LAB_DIR (with `config.json`) in, files in LAB_DIR out."""

from __future__ import annotations

import asyncio
import os
import sys
from pathlib import Path

from lab.clients.config import load
from lab.clients.participant import attend
from lab.probe.lag import Loop


def main() -> int:
    """Take part and return the exit code."""
    folder = Path(os.environ["LAB_DIR"])
    config = load(folder / "config.json")
    with asyncio.Runner(loop_factory=Loop) as runner:
        return runner.run(attend(config, folder, os.environ["LIVEKIT_URL"], os.environ["LIVEKIT_TOKEN"]))


if __name__ == "__main__":
    sys.exit(main())
