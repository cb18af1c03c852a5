"""Answers and errors in JSON:API, as Klaviyo words them (contract, sections 3.2 and 3.3)."""

import json
from typing import Any
from uuid import uuid4

from flask import Response

MEDIA_TYPE = "application/vnd.api+json"
LIMITS_PAGE = "https://developers.klaviyo.com/en/docs/rate_limits_and_error_handling#rate-limits"
KNOWN = {
    400: ("invalid", "Invalid input.", "The request was invalid."),
    401: (
        "authentication_failed",
        "Incorrect authentication credentials.",
        "Incorrect authentication credentials.",
    ),
    403: (
        "permission_denied",
        "You do not have permission to perform this action.",
        "You do not have permission to perform this action.",
    ),
    404: ("not_found", "Not found.", "Not found."),
    405: ("method_not_allowed", "Method not allowed.", "Method not allowed."),
    406: ("not_acceptable", "Not acceptable.", f"Accept {MEDIA_TYPE}."),
    409: (
        "duplicate_profile",
        "Conflict.",
        "A profile already exists with one of these identifiers.",
    ),
    410: ("gone", "Gone.", "This revision is no longer available."),
    413: ("payload_too_large", "Payload too large.", "The request body is too large."),
    415: ("unsupported_media_type", "Unsupported media type.", f"Send {MEDIA_TYPE}."),
    500: ("error", "A server error occurred.", "A server error occurred."),
    502: ("error", "Bad gateway.", "Bad gateway."),
    503: ("unavailable", "Service unavailable.", "Service temporarily unavailable."),
    504: ("error", "Gateway time-out.", "Gateway time-out."),
}


class ApiError(Exception):
    """A refusal; carries everything its answer says."""

    def __init__(
        self, status: int, *errors: dict[str, Any], headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(status)
        self.status = status
        self.errors = list(errors) or [error(status)]
        self.headers = headers or {}

    def response(self) -> Response:
        return answer(self.status, {"errors": self.errors}, self.headers)


def error(
    status: int,
    detail: str | None = None,
    *,
    pointer: str = "/data",
    parameter: str | None = None,
    meta: dict[str, Any] | None = None,
) -> dict[str, Any]:
    """One error object with the code and title that belong to the status."""
    code, title, usual = KNOWN.get(status, ("error", "Error.", "An error occurred."))
    return {
        "id": str(uuid4()),
        "status": status,
        "code": code,
        "title": title,
        "detail": detail or usual,
        "source": {"parameter": parameter} if parameter else {"pointer": pointer},
        "links": {},
        "meta": meta or {},
    }


def invalid(detail: str, pointer: str = "/data") -> ApiError:
    return ApiError(400, error(400, detail, pointer=pointer))


def invalid_parameter(detail: str, parameter: str) -> ApiError:
    return ApiError(400, error(400, detail, parameter=parameter))


def throttled(retry_after: str | None, wait_s: int = 1) -> Response:
    """429 as recorded live: no limit headers, only Retry-After (None leaves it out)."""
    seconds = "1 second" if wait_s == 1 else f"{wait_s} seconds"
    body = {
        "id": str(uuid4()),
        "status": 429,
        "code": "throttled",
        "title": "Request was throttled.",
        "detail": f"Request was throttled. Expected available in {seconds}.",
        "source": {"pointer": "/data"},
        "links": {"type": LIMITS_PAGE},
        "meta": [],
    }
    headers = {} if retry_after is None else {"Retry-After": retry_after}
    return answer(429, {"errors": [body]}, headers)


def answer(
    status: int, document: dict[str, Any], headers: dict[str, str] | None = None
) -> Response:
    return Response(json.dumps(document), status, headers, content_type=MEDIA_TYPE)
