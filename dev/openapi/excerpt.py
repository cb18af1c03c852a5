"""Bare facts about the operations Junocal knows, out of Klaviyo's official OpenAPI document.

    python -m dev.openapi.excerpt PATH_TO_OPENAPI_JSON

The document is `openapi/stable.json` of github.com/klaviyo/openapi (MIT). The result,
docs/klaviyo/operations.json, holds names, types and numbers, none of its texts.
"""

import json
import re
import sys
from pathlib import Path

from dev.openapi.fields import Field, Json, fields, resolved, shape

# By their operationId: those that Junocal calls, and those that its sandbox answers.
OPERATIONS = (
    "bulk_suppress_profiles",
    "create_profile",
    "get_accounts",
    "get_profile",
    "get_profiles",
    "merge_profiles",
    "update_profile",
)
EXCERPT = Path(__file__).resolve().parents[2] / "docs" / "klaviyo" / "operations.json"
MEDIA_TYPE = "application/vnd.api+json"
WINDOWS = {"s": "per_second", "m": "per_minute", "d": "per_day"}

# Said in descriptions only.
FILTER = re.compile(r"`([^`]+)`: (`[^`]+`(?:, `[^`]+`)*)")
BATCH = re.compile(
    r"(?:per request limit|per call|for subscription): ([\d,]+)"
    r"|(?:up to|maximum of) ([\d,]+) \w+ per (?:request|call)"
)
PAYLOAD = re.compile(r"maximum allowed payload size is (\w+)")


def main(arguments: list[str]) -> None:
    if len(arguments) != 1:
        sys.exit("Usage: python -m dev.openapi.excerpt PATH_TO_OPENAPI_JSON")
    document = json.loads(Path(arguments[0]).read_text(encoding="utf-8"))
    EXCERPT.write_text(written(excerpt(document)), encoding="utf-8")


def written(facts: Json) -> str:
    return json.dumps(facts, indent=2, sort_keys=True) + "\n"


def excerpt(document: Json) -> Json:
    """The facts; raises `LookupError` where the document lacks one of the operations."""
    described = operations(document)
    if missing := set(OPERATIONS) - set(described):
        raise LookupError(f"the document has no operation {sorted(missing)}")
    error = document["components"]["responses"]["ClientError"]
    return {
        "revision": document["info"]["version"],
        "operations": {name: facts(document, described[name]) for name in OPERATIONS},
        "resources": resources(document, [described[name] for name in OPERATIONS]),
        "error": shape(list(fields(document, body_schema(error)))),
    }


def operations(document: Json) -> dict[str, Json]:
    """Every operation by its id, with its own path and method."""
    return {
        operation["operationId"]: {**operation, "path": path, "method": method.upper()}
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
        if isinstance(operation, dict) and "operationId" in operation
    }


def facts(document: Json, operation: Json) -> Json:
    schema = answer_schema(document, operation)
    found = {
        "method": operation["method"],
        "path": operation["path"],
        "scopes": sorted(operation["x-klaviyo-scopes"]),
        "limits": limits(operation),
        "statuses": [int(status) for status in operation["responses"] if status.isdecimal()],
        "resource": resource_type(document, schema),
        "is_list": "items" in schema,
        **query(operation),
        **body(document, operation),
    }
    return {name: value for name, value in found.items() if value not in (None, [], {})}


def limits(operation: Json) -> dict[str, int]:
    """`75/s` as 75 per second, and so on."""
    pairs = [text.split("/") for text in operation["x-klaviyo-ratelimit"].values()]
    return {WINDOWS[window]: int(number) for number, window in pairs}


# --- What may be asked ----------------------------------------------------------------------------


def query(operation: Json) -> Json:
    """Names of all parameters, choices of those that aren't a choice of fields."""
    known = {one["name"]: one for one in operation["parameters"] if one["in"] == "query"}
    choices = {name: parameter_choices(one["schema"]) for name, one in known.items()}
    return {
        "query": sorted(known),
        "choices": {
            name: found
            for name, found in choices.items()
            if found and not name.startswith("fields[")
        },
        "filters": filters(known.get("filter", {})),
        "page_size": page_size(known.get("page[size]", {})),
    }


def parameter_choices(schema: Json) -> list[str]:
    return sorted(schema.get("enum", schema.get("items", {}).get("enum", [])))


def filters(parameter: Json) -> dict[str, list[str]]:
    """The operators of each field that can be filtered by."""
    found = FILTER.findall(parameter.get("description", ""))
    return {field: sorted(re.findall(r"`([^`]+)`", operators)) for field, operators in found}


def page_size(parameter: Json) -> dict[str, int]:
    schema = parameter.get("schema", {})
    return {name: schema[name] for name in ("default", "maximum", "minimum") if name in schema}


# --- What is sent and answered --------------------------------------------------------------------


def body(document: Json, operation: Json) -> Json:
    """What the request's `data` may and must hold, and how much of it."""
    if "requestBody" not in operation:
        return {}
    schema = resolved(document, body_schema(operation["requestBody"]))
    batch = BATCH.search(operation["description"])
    payload = PAYLOAD.search(operation["description"])
    return {
        "body": shape(list(fields(document, schema["properties"]["data"]))),
        "batch": int((batch[1] or batch[2]).replace(",", "")) if batch else None,
        "payload": payload[1] if payload else None,
    }


def resources(document: Json, described: list[Json]) -> Json:
    """What the answers' resources may and must hold, taken over all operations that give one.

    A bare reference, type and id alone, says nothing about its resource.
    """
    found: dict[str, list[list[Field]]] = {}
    for operation in described:
        schema = answer_schema(document, operation)
        item = list(fields(document, schema.get("items", schema)))
        if any(field.path == "attributes" for field in item):
            found.setdefault(str(resource_type(document, schema)), []).append(item)
    return {name: shape(*descriptions) for name, descriptions in found.items()}


def answer_schema(document: Json, operation: Json) -> Json:
    """Of a good answer's `data`; empty where it has no body."""
    answers = (one for status, one in operation["responses"].items() if status.isdecimal())
    for answer in answers:
        if "content" in answer:
            return resolved(document, resolved(document, body_schema(answer))["properties"]["data"])
    return {}


def resource_type(document: Json, schema: Json) -> str | None:
    types = (
        field for field in fields(document, schema.get("items", schema)) if field.path == "type"
    )
    return next((choice for field in types for choice in sorted(field.choices)), None)


def body_schema(part: Json) -> Json:
    found: Json = part["content"][MEDIA_TYPE]["schema"]
    return found


if __name__ == "__main__":
    main(sys.argv[1:])
