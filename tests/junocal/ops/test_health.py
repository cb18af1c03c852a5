"""`/readyz` says what is wrong, in words, and is bad as long as anything is."""

import logging
from collections.abc import Iterator

import pytest
from django.db import DatabaseError
from django.test import Client as Browser

from junocal.ops import health


@pytest.fixture
def checks(monkeypatch: pytest.MonkeyPatch) -> list[health.Check]:
    """None but those of the test."""
    checks: list[health.Check] = []
    monkeypatch.setattr(health, "_checks", checks)
    monkeypatch.setattr(health, "_changes", health.ChangesOfState())
    return checks


def ask(client: Browser) -> tuple[int, str]:
    answer = client.get("/readyz")
    return answer.status_code, answer.content.decode()


def test_all_is_well_on_the_first_day(client: Browser, db: None) -> None:
    assert ask(client) == (200, "ok\n")


def test_every_sentence_is_said(client: Browser, db: None, checks: list[health.Check]) -> None:
    @health.register
    def two() -> Iterator[str]:
        yield "the roof leaks"
        yield "so does the cellar"

    @health.register
    def none() -> list[str]:
        return []

    assert ask(client) == (503, "the roof leaks\nso does the cellar\n")


def test_no_database_is_said(client: Browser, db: None, checks: list[health.Check]) -> None:
    @health.register
    def asks() -> list[str]:
        raise DatabaseError

    assert ask(client) == (503, "the database does not answer\n")


def test_a_missing_migration_is_said_and_nothing_else_is_asked(
    client: Browser, db: None, checks: list[health.Check], monkeypatch: pytest.MonkeyPatch
) -> None:
    checks.append(lambda: ["this table may not be there yet"])
    monkeypatch.setattr(health, "is_behind", lambda: True)

    assert ask(client) == (503, "migrations are missing\n")


def test_a_change_of_state_is_one_line_however_often_it_is_asked(
    client: Browser, db: None, checks: list[health.Check], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.INFO)
    wrong = ["the roof leaks"]
    checks.append(lambda: wrong)

    ask(client)
    ask(client)
    wrong.clear()
    ask(client)
    ask(client)

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "not ready: the roof leaks"),
        ("INFO", "ready again"),
    ]
