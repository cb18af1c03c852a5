"""What goes around every request: its id and log line, and the Content-Security-Policy."""

import logging
import time
from collections.abc import Callable

from django.conf import settings
from django.http import HttpRequest
from django.http.response import HttpResponseBase

from junocal.ops import request_id
from junocal.ops.logging import PROBES

logger = logging.getLogger(__name__)

GetResponse = Callable[[HttpRequest], HttpResponseBase]


def request_log(get_response: GetResponse) -> GetResponse:
    """Give the request its id, and its answer a line."""

    def middleware(request: HttpRequest) -> HttpResponseBase:
        began = time.monotonic()
        request_id_ = request_id.begin(request.headers.get(request_id.HEADER, ""))
        response = get_response(request)
        response[request_id.HEADER] = request_id_
        say(request, response, round((time.monotonic() - began) * 1000))
        return response

    return middleware


def say(request: HttpRequest, response: HttpResponseBase, ms: int) -> None:
    """The route and not the path: paths carry secrets and say who was looked for."""
    route = request.resolver_match.route if request.resolver_match else ""
    level = logging.INFO if route and request.path not in PROBES else logging.DEBUG
    extra = {"status": response.status_code, "ms": ms}
    logger.log(level, "%s /%s", request.method, route, extra=extra)


def content_security_policy(get_response: GetResponse) -> GetResponse:
    """As in Django 6 (`SECURE_CSP`); the move there deletes it."""
    policy = "; ".join(f"{name} {' '.join(values)}" for name, values in settings.SECURE_CSP.items())

    def middleware(request: HttpRequest) -> HttpResponseBase:
        response = get_response(request)
        response.headers.setdefault("Content-Security-Policy", policy)
        return response

    return middleware
