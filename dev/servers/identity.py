"""As whom PostgreSQL runs: it refuses root, and root is who many containers and CI machines are.

Root enters a user namespace of one user, where it looks like somebody else and still owns its
files: this needs no new account and works below a closed home directory. Where that is forbidden,
the server becomes `nobody`.
"""

import os
import subprocess
from pathlib import Path

from dev.servers.child import launched
from dev.servers.errors import EmbeddedServerError
from dev.servers.launch import NOBODY_ID


def able_to_run(binary: Path) -> str:
    """The identity under which this user can run `binary` as somebody other than root."""
    if os.geteuid() != 0:
        return "same"
    for identity in ("namespace", "nobody"):
        tried = subprocess.run(
            launched([binary, "--version"], identity), capture_output=True, check=False
        )
        if tried.returncode == 0:
            return identity
    raise EmbeddedServerError(
        "PostgreSQL doesn't run as root, and here root can't become somebody else. "
        "Start as an ordinary user, or set DATABASE_URL to a server of your own."
    )


def hand_over(directory: Path, identity: str) -> None:
    """Make that identity the directory's owner: an earlier start may have run as another."""
    owner = NOBODY_ID if identity == "nobody" else os.geteuid()
    if directory.stat().st_uid == owner:
        return
    if os.geteuid() != 0:
        raise EmbeddedServerError(
            f"{directory} belongs to another user. Start as that user, or remove it to begin anew."
        )
    for folder, _, files in os.walk(directory):
        for path in (folder, *(os.path.join(folder, name) for name in files)):
            os.lchown(path, owner, -1)
