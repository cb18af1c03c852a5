"""`/healthz`: this process answers, and of which version it is. `/readyz`: and work gets done.

Apps say themselves what can be wrong with their work: they register here.
"""

import logging
from collections.abc import Callable, Iterable

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse

from junocal import __version__

logger = logging.getLogger(__name__)

Check = Callable[[], Iterable[str]]  # what is wrong now, in a sentence each

_checks: list[Check] = []


class ChangesOfState:
    """One line when this process is first asked while something is wrong, and one when it heals."""

    def __init__(self) -> None:
        self._was_wrong = False

    def say(self, wrong: list[str]) -> None:
        if wrong and not self._was_wrong:
            logger.error("not ready: %s", "; ".join(wrong))
        elif self._was_wrong and not wrong:
            logger.info("ready again")
        self._was_wrong = bool(wrong)


_changes = ChangesOfState()


def register(check: Check) -> Check:
    _checks.append(check)
    return check


def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse(f"ok {__version__}\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    wrong = whats_wrong()
    _changes.say(wrong)
    body = "".join(f"{sentence}\n" for sentence in wrong or ["ok"])
    return HttpResponse(body, "text/plain; charset=utf-8", status=503 if wrong else 200)


def whats_wrong() -> list[str]:
    try:
        if is_behind():
            return ["migrations are missing"]
        return [sentence for check in _checks for sentence in check()]
    except DatabaseError:
        return ["the database does not answer"]


def is_behind() -> bool:
    executor = MigrationExecutor(connection)
    return bool(executor.migration_plan(executor.loader.graph.leaf_nodes()))
