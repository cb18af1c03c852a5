"""What a log line carries, and what it must not."""

import json
import logging
import sys

import pytest
from celery import shared_task
from django.test import Client as Browser
from django.test import RequestFactory

from junocal.ops.logging import JSONFormatter, TextFormatter, config
from tests.junocal.ops.conftest import Lines


def test_a_refused_request_is_logged_without_the_code_in_its_address() -> None:
    request = RequestFactory().get("/integrations/klaviyo/callback/?code=secret&state=secret")
    extra = {"request": request, "status_code": 400}
    record = logging.makeLogRecord({"msg": "Bad Request: %s", "args": (request.path,), **extra})

    line = JSONFormatter().format(record)

    assert "secret" not in line
    assert json.loads(line)["message"] == "Bad Request: /integrations/klaviyo/callback/"
    assert json.loads(line)["status_code"] == 400


@pytest.mark.parametrize(
    "path", ["/invitations/{}/accept/", "/unsubscribe/{}/", "/accounts/confirm-email/{}/"]
)
def test_a_link_that_is_a_secret_is_logged_without_it(path: str) -> None:
    message = f"Forbidden (CSRF token missing.): {path.format('tellnobody')}"
    record = logging.makeLogRecord({"msg": message})

    line = JSONFormatter().format(record)

    assert "tellnobody" not in line
    assert json.loads(line)["message"].endswith(path.format("…"))


def test_text_has_what_json_has_and_frames_on_lines_of_their_own() -> None:
    row = "(email)=(ana@example.com)"
    try:
        raise ValueError(row)
    except ValueError:
        info = sys.exc_info()
    facts = {"msg": "no %s", "args": ("luck",), "levelname": "ERROR", "name": "x", "studio": 7}
    record = logging.makeLogRecord(facts | {"exc_info": info})

    first, kind, *frames = TextFormatter().format(record).splitlines()

    assert first.endswith(" ERROR x no luck studio=7")
    assert kind == "ValueError"
    assert "test_logging.py" in frames[0]
    assert "ana@example.com" not in "".join(frames)


def test_of_a_task_that_failed_its_error_is_told_and_not_what_it_says(lines: Lines) -> None:
    """Databases quote rows, and Celery quotes the error in its own words."""
    row = "(email)=(ana@example.com)"

    @shared_task(name="tests.fails")
    def fails(**_: str) -> None:
        raise ValueError(row)

    fails.apply(kwargs={"address": "bea@example.com"})

    [line] = lines.read()
    assert "tests.fails" in str(line["message"])
    assert "ValueError" in str(line["message"])
    assert "@example.com" not in str(line)


def test_a_request_under_a_strangers_name_is_a_warning_without_a_trace(
    client: Browser, caplog: pytest.LogCaptureFixture
) -> None:
    answer = client.get("/healthz", headers={"Host": "scanner.example"})

    record = next(one for one in caplog.records if "scanner.example" in one.getMessage())
    assert answer.status_code == 400
    assert record.levelname == "WARNING"
    assert record.exc_info is None


@pytest.mark.parametrize("level", ["debug", "INFO", "ERROR"])
def test_nothing_goes_below_the_level_that_was_set(level: str) -> None:
    """A logger that has a level of its own no longer minds the root's."""
    lowest = logging.getLevelNamesMapping()[level.upper()]

    levels = [logger.get("level") for logger in config(level, "json")["loggers"].values()]

    assert all(one is None or one == "NOTSET" or one >= lowest for one in levels)


def test_statements_are_never_logged_since_they_carry_rows() -> None:
    loggers = config("DEBUG", "text")["loggers"]

    assert loggers["django.db.backends"]["level"] > logging.DEBUG
    assert loggers["urllib3"]["level"] > logging.DEBUG
