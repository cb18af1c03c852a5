"""One demo per checkout: two would share their data and their ports."""

import fcntl
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

LOCK, PLACE = FILES = ("running.lock", "running")


class AlreadyRunningError(Exception):
    """Another demo of this checkout is up, or on its way."""


@contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the demo's lock, which the kernel frees however we end."""
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            raise AlreadyRunningError(whereabouts(folder)) from None
        announce(folder, "still starting")
        yield


def announce(folder: Path, place: str) -> None:
    """Tell a second demo where this one is."""
    (folder / PLACE).write_text(f"process {os.getpid()}, {place}")


def whereabouts(folder: Path) -> str:
    running = (folder / PLACE).read_text()
    return f"A demo is already running here ({running}). Stop it with Ctrl-C, or use it."
