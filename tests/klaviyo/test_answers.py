"""Klaviyo's answers, sorted into what can be done about them."""

import json
from typing import Any

import pytest
from requests.structures import CaseInsensitiveDict

from integrations.klaviyo.answers import (
    Conflict,
    Forbidden,
    NotFound,
    NotSent,
    Rejected,
    Throttled,
    Trouble,
    Unauthorized,
    Unknown,
    read,
    retry_after_s,
)
from integrations.klaviyo.http import Answer

HTML = "text/html; charset=UTF-8"


def answer(status: int, body: Any = None, **headers: str) -> Answer:
    text = body if isinstance(body, bytes) else json.dumps(body).encode()
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return Answer(status, CaseInsensitiveDict(named), text)


def error(**details: Any) -> dict[str, Any]:
    return {"errors": [{"id": "1", "code": "c", "title": "t", "detail": "d", **details}]}


def trouble(given: Answer) -> Trouble:
    with pytest.raises(Trouble) as caught:
        read(given)
    return caught.value


@pytest.mark.parametrize("status", [200, 201, 202])
def test_a_good_answer_is_its_document(status: int) -> None:
    assert read(answer(status, {"data": []})) == {"data": []}


@pytest.mark.parametrize(
    ("given", "kind"),
    [
        (answer(200, b"<!DOCTYPE html>"), Unknown),
        (answer(200, b""), Unknown),
        (answer(201, b'{"data": {"id": "01'), Unknown),
        (answer(200, b"\xff\xfe"), Unknown),
        (answer(301, Location="http://elsewhere.test"), Unknown),
        (answer(302), Unknown),
        (answer(500, error()), Unknown),
        (answer(502, b"<html>"), Unknown),
        (answer(503), Unknown),
        (answer(504), Unknown),
        (answer(524), Unknown),
        (answer(401, error()), Unauthorized),
        (answer(403, error()), Forbidden),
        (answer(403, b"<html>", Content_Type=HTML), NotSent),
        (answer(403, {}, cf_mitigated="challenge"), NotSent),
        (answer(404, error()), NotFound),
        (answer(409, error()), Conflict),
        (answer(429), Throttled),
        (answer(400, error()), Rejected),
        (answer(422, error()), Rejected),
        (answer(405), Rejected),
        (answer(410), Rejected),
        (answer(413), Rejected),
        (answer(415), Rejected),
    ],
    ids=lambda value: str(value.status) if isinstance(value, Answer) else value.__name__,
)
def test_each_answer_is_one_kind_of_trouble(given: Answer, kind: type[Trouble]) -> None:
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

    assert trouble(answer(400, body)) == Rejected(["phone_number", "email"])


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
    assert trouble(answer(409, body)) == Conflict(profile_id)


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
