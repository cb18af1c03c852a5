"""All processes of a demo: opened in the order they need each other, watched, closed in reverse."""

import http.client
import os
import signal
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from types import TracebackType
from typing import Self

from dev.demo import environment, logs, old_profiles, ports, processes, secrets_file, signals
from dev.demo.environment import Addresses
from dev.servers import Postgres, Valkey
from dev.servers.child import Child
from dev.servers.server import Server

READY_WITHIN_S = 60.0
PREPARED_WITHIN_S = 120.0
STOPPED_WITHIN_S = 10.0
POLL_S = 0.1
WATCH_S = 0.5


class ChildFailedError(Exception):
    """A process of the demo ended, or never got ready; the message has its last words."""


class Stack:
    """`with Stack(folder) as stack: stack.open(); stack.watch()`. Leaves nothing running."""

    def __init__(self, folder: Path, at: Addresses | None = None) -> None:
        self.folder = folder
        self.secrets = secrets_file.keep(folder / "secrets.json")
        self.at = at or Addresses(*ports.choose())
        self.environment = environment.of_junocal(folder, self.secrets, self.at)
        self.servers: list[Server] = []
        self.children: list[Child] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        signals.ignore_from_now_on()
        self.close()

    def open(self, say: Callable[[str], None]) -> None:
        """Start everything and wait until it answers."""
        say("Starting PostgreSQL, Valkey and the Klaviyo sandbox ...")
        self.start_servers()
        sandbox = self.start_sandbox()
        say("Preparing the database ...")
        self.prepare()
        self.wait_for(sandbox, lambda: answers(self.at.sandbox_port, "/"))
        old_profiles.bring(self.at.sandbox_port)
        say("Starting web and worker ...")
        web = self.start("web", processes.web(self.at), death_signal=signal.SIGTERM)
        worker = self.start("worker", processes.worker())
        self.wait_for(web, lambda: answers(self.at.web_port, "/readyz"))
        self.wait_for(worker, lambda: " ready." in worker.log_tail())

    def watch(self) -> None:
        """Return never; raise when a process ends."""
        while True:
            time.sleep(WATCH_S)
            self.check()
            for child in self.everything():
                logs.trim(child.log)

    def close(self) -> None:
        """Stop everything; Klaviyo last but the servers, so that what is under way can end."""
        for child in self.children[1:]:
            child.ask_to_stop()
        for child in reversed(self.children):
            child.stop(STOPPED_WITHIN_S)
        for server in reversed(self.servers):
            server.close()

    # --- Starting -------------------------------------------------------------------------------

    def start_servers(self) -> None:
        """Our own PostgreSQL and Valkey, but for those that the caller names."""
        embedded = {
            "DATABASE_URL": Postgres(self.folder / "postgres"),
            "REDIS_URL": Valkey(self.folder / "valkey"),
        }
        for setting, server in embedded.items():
            if setting not in os.environ:
                self.servers.append(server)
                server.start()
                self.environment[setting] = server.url

    def start_sandbox(self) -> Child:
        command = processes.sandbox(self.folder, self.at)
        return self.start("sandbox", command, environment.of_sandbox(self.secrets, self.at))

    def prepare(self) -> None:
        # Letters carry links that sign people in.
        (self.folder / "mail").mkdir(mode=0o700, exist_ok=True)
        child = self.child("prepare", processes.prepare())
        child.start()
        try:
            self.wait_for(child, lambda: child.exit_code == 0, PREPARED_WITHIN_S)
        finally:
            child.stop()

    def start(
        self,
        name: str,
        command: processes.Command,
        env: Mapping[str, str] | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> Child:
        child = self.child(name, command, env, death_signal)
        self.children.append(child)
        child.start()
        return child

    def child(
        self,
        name: str,
        command: processes.Command,
        env: Mapping[str, str] | None = None,
        death_signal: signal.Signals = signal.SIGKILL,
    ) -> Child:
        log = self.folder / f"{name}.log"
        logs.begin(log)
        return Child(name, command, log, env or self.environment, death_signal=death_signal)

    # --- Watching -------------------------------------------------------------------------------

    def wait_for(
        self, child: Child, is_ready: Callable[[], bool], patience_s: float = READY_WITHIN_S
    ) -> None:
        deadline = time.monotonic() + patience_s
        while not is_ready():
            self.check()
            if not child.is_running:
                raise ChildFailedError(last_words(child))
            if time.monotonic() > deadline:
                raise ChildFailedError(f"Not ready in time.\n{last_words(child)}")
            time.sleep(POLL_S)

    def check(self) -> None:
        for child in self.everything():
            if not child.is_running:
                raise ChildFailedError(last_words(child))

    def everything(self) -> list[Child]:
        servers = [server.child for server in self.servers if server.child is not None]
        return [*servers, *self.children]


def last_words(child: Child) -> str:
    ended = "is still running" if child.is_running else f"ended with code {child.exit_code}"
    return f"{child.log_tail()}\n\nThe {child.name} process {ended}; its log is {child.log}"


def answers(port: int, path: str) -> bool:
    """True if that page answers. Asked directly, whatever proxy the environment names."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=5)
    try:
        connection.request("GET", path)
        return connection.getresponse().status < 400
    except OSError:  # nobody listens yet
        return False
    finally:
        connection.close()
