"""Migrations run once: each worker's database is a copy of one that the controller made."""

from collections.abc import Generator
from contextlib import redirect_stdout
from io import StringIO

import pytest
from pytest_django.plugin import blocking_manager_key

from tests.plugin.servers import servers


@pytest.hookimpl(wrapper=True)
def pytest_sessionstart(session: pytest.Session) -> Generator[None]:
    """The workers, just started, collect meanwhile; none begins before this is over."""
    yield
    if session.config.pluginmanager.hasplugin("dsession"):
        with session.config.stash[blocking_manager_key].unblock():
            make_template()


def make_template() -> None:
    from django.db import connection  # noqa: PLC0415 (needs the settings)
    from django.test.utils import setup_databases, teardown_databases  # noqa: PLC0415

    with redirect_stdout(StringIO()):  # the cache's table is there already, it says
        made = setup_databases(verbosity=0, interactive=False, serialized_aliases=[])
    servers.callback(teardown_databases, made, verbosity=0)
    connection.close()
    connection.close_pool()  # type: ignore[attr-defined]  # nobody may be in what is copied


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """pytest-django names a worker's database, makes it and takes it away."""
    if hasattr(config, "workerinput"):
        from django.conf import settings  # noqa: PLC0415 (needs the environment of servers.py)

        database = settings.DATABASES["default"]
        database["TEST"] |= {"TEMPLATE": f"test_{database['NAME']}", "MIGRATE": False}
