"""What PostgreSQL and Valkey have in common: a directory, a socket, a child, a wait."""

import time
from abc import ABC, abstractmethod
from pathlib import Path
from types import TracebackType
from typing import ClassVar, Self

from dev.servers import sockets
from dev.servers.child import Child
from dev.servers.errors import EmbeddedServerError

READY_WITHIN_S = 60.0  # recovery after a kill may take its time
POLL_S = 0.02
ENVIRONMENT = {"LC_ALL": "C", "PATH": "/usr/bin:/bin"}  # nothing of the caller's PG… variables


class Server(ABC):
    """`with Server(directory) as server: server.url`. Log and data stay in `directory`."""

    name: ClassVar[str]

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        self.sockets: Path | None = None
        self.child: Child | None = None

    def __enter__(self) -> Self:
        try:
            self.start()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.close()

    @property
    @abstractmethod
    def url(self) -> str:
        """For the setting that names this server."""

    @property
    def pid(self) -> int:
        if self.child is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.child.pid

    @abstractmethod
    def prepare(self) -> Child:
        """Make what the server needs to be there, and the child that will be it."""

    @abstractmethod
    def is_ready(self, child: Child) -> bool:
        """True once it takes connections."""

    def start(self) -> None:
        """Start and wait until it answers. After `stop` the address stays the same."""
        self.directory.mkdir(parents=True, exist_ok=True)
        if self.sockets is None:
            self.sockets = sockets.make(self.directory / "run")
        self.child = self.prepare()
        self.child.start()
        self.wait_until_ready(self.child)

    def stop(self) -> None:
        if self.child is not None:
            self.child.stop()

    def close(self) -> None:
        """Stop, and leave nothing outside `directory`."""
        self.stop()
        sockets.remove(self.directory / "run")
        self.sockets = None

    def wait_until_ready(self, child: Child) -> None:
        deadline = time.monotonic() + READY_WITHIN_S
        while not self.is_ready(child):
            if not child.is_running or time.monotonic() > deadline:
                raise EmbeddedServerError(f"{self.name} did not start:\n{child.log_tail()}")
            time.sleep(POLL_S)
