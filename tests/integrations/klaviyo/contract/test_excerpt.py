"""The script that makes docs/klaviyo/operations.json, and that the file is what it makes."""

import json
from pathlib import Path
from typing import Any

import pytest

from dev.openapi import excerpt
from dev.openapi.fields import fields, shape

DOCUMENT = Path(__file__).resolve().parents[5] / "shared" / "klaviyo" / "openapi.json"
REMEDY = "Make it again: python -m dev.openapi.excerpt PATH_TO_OPENAPI_JSON"


def test_the_file_is_what_the_script_makes_of_the_official_document() -> None:
    if not DOCUMENT.exists():
        pytest.skip("Klaviyo's OpenAPI document is not beside this checkout")
    official = json.loads(DOCUMENT.read_text(encoding="utf-8"))

    made = excerpt.written(excerpt.excerpt(official))

    assert made == excerpt.EXCERPT.read_text(encoding="utf-8"), REMEDY


def test_an_operation_that_the_document_lacks_is_named() -> None:
    with pytest.raises(LookupError, match="merge_profiles"):
        excerpt.excerpt({"paths": {}})


LISTING: dict[str, Any] = {
    "path": "/api/things",
    "method": "GET",
    "x-klaviyo-scopes": ["things:write", "things:read"],
    "x-klaviyo-ratelimit": {"burst": "3/s", "steady": "60/m", "daily": "150/d"},
    "description": "Up to a few.",
    "responses": {"204": {}, "4XX": {}},
    "parameters": [
        {"name": "revision", "in": "header", "schema": {"type": "string"}},
        {"name": "sort", "in": "query", "schema": {"type": "string", "enum": ["-id", "id"]}},
        {"name": "fields[thing]", "in": "query", "schema": {"items": {"enum": ["id"]}}},
        {
            "name": "filter",
            "in": "query",
            "description": "Allowed:<br>`id`: `equals`, `any`<br>`made`: `less-than`",
            "schema": {"type": "string"},
        },
        {"name": "page[size]", "in": "query", "schema": {"maximum": 50, "default": 10}},
    ],
}


def test_an_operation_becomes_bare_facts() -> None:
    assert excerpt.facts({}, LISTING) == {
        "method": "GET",
        "path": "/api/things",
        "scopes": ["things:read", "things:write"],
        "limits": {"per_second": 3, "per_minute": 60, "per_day": 150},
        "statuses": [204],
        "is_list": False,
        "query": ["fields[thing]", "filter", "page[size]", "sort"],
        "choices": {"sort": ["-id", "id"]},
        "filters": {"id": ["any", "equals"], "made": ["less-than"]},
        "page_size": {"default": 10, "maximum": 50},
    }


@pytest.mark.parametrize(
    ("words", "batch", "payload"),
    [
        ("Addresses per request limit: 100<br>", 100, None),
        ("It accepts a maximum of 1,000 things per call.", 1000, None),
        ("The maximum allowed payload size is 100KB.", None, "100KB"),
    ],
)
def test_how_much_may_be_sent_is_read_out_of_the_description(
    words: str, batch: int | None, payload: str | None
) -> None:
    schema = {"properties": {"data": {"type": "object"}}}
    request = {"content": {excerpt.MEDIA_TYPE: {"schema": schema}}}

    body = excerpt.body({}, {"requestBody": request, "description": words})

    assert (body["batch"], body["payload"]) == (batch, payload)


THING = {
    "type": "object",
    "required": ["name"],
    "properties": {
        "name": {"type": "string", "maxLength": 20},
        "kind": {"$ref": "#/kinds/kind", "nullable": True},
        "size": {"nullable": True, "oneOf": [{"type": "string"}, {"type": "number"}]},
        "parts": {"type": "array", "items": {"type": "object", "properties": {"id": {}}}},
    },
}
KINDS = {"kinds": {"kind": {"type": "string", "enum": ["small", "large"]}}}


def test_a_schema_becomes_types_by_path() -> None:
    assert shape(list(fields(KINDS, THING))) == {
        "types": {
            "kind": "null|string",
            "name": "string",
            "parts": "array",
            "parts[]": "object",
            "size": "null|number|string",
        },
        "required": ["name"],
        "choices": {"kind": ["large", "small"]},
        "max_lengths": {"name": 20},
    }


def test_only_what_every_answer_holds_is_required() -> None:
    loose = {"type": "object", "properties": {"name": {"type": "string", "nullable": True}}}

    both = shape(list(fields(KINDS, THING)), list(fields({}, loose)))

    assert both["required"] == []
    assert both["types"]["name"] == "null|string"
