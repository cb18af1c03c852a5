"""The programs a demo consists of, each started as production starts it."""

import sys
from collections.abc import Sequence
from pathlib import Path

from dev.demo.environment import Addresses

Command = Sequence[str | Path]


def prepare() -> Command:
    return python("dev.demo.prepare")


def sandbox(folder: Path, at: Addresses) -> Command:
    port = str(at.sandbox_port)
    data = folder / "sandbox.sqlite3"
    where = ("--host", "127.0.0.1", "--port", port)
    return python("dev.klaviyo_sandbox", *where, "--data", data, "--mails", folder / "mail")


def web(at: Addresses) -> Command:
    bind = ("--bind", f"127.0.0.1:{at.web_port}")
    capacity = ("--worker-class", "gthread", "--workers", "2", "--threads", "8")
    stopping = ("--graceful-timeout", "5", "--no-control-socket")
    return python("gunicorn", "junocal.wsgi", *bind, *capacity, *stopping)


def worker() -> Command:
    return celery("worker", "--pool", "threads", "--concurrency", "16", "--without-mingle")


def celery(process: str, *options: str | Path) -> Command:
    return python("celery", "-A", "junocal", process, *options)


def python(module: str, *arguments: str | Path) -> Command:
    return [sys.executable, "-m", module, *arguments]
