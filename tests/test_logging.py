"""What a log line carries, and what it must not."""

import json
import logging

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
