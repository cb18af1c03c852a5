"""Directories for unix sockets: private, short and without a space, wherever the project lies.

The path of a socket may have 107 bytes on Linux and 103 on macOS, and a space in it would have to
be escaped differently in every address.
"""

import shutil
import tempfile
from pathlib import Path

PREFIX = "junocal-"
LONGEST_PATH = 60  # leaves room for our directory and PostgreSQL's `.s.PGSQL.5432`


def make(link: Path) -> Path:
    """A new directory that only this user can enter; `link` points to it."""
    remove(link)
    directory = Path(tempfile.mkdtemp(prefix=PREFIX, dir=roomy_place()))
    link.symlink_to(directory)
    return directory


def remove(link: Path) -> None:
    """Remove the directory behind `link`, also one that a killed start left there."""
    if not link.is_symlink():
        return
    directory = link.readlink()
    if directory.name.startswith(PREFIX):
        shutil.rmtree(directory, ignore_errors=True)
    link.unlink()


def roomy_place() -> str:
    place = tempfile.gettempdir()
    return "/tmp" if " " in place or len(place.encode()) > LONGEST_PATH else place  # noqa: S108
