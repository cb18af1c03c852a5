"""Beginning anew: all that earlier demos left is thrown away."""

import os
import shutil
from pathlib import Path

from dev.demo import only_one
from dev.servers import leftovers, sockets


class CannotBeginAnewError(Exception):
    """What earlier demos left stays as it is; the message says why."""


def throw_away(folder: Path) -> None:
    """Empty the demo's folder, whose lock the caller holds. Raises `CannotBeginAnewError`."""
    if "DATABASE_URL" in os.environ:
        raise CannotBeginAnewError(
            "--fresh throws away what is in .junocal/demo, but DATABASE_URL names a database "
            "elsewhere. Empty that one yourself, or unset DATABASE_URL."
        )
    stop_what_was_left_running(folder)
    try:
        for path in folder.iterdir():
            if path.name not in only_one.FILES:
                delete(path)
    except PermissionError as error:
        raise CannotBeginAnewError(
            f"{error}\nStart as the user who ran the demo before, or remove .junocal yourself."
        ) from error


def stop_what_was_left_running(folder: Path) -> None:
    """Processes of a demo that was killed, where the kernel doesn't end them with it."""
    for pid_file in (*folder.glob("*.pid"), *folder.glob("*/*.pid")):
        leftovers.stop(pid_file)
    for run in folder.glob("*/run"):
        sockets.remove(run)


def delete(path: Path) -> None:
    if path.is_dir() and not path.is_symlink():
        shutil.rmtree(path)
    else:
        path.unlink()
