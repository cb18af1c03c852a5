"""Which tests run: `--browser` those in Chromium and only they, `--fast` the quick ones."""

import os
from collections.abc import Generator
from pathlib import Path

import pytest

from tests.support.chromium import find_chromium

BROWSER_TESTS = Path(__file__).parents[1] / "browser"
SLOW = ("chaos", "journey")
COMMITTING = {"transactional_db", "live_server"}
# CI sets it: there a browser test that skips is one that fails.
BROWSER_IS_REQUIRED = os.environ.get("JUNOCAL_BROWSER_REQUIRED") == "1"


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--browser", action="store_true", help="run the browser tests, and only them")
    parser.addoption(
        "--fast", action="store_true", help="leave out chaos, journeys and what commits"
    )


def pytest_ignore_collect(collection_path: Path, config: pytest.Config) -> bool | None:
    """Their imports need packages that the other tests do without."""
    return True if collection_path == BROWSER_TESTS and not config.getoption("browser") else None


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    left_out = [item for item in items if not is_wanted(item, config)]
    items[:] = [item for item in items if is_wanted(item, config)]
    config.hook.pytest_deselected(items=left_out)


def is_wanted(item: pytest.Item, config: pytest.Config) -> bool:
    if config.getoption("browser") and BROWSER_TESTS not in item.path.parents:
        return False
    is_slow = any(map(item.get_closest_marker, SLOW)) or commits(item)
    return not (config.getoption("fast") and is_slow)


def commits(item: pytest.Item) -> bool:
    """True if the test commits what it does, for several threads or processes to see: all tables
    are emptied after it."""
    marker = item.get_closest_marker("django_db")
    asked_for = set(getattr(item, "fixturenames", ()))
    return bool(COMMITTING & asked_for or (marker and marker.kwargs.get("transaction")))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item,
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    if BROWSER_IS_REQUIRED and report.skipped and BROWSER_TESTS in item.path.parents:
        report.outcome = "failed"
    if report.failed and (stack := getattr(item, "funcargs", {}).get("stack")):
        report.sections += [(f"last words of {c.name}", c.log_tail(40)) for c in stack.children]
    return report


@pytest.fixture(scope="session")
def chromium() -> str:
    """The path of a Chromium to hand to Playwright, whose own download is never used."""
    if found := find_chromium():
        return found
    pytest.skip("no Chromium here: apt-get install --no-install-recommends chromium")
