"""What stands before any test: servers and settings. Loaded by `-p tests.plugin`.

Where `DATABASE_URL` or `REDIS_URL` is set, that server is used; otherwise a real one of our own is
started. Browser tests (`tests/browser`) need Chromium and run only with `--browser`, alone.
"""

import os
import shutil
import tempfile
from collections.abc import Generator
from contextlib import ExitStack
from pathlib import Path

import pytest

from junocal.embedded import Postgres, Valkey
from tests.environment import ENVIRONMENT

BROWSER_TESTS = Path(__file__).parent / "browser"
# CI sets it: there a browser test that skips is one that fails.
BROWSER_IS_REQUIRED = os.environ.get("JUNOCAL_BROWSER_REQUIRED") == "1"

servers = ExitStack()


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--browser", action="store_true", help="run the browser tests, and only them")


@pytest.hookimpl(wrapper=True)
def pytest_load_initial_conftests() -> Generator[None]:
    """A wrapper, so that it comes before pytest-django loads the settings."""
    os.environ.update(ENVIRONMENT)
    start_servers(Path(servers.enter_context(tempfile.TemporaryDirectory(prefix="junocal-tests-"))))
    yield


def start_servers(directory: Path) -> None:
    directory.chmod(0o711)  # the user that PostgreSQL may have to become passes through it
    if "DATABASE_URL" not in os.environ:
        postgres = servers.enter_context(Postgres(directory / "postgres", durable=False))
        os.environ["DATABASE_URL"] = postgres.url
    if "REDIS_URL" not in os.environ:
        os.environ["REDIS_URL"] = servers.enter_context(Valkey(directory / "valkey")).url


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Pages name static files as they are: nothing was collected."""
    from django.conf import settings  # noqa: PLC0415 (needs the environment made above)

    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.MIDDLEWARE.remove("whitenoise.middleware.WhiteNoiseMiddleware")
    # The real one is slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]


@pytest.hookimpl(trylast=True)
def pytest_unconfigure() -> None:
    servers.close()


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Their imports need packages that the other tests do without."""
    return True if collection_path == BROWSER_TESTS and not config.getoption("browser") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    if not config.getoption("browser"):
        return
    others = [item for item in items if BROWSER_TESTS not in item.path.parents]
    items[:] = [item for item in items if BROWSER_TESTS in item.path.parents]
    config.hook.pytest_deselected(items=others)
    for item in items:
        item.add_marker(pytest.mark.browser)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if BROWSER_IS_REQUIRED and report.skipped and item.get_closest_marker("browser"):
        report.outcome = "failed"
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to hand to Playwright, whose own download is never used."""
    for name in ("chromium", "chromium-browser", "google-chrome"):
        if found := shutil.which(name):
            return found
    pytest.skip("no Chromium here: apt-get install --no-install-recommends chromium")
