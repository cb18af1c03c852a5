"""The children's logs, kept small: a demo may run for weeks."""

import os
import shutil
from pathlib import Path

LARGEST_BYTES = 5_000_000


def begin(path: Path) -> None:
    """Start an empty log; the one before it stays beside it."""
    if path.exists():
        path.replace(older(path))


def trim(path: Path) -> None:
    """Set a large log aside. Its writers append, so they go on at the new beginning."""
    if path.exists() and path.stat().st_size > LARGEST_BYTES:
        shutil.copyfile(path, older(path))
        os.truncate(path, 0)


def older(path: Path) -> Path:
    return path.with_suffix(".1.log")
