"""A real Dask scheduler on loopback, in a process that cannot import lab: `python -m tests.cluster.scheduling`.

Prints its address, and ends with its stdin.
"""

from __future__ import annotations

import asyncio
import sys

sys.modules["lab"] = None  # type: ignore[assignment]  # a scheduler may be anybody's

from distributed import Scheduler  # noqa: E402


async def main() -> None:
    """Stand until stdin ends."""
    async with Scheduler(host="127.0.0.1", port=0, dashboard=False) as scheduler:
        print(scheduler.address, flush=True)
        await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)


if __name__ == "__main__":
    asyncio.run(main())
