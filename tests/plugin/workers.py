"""How many processes run the tests, and what stays together in one of them."""

import os
from typing import Any

import pytest
from xdist.scheduler import LoadScopeScheduling

# With more, chaos alone takes longer than everything else.
AT_MOST = 8
WAITING = 1  # chaos, which leaves its processor to others most of the time
# Each has something that takes long to make: a stack, or the syntax trees of all files.
# The longest is the first.
ROOMS_KEPT_WHOLE = ["tests/chaos", "tests/journeys", "tests/guards"]


@pytest.hookimpl(tryfirst=True, optionalhook=True)
def pytest_xdist_auto_num_workers(config: pytest.Config) -> int:
    """What `-n auto` means, which `manage.py test` adds. None for a file: they take a while."""
    if any(".py" in argument for argument in config.args):
        return 0
    return min(processors() + (0 if config.getoption("fast") else WAITING), AT_MOST)


def processors() -> int:
    """Those that this process may use, where the system tells."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Those rooms come first, and as they are written; pytest-randomly has shuffled all others."""
    items.sort(key=place)


def place(item: pytest.Item) -> tuple[int, str, int]:
    room = room_of(item.nodeid)
    if room not in ROOMS_KEPT_WHOLE:
        return len(ROOMS_KEPT_WHOLE), "", 0
    return ROOMS_KEPT_WHOLE.index(room), str(item.path), item.location[1] or 0


def room_of(nodeid: str) -> str:
    return nodeid.partition("::")[0].rpartition("/")[0]


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> "ByRooms | None":
    config.option.loadscopereorder = False
    return ByRooms(config, log) if config.getvalue("dist") == "load" else None


class ByRooms(LoadScopeScheduling):  # type: ignore[misc]  # it has no types
    """Whole rooms, each to one worker; then test by test to whoever has time.

    xdist's own `loadgroup` groups nothing from pytest 9 on, and says nothing either.
    """

    def _split_scope(self, nodeid: str) -> str:
        room = room_of(nodeid)
        return room if room in ROOMS_KEPT_WHOLE else nodeid
