"""Settings and servers, before Django is loaded: one PostgreSQL and one Valkey for all processes.

Where `DATABASE_URL` or `REDIS_URL` is set, that server is used; otherwise a real one of our own is
started, by the process that was called. Those it starts in turn inherit both addresses.
"""

import os
import sys
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from dev.servers import Postgres, Valkey
from tests.support.environment import ENVIRONMENT

servers = ExitStack()


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """A wrapper, so that it comes before pytest-django loads the settings."""
    os.environ.update(ENVIRONMENT)
    keep_bytecode()
    if worker := os.environ.get("PYTEST_XDIST_WORKER"):
        take_database_of_valkey(int(worker.removeprefix("gw")) + 1)
    else:
        start_servers()
    yield


def keep_bytecode() -> None:
    """Where it is forbidden, as in many containers, each of a run's eighty processes would compile
    all of Junocal, and pytest rewrite every assertion anew."""
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.dont_write_bytecode = False


def start_servers() -> None:
    directory = Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="junocal-tests-")))
    directory.chmod(0o711)  # the user that PostgreSQL may have to become passes through it
    if "DATABASE_URL" not in os.environ:
        postgres = servers.enter_context(Postgres(directory / "postgres", durable=False))
        os.environ["DATABASE_URL"] = postgres.url
    if "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = servers.enter_context(Valkey(directory / "valkey")).url


def take_database_of_valkey(number: int) -> None:
    """Of the sixteen it has; the first is that of a run in one process."""
    url = urlsplit(os.environ["REDIS_URL"])
    if url.scheme.endswith("+socket"):  # urllib would put it together without its empty host
        new = f"{url.scheme}://{url.path}?virtual_host={number % 16}"
    else:
        new = url._replace(path=f"/{number % 16}").geturl()
    os.environ["REDIS_URL"] = new


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    servers.close()
