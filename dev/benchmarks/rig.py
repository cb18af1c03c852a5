"""What benchmarks run on: PostgreSQL, Valkey and the lean Klaviyo, and workers as in production.

Workers come to the database in a role of their own, so that their statements are told from those of
the benchmark (`pg_stat_statements`, everything in: BEGIN and COMMIT too). CPU is read from /proc,
for a process with all that it started.
"""

import os
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psycopg
import requests

from dev.demo import processes
from dev.demo.environment import base
from dev.servers import Postgres, Valkey
from dev.servers.child import Child
from tests.support.environment import ENVIRONMENT

TICK_S = 1 / os.sysconf("SC_CLK_TCK")
READY_WITHIN_S = 60.0
POLL_S = 0.05
WORKER_ROLE = "worker"

TABLES = """
SELECT string_agg(quote_ident(tablename), ', ') FROM pg_tables
 WHERE schemaname = 'public' AND (tablename ~ '^(clients|klaviyo)_'
       OR tablename IN ('studios_studio', 'studios_membership', 'studios_user'))
   AND tablename <> 'klaviyo_klaviyohealth'
"""
CALLS = """
SELECT coalesce(sum(calls), 0) FROM pg_stat_statements
 WHERE userid = (SELECT oid FROM pg_roles WHERE rolname = %s)
"""
DEAREST = """
SELECT calls, total_exec_time::float, query FROM pg_stat_statements
 WHERE userid = (SELECT oid FROM pg_roles WHERE rolname = %s)
 ORDER BY total_exec_time DESC LIMIT 14
"""


class TooLongError(Exception):
    """Something that a benchmark waits for did not come."""


class CountingPostgres(Postgres):
    def options(self) -> list[str]:
        wanted = {"shared_preload_libraries": "pg_stat_statements", "shared_buffers": "256MB"}
        return super().options() + [
            part for name, value in wanted.items() for part in ("-c", f"{name}={value}")
        ]


@dataclass(frozen=True)
class Spent:
    """CPU seconds."""

    workers: float
    postgres: float

    @property
    def all(self) -> float:
        return self.workers + self.postgres

    def __sub__(self, other: "Spent") -> "Spent":
        return Spent(self.workers - other.workers, self.postgres - other.postgres)


class Double:
    """The lean Klaviyo's process, and its controls."""

    def __init__(self) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "dev.benchmarks.double"], stdout=subprocess.PIPE, text=True
        )
        assert self._process.stdout is not None
        self.url = self._process.stdout.readline().strip()
        self._http = requests.Session()
        self._http.trust_env = False

    def close(self) -> None:
        self._process.kill()
        self._process.wait()

    def reset(self, *, latency_s: float = 0.0, lifted: bool = False, **settings: Any) -> None:
        self._control("reset")
        factor = 100 if lifted else 1
        self._control("settings", {"latencies": {}, **settings})
        self._control("settings", {"latency_s": latency_s, "factor": factor})

    def count(self, operation: str) -> int:
        number: int = self._control("counts").get(operation, 0)
        return number

    def saw(self, operation: str, number: int, *, within_s: float) -> bool:
        """Wait until so many were answered well; False if they did not come."""
        return soon(lambda: self.count(operation) >= number, within_s)

    @property
    def throttled(self) -> int:
        return sum(n for name, n in self._control("counts").items() if name.endswith("429"))

    @property
    def arrived(self) -> dict[str, float]:
        """When edits and opt-outs arrived, by name and address."""
        found: dict[str, float] = self._control("arrived")
        return found

    @property
    def created(self) -> dict[str, list[float]]:
        """When profiles were created, by account."""
        found: dict[str, list[float]] = self._control("created")
        return found

    def _control(self, path: str, wanted: Any = None) -> Any:
        answer = self._http.post(f"{self.url}/control/{path}", json=wanted, timeout=30)
        answer.raise_for_status()
        return answer.json()


class Rig:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.postgres = CountingPostgres(folder / "postgres", durable=False)
        self.valkey = Valkey(folder / "valkey")

    def __enter__(self) -> "Rig":
        self.postgres.start()
        self.valkey.start()
        self.double = Double()
        with self.session() as session:
            session.execute("CREATE EXTENSION pg_stat_statements")
            session.execute(f"CREATE ROLE {WORKER_ROLE} SUPERUSER LOGIN")
        self.environment = {
            **ENVIRONMENT,
            "DJANGO_SETTINGS_MODULE": "junocal.settings",
            "DATABASE_URL": self.postgres.url,
            "REDIS_URL": self.valkey.url,
            "KLAVIYO_API_URL": self.double.url,
            "LOG_LEVEL": "WARNING",
            "STATIC_ROOT": str(self.folder / "static"),
        }
        return self

    def __exit__(self, *_: object) -> None:
        self.double.close()
        self.valkey.close()
        self.postgres.close()

    @contextmanager
    def session(self) -> Iterator[psycopg.Connection]:
        with psycopg.connect(self.postgres.url, autocommit=True) as session:
            yield session

    def fresh(self, *, latency_s: float = 0.0, lifted: bool = False, **settings: Any) -> None:
        """Nobody in the database, nothing at Klaviyo."""
        with self.session() as session:
            tables = session.execute(TABLES).fetchone()
            assert tables is not None
            session.execute(f"TRUNCATE {tables[0]} RESTART IDENTITY CASCADE".encode())
            session.execute("UPDATE klaviyo_klaviyohealth SET down_since = NULL, probe_at = NULL")
        self.double.reset(latency_s=latency_s, lifted=lifted, **settings)

    @contextmanager
    def workers(
        self,
        number: int = 1,
        command: processes.Command | None = None,
        *,
        wait_for_broker: bool = True,
    ) -> Iterator[list[Child]]:
        """So many worker processes, ready; with `command` other ones than Junocal's."""
        url = self.postgres.url.replace("postgres://junocal@", f"postgres://{WORKER_ROLE}@")
        env = {**base(), **self.environment, "DATABASE_URL": url, "LOG_LEVEL": "INFO"}
        children = [
            Child(f"worker {n}", command or processes.worker(), self.folder / f"worker{n}.log", env)
            for n in range(number)
        ]
        try:
            for child in children:
                child.log.unlink(missing_ok=True)
                child.start()
            if wait_for_broker:
                until(lambda: all(is_ready(child) for child in children), READY_WITHIN_S)
            time.sleep(2.0)  # what a start costs is over
            yield children
        finally:
            for child in children:
                child.kill()

    # --- Counting -----------------------------------------------------------------------------

    def spent(self, workers: Sequence[Child] = ()) -> Spent:
        """So far."""
        pids = [worker.pid for worker in workers]
        return Spent(cpu_s(pids), cpu_s([self.postgres.pid]))

    def forget_statements(self) -> None:
        with self.session() as session:
            session.execute("SELECT pg_stat_statements_reset()")

    @property
    def statements(self) -> int:
        """Of all workers since they were forgotten."""
        with self.session() as session:
            row = session.execute(CALLS, [WORKER_ROLE]).fetchone()
        return int(row[0]) if row else 0

    def tell_dearest(self) -> None:
        """Print the workers' statements that took PostgreSQL longest."""
        with self.session() as session:
            for calls, ms, query in session.execute(DEAREST, [WORKER_ROLE]):
                line = " ".join(query.split())
                print(f"    {ms:9.0f} ms {calls:7} × {ms / calls:7.3f} ms  {line[:110]}")


def is_ready(worker: Child) -> bool:
    return " ready." in worker.log_tail()


def cpu_s(roots: Sequence[int]) -> float:
    """CPU seconds of these processes and of all that they started, ended ones included."""
    parents: dict[int, int] = {}
    used: dict[int, float] = {}
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                fields = (folder / "stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            parents[int(folder.name)] = int(fields[1])
            used[int(folder.name)] = sum(map(int, fields[11:15])) * TICK_S
    family = set(roots)
    while more := {pid for pid, parent in parents.items() if parent in family} - family:
        family |= more
    return sum(used.get(pid, 0.0) for pid in family)


def until(is_so: Callable[[], bool], within_s: float) -> bool:
    """Wait for it; raises `TooLongError`."""
    if not soon(is_so, within_s):
        raise TooLongError(f"not within {within_s:.0f} s")
    return True


def soon(is_so: Callable[[], bool], within_s: float) -> bool:
    """Wait for it; False if it did not come."""
    ends_at = time.monotonic() + within_s
    while not is_so():
        if time.monotonic() > ends_at:
            return False
        time.sleep(POLL_S)
    return True
