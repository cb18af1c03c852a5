"""A request has one id: in its answer, in each of its log lines, with the tasks it publishes."""

import logging

import pytest
from celery.app.task import Context
from django.test import Client as Browser

from junocal.ops import request_id
from tests.junocal.ops.conftest import Lines

GIVEN = "edge-0123456789abcdef"


def test_an_id_given_by_the_proxy_comes_back(client: Browser) -> None:
    answer = client.get("/healthz", headers={"X-Request-ID": GIVEN})

    assert answer["X-Request-ID"] == GIVEN


@pytest.mark.parametrize("insane", ["", "short", "x" * 65, "ana@example.com", "two\nlines"])
def test_one_that_is_insane_is_not_taken(client: Browser, insane: str) -> None:
    first = client.get("/healthz", headers={"X-Request-ID": insane})
    second = client.get("/healthz", headers={"X-Request-ID": insane})

    assert request_id.SANE.fullmatch(first["X-Request-ID"])
    assert first["X-Request-ID"] != second["X-Request-ID"]


def test_every_line_of_a_request_has_it(client: Browser, lines: Lines, db: None) -> None:
    """Django's own as well, which it writes when all middleware is done."""
    client.get("/nowhere/", headers={"X-Request-ID": GIVEN})
    client.get("/accounts/login/", headers={"X-Request-ID": GIVEN})

    assert [line["message"] for line in lines.read()] == [
        "Not Found: /nowhere/",
        "GET /accounts/login/",
    ]
    assert {line["request_id"] for line in lines.read()} == {GIVEN}


def test_no_line_after_it_has_it(client: Browser, lines: Lines) -> None:
    client.get("/healthz", headers={"X-Request-ID": GIVEN})

    logging.getLogger("junocal").warning("something else")

    assert "request_id" not in lines.read()[-1]


def test_the_line_of_a_request_names_its_route_and_nobody(
    client: Browser, lines: Lines, db: None
) -> None:
    client.get("/unsubscribe/tellnobody/?q=ana@example.com")
    client.get("/readyz")

    [line] = [line for line in lines.read() if str(line["message"]).startswith("GET")]
    assert line["message"] == "GET /unsubscribe/…/"
    assert line["status"] == 200
    assert isinstance(line["ms"], int)
    assert "tellnobody" not in str(lines.read())
    assert "ana@example.com" not in str(lines.read())


def test_a_task_logs_under_the_id_that_its_message_carries(lines: Lines) -> None:
    class Task:
        request = Context({"request_id": GIVEN})

    request_id.take_out(task=Task())
    logging.getLogger("junocal").warning("at work")
    request_id.end()
    logging.getLogger("junocal").warning("idle")

    assert [line.get("request_id") for line in lines.read()] == [GIVEN, None]
