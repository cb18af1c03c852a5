"""Other processes of Junocal, on this test's own database: they are stopped, frozen and killed."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import urlsplit

from django.conf import settings
from django.db import connection

from dev.klaviyo_sandbox.testing.client import SandboxProcess

ROOT = Path(__file__).resolve().parents[3]
IN_TIME_S = 40  # by then it has happened, on the slowest machine

OTHER = "another-process"  # what PostgreSQL knows them by
WORKER = ["worker", "--pool", "threads", "--concurrency", "4"]
WORKER += ["--without-gossip", "--without-mingle", "--without-heartbeat"]

Process = subprocess.Popen[str]


def environment(sandbox: SandboxProcess | None = None, **changes: str) -> dict[str, str]:
    """What the tests run in, but with the database, the sandbox and the broker of this test."""
    url = urlsplit(os.environ["DATABASE_URL"])
    name = str(connection.settings_dict["NAME"])
    query = "&".join(filter(None, [url.query, f"application_name={OTHER}"]))
    given = {
        "DATABASE_URL": url._replace(path=f"/{name}", query=query).geturl(),
        "KLAVIYO_QUARANTINE_S": "0",
        "DATABASE_POOL_SIZE": "10",
    }
    if sandbox:
        given |= {
            "KLAVIYO_API_URL": sandbox.url,
            "KLAVIYO_CLIENT_ID": sandbox.client_id,
            "KLAVIYO_CLIENT_SECRET": sandbox.client_secret,
        }
    return {
        **os.environ,
        "TOKEN_ENCRYPTION_KEYS": settings.TOKEN_ENCRYPTION_KEYS,
        **given,
        **changes,
    }


@contextmanager
def python(code: str, env: dict[str, str], *, stdin: int = subprocess.DEVNULL) -> Iterator[Process]:
    """A process that runs this code with Django set up; killed at the end if it lives."""
    setup = "import django; django.setup()\n"
    with started([sys.executable, "-c", setup + code], env, stdin=stdin) as process:
        yield process


@contextmanager
def worker(env: dict[str, str]) -> Iterator[Process]:
    """A Celery worker that is ready."""
    with started([sys.executable, "-m", "celery", "-A", "junocal", *WORKER], env) as process:
        wait_for_line(process, " ready.")
        yield process


@contextmanager
def worker_without_broker(env: dict[str, str]) -> Iterator[Process]:
    """A Celery worker whose broker refuses it: it never gets ready."""
    env = {**env, "REDIS_URL": f"redis://127.0.0.1:{closed_port()}/0"}
    with started([sys.executable, "-m", "celery", "-A", "junocal", *WORKER], env) as process:
        yield process


def closed_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as sock:
        port: int = sock.getsockname()[1]
    return port


@contextmanager
def worker_that_only_listens(env: dict[str, str]) -> Iterator[Process]:
    """One that doesn't sweep: it does what it is woken for, and nothing else."""
    code = f"""
from celery.signals import worker_init
from integrations.klaviyo.worker import lifespan
from junocal.celery import app
assert worker_init.disconnect(dispatch_uid="klaviyo: begin to sweep")
app.worker_main({WORKER})
"""
    with python(code, env) as process:
        wait_for_line(process, " ready.")
        yield process


@contextmanager
def started(
    command: Sequence[str], env: dict[str, str], *, stdin: int = subprocess.DEVNULL
) -> Iterator[Process]:
    env = {**env, "DJANGO_SETTINGS_MODULE": "junocal.settings", "PYTHONUNBUFFERED": "1"}
    process = subprocess.Popen(
        command,
        cwd=ROOT,
        env=env,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        stdin=stdin,
        text=True,
    )
    try:
        yield process
    finally:
        process.kill()
        process.wait()
        for pipe in (process.stdin, process.stdout):
            if pipe:
                pipe.close()
        wait_until(nobody_is_in_the_middle_of_something)


def nobody_is_in_the_middle_of_something() -> bool:
    """PostgreSQL notices a while later that a killed process is gone, and frees its locks."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT 1 FROM pg_stat_activity WHERE datname = current_database()"
            " AND application_name = %s AND state <> 'idle'",
            [OTHER],
        )
        return cursor.fetchone() is None


def wait_for_line(process: Process, words: str) -> None:
    assert process.stdout
    said = []
    for line in process.stdout:
        said.append(line)
        if words in line:
            return
    raise AssertionError(f"it never said {words!r}:\n{''.join(said)}")


def wait_until(holds: Callable[[], object]) -> None:
    ends_at = time.monotonic() + IN_TIME_S
    while not holds():
        assert time.monotonic() < ends_at, "it never came"
        time.sleep(0.05)
