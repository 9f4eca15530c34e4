"""What holds for all of these tests: nobody waits for the disk."""

from tests.fakes.disk import unsynced

__all__ = ["unsynced"]
