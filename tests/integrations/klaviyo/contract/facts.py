"""docs/klaviyo/operations.json in the hands of tests, and what is wrong with JSON by its shapes."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

EXCERPT = Path(__file__).resolve().parents[4] / "docs" / "klaviyo" / "operations.json"
FACTS: dict[str, Any] = json.loads(EXCERPT.read_text(encoding="utf-8"))
OPERATIONS: dict[str, dict[str, Any]] = FACTS["operations"]
RESOURCES: dict[str, dict[str, Any]] = FACTS["resources"]
KINDS = {
    dict: "object",
    list: "array",
    str: "string",
    bool: "boolean",
    int: "integer",
    float: "number",
    type(None): "null",
}

Shape = dict[str, Any]


def attributes(shape: Shape) -> set[str]:
    """The names of a resource's or a body's attributes."""
    inside = [path.removeprefix("attributes.") for path in shape["types"] if "attributes." in path]
    return {path for path in inside if "." not in path}


def faults(value: Any, shape: Shape) -> list[str]:
    """What the shape doesn't know, doesn't allow or misses; empty where all is well."""
    places = list(everything(value, shape))
    wrong = (fault(path, one, shape) for path, one in places if path)
    return [one for one in wrong if one] + list(missing(places, shape))


def everything(value: Any, shape: Shape, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every place in the value; an object of which nothing is known is free inside."""
    yield path, value
    if isinstance(value, dict) and (not path or has_inside(path, shape)):
        for name, inner in value.items():
            yield from everything(inner, shape, f"{path}.{name}".lstrip("."))
    if isinstance(value, list) and f"{path}[]" in shape["types"]:
        for inner in value:
            yield from everything(inner, shape, f"{path}[]")


def has_inside(path: str, shape: Shape) -> bool:
    return any(known.startswith(f"{path}.") for known in shape["types"])


def fault(path: str, value: Any, shape: Shape) -> str | None:
    types = shape["types"].get(path, "").split("|")
    choices = shape.get("choices", {}).get(path, [value])
    max_length = shape.get("max_lengths", {}).get(path)
    if types == [""]:
        return f"{path} is not known"
    if KINDS[type(value)] not in types and not (type(value) is int and "number" in types):
        return f"{path} is {KINDS[type(value)]}, not {' or '.join(types)}"
    if value is not None and value not in choices:
        return f"{path} is {value!r}, not one of {choices}"
    return f"{path} is too long" if max_length and len(value or "") > max_length else None


def missing(places: list[tuple[str, Any]], shape: Shape) -> Iterator[str]:
    """What is required of an object that is there."""
    for path, value in places:
        for required in shape["required"] if isinstance(value, dict) else []:
            around, _, name = required.rpartition(".")
            if around == path and name not in value:
                yield f"{required} is missing"
