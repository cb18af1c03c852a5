"""Klaviyo's answers, sorted into what can be done about them."""

import json
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from integrations.http import Answer
from integrations.klaviyo.api.errors import (
    ConflictError,
    ForbiddenError,
    KlaviyoError,
    NotFoundError,
    NotSentError,
    OutcomeUnknownError,
    RejectedError,
    RetiredError,
    ThrottledError,
    UnauthorizedError,
    read,
    retry_after_s,
)

HTML = "text/html; charset=UTF-8"


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CaseInsensitiveDict(named), text)


def error(**details: Any) -> dict[str, Any]:
    return {"errors": [{"id": "1", "code": "c", "title": "t", "detail": "d", **details}]}


def trouble(given: Answer) -> KlaviyoError:
    with pytest.raises(KlaviyoError) as caught:
        read(given)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_good_answer_is_its_document(status: int) -> None:
    assert read(answer(status, {"data": []})) == {"data": []}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(200, b"<!DOCTYPE html>"), OutcomeUnknownError),
        (answer(200, b""), OutcomeUnknownError),
        (answer(201, b'{"data": {"id": "01'), OutcomeUnknownError),
        (answer(200, b"\xff\xfe"), OutcomeUnknownError),
        (answer(301, Location="http://elsewhere.test"), OutcomeUnknownError),
        (answer(302), OutcomeUnknownError),
        (answer(500, error()), OutcomeUnknownError),
        (answer(502, b"<html>"), OutcomeUnknownError),
        (answer(503), OutcomeUnknownError),
        (answer(504), OutcomeUnknownError),
        (answer(524), OutcomeUnknownError),
        (answer(401, error()), UnauthorizedError),
        (answer(403, error()), ForbiddenError),
        (answer(403, b"<html>", Content_Type=HTML), NotSentError),
        (answer(403, {}, cf_mitigated="challenge"), NotSentError),
        (answer(404, error()), NotFoundError),
        (answer(409, error()), ConflictError),
        (answer(429), ThrottledError),
        (answer(400, error()), RejectedError),
        (answer(422, error()), RejectedError),
        (answer(405), RejectedError),
        (answer(410), RetiredError),
        (answer(413), RejectedError),
        (answer(415), RejectedError),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else value.__name__,
)
def test_each_answer_is_one_kind_of_trouble(given: Answer, kind: type[KlaviyoError]) -> None:
    assert type(trouble(given)) is kind


def test_a_rejection_names_the_attributes() -> None:
    body = {
        "errors": [
            {"source": {"pointer": "/data/attributes/phone_number"}},
            {"source": {"pointer": "/data/attributes/email"}},
            {"source": {"parameter": "filter"}},
            {"source": None},
            "no object",
        ]
    }

    assert trouble(answer(400, body)) == RejectedError(["phone_number", "email"])


@pytest.mark.parametrize(
    ("body", "profile_id"),
    [
        (error(meta={"duplicate_profile_id": "01ABC"}), "01ABC"),
        (error(meta={}), None),
        (error(meta=[]), None),
        ({"errors": []}, None),
        ({"errors": None}, None),
        ([], None),
        (b"<html>", None),
    ],
)
def test_a_conflict_names_the_profile_in_the_way_where_klaviyo_does(
    body: Any, profile_id: str | None
) -> None:
    assert trouble(answer(409, body)) == ConflictError(profile_id)


@pytest.mark.parametrize(
    ("header", "seconds"),
    [
        ("17", 17.0),
        (" 17 ", 17.0),
        ("0", 0.0),
        ("1000000000", 900.0),
        ("-1", None),
        ("1.5", None),
        ("Wed, 21 Oct 2026 07:28:00 GMT", None),
        ("٣", None),
        ("", None),
    ],
)
def test_retry_after_is_seconds_and_at_most_a_quarter_of_an_hour(
    header: str, seconds: float | None
) -> None:
    assert retry_after_s({"Retry-After": header}) == seconds
    assert trouble(answer(429, Retry_After=header)).wait_s == seconds  # type: ignore[attr-defined]


def test_without_retry_after_nobody_says_how_long() -> None:
    assert retry_after_s({}) is None
