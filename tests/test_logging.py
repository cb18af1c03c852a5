"""What a log line carries, and what it must not."""

import json
import logging

import pytest
from django.test import RequestFactory

from junocal.logging import JSONFormatter


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
