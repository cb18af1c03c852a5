"""A whole Junocal for journeys, chaos and the browser: the demo's processes, each within reach.

Web, worker, sandbox and Valkey are its own, and so is its database. All of them end with
the test, and with the process that runs it.
"""

import os
import socket
import tempfile
import time
import uuid
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from email import message_from_string, policy
from email.message import EmailMessage
from pathlib import Path
from typing import Any, LiteralString, TypeVar
from urllib.parse import urlsplit, urlunsplit

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from dev.demo import stack as demo
from dev.demo.environment import Addresses
from dev.klaviyo_sandbox.testing.client import SandboxProcess
from dev.servers import Postgres, Valkey
from dev.servers.child import Child

# A program connects twice within the second in which Klaviyo lets an account be read but once.
LIMITS = {"get_accounts": [10, 150]}
BETWEEN_MAILS = "-" * 79 + "\n"
PATIENCE_S = 90.0  # machines may be slow, and several people may share one
POLL_S = 0.1

T = TypeVar("T")


@contextmanager
def open_stack(*, own_postgres: bool = False, **settings: str) -> Iterator["Stack"]:
    """A stack in a directory of its own; with a PostgreSQL of its own where that is to suffer."""
    with tempfile.TemporaryDirectory(prefix="junocal-stack-", ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o711)  # the user that PostgreSQL may have to become passes through it
        stack = Stack(folder, own_postgres=own_postgres, **settings)
        try:
            stack.open(lambda _: None)
            stack.klaviyo.configure(limits=LIMITS)
            yield stack
        finally:
            stack.close()


class Stack(demo.Stack):
    """As the demo's, with the demo's two studios, and with a hand on each process."""

    def __init__(self, folder: Path, *, own_postgres: bool, **settings: str) -> None:
        super().__init__(folder, Addresses(free_port(), free_port()))
        self.environment |= settings
        self.valkey = Valkey(folder / "valkey")
        self.own_postgres = Postgres(folder / "postgres") if own_postgres else None
        self.klaviyo = SandboxProcess(
            client_id=self.secrets.client_id, client_secret=self.secrets.client_secret
        )
        self.klaviyo.url = self.at.sandbox

    def start_servers(self) -> None:
        """Ours whatever the environment names: they are emptied, frozen and killed."""
        self.servers = [self.valkey] + ([self.own_postgres] if self.own_postgres else [])
        for server in self.servers:
            server.start()
        self.environment["REDIS_URL"] = self.valkey.url
        url = self.own_postgres.url if self.own_postgres else create_database()
        self.environment["DATABASE_URL"] = url

    def close(self) -> None:
        """At once: what they would still finish is thrown away all the same."""
        for child in self.children:
            child.kill()
        super().close()
        if not self.own_postgres and "DATABASE_URL" in self.environment:
            drop_database(self.environment["DATABASE_URL"])

    def process(self, name: str) -> Child:
        """The process of that name: web, worker or sandbox."""
        return next(child for child in self.children if child.name == name)

    def ask(self, query: LiteralString | sql.Composed, *values: Any) -> list[dict[str, Any]]:
        """What the database says."""
        url = self.environment["DATABASE_URL"]
        with psycopg.connect(url, row_factory=dict_row, autocommit=True) as connection:
            return connection.execute(query, values).fetchall()

    def mails_to(self, address: str) -> list[EmailMessage]:
        """What was written to this address."""
        files = (self.folder / "mail").glob("*.log")
        texts = [text for file in files for text in file.read_text().split(BETWEEN_MAILS)]
        mails = [message_from_string(text.lstrip(), policy=policy.default) for text in texts]
        return [mail for mail in mails if mail["To"] == address]


def eventually(look: Callable[[], T | None], within_s: float = PATIENCE_S) -> T:
    """What it sees as soon as that is true; asserts that it becomes true."""
    deadline = time.monotonic() + within_s
    while not (seen := look()):
        assert time.monotonic() < deadline, f"still {seen!r} after {within_s:.0f} s"
        time.sleep(POLL_S)
    return seen


def free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


def create_database() -> str:
    """A new database on the tests' server; its address."""
    server = os.environ["DATABASE_URL"]
    name = f"stack_{uuid.uuid4().hex[:12]}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    return urlunsplit(urlsplit(server)._replace(path=f"/{name}"))


def drop_database(url: str) -> None:
    name = urlsplit(url).path.lstrip("/")
    with psycopg.connect(os.environ["DATABASE_URL"], autocommit=True) as connection:
        drop = sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)")
        connection.execute(drop.format(sql.Identifier(name)))
