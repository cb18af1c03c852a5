"""The schemas of an OpenAPI document as flat lists of fields, and these as bare facts."""

from collections.abc import Iterator
from typing import Any, NamedTuple

Json = dict[str, Any]


class Field(NamedTuple):
    """One place in a JSON object; `path` has dots between names and `[]` for a list's items."""

    path: str
    types: frozenset[str]
    required: bool  # wherever the object around it is there
    choices: frozenset[str]
    max_length: int | None


def fields(
    document: Json, schema: Json, path: str = "", *, required: bool = False
) -> Iterator[Field]:
    """The field at this path and all beneath it; one described in parts comes once for each.

    Beneath a choice of kinds (`oneOf`) nothing is said.
    """
    schema = resolved(document, schema)
    for part in schema.get("allOf", []):
        yield from fields(document, part, path, required=required)
    for part in schema.get("oneOf", []):
        yield field_at(path, {**schema, **resolved(document, part)}, required)
    if "type" in schema or "properties" in schema:
        yield field_at(path, schema, required)
    for name, inner in schema.get("properties", {}).items():
        is_required = name in schema.get("required", [])
        yield from fields(document, inner, f"{path}.{name}".lstrip("."), required=is_required)
    if "items" in schema:
        yield from fields(document, schema["items"], f"{path}[]")


def resolved(document: Json, schema: Json) -> Json:
    """The schema behind a reference; what is said beside the reference holds as well."""
    if "$ref" not in schema:
        return schema
    target: Any = document
    for name in schema["$ref"].removeprefix("#/").split("/"):
        target = target[name]
    beside = {name: value for name, value in schema.items() if name != "$ref"}
    return {**resolved(document, target), **beside}


def field_at(path: str, schema: Json, required: bool) -> Field:
    types = {schema.get("type", "object"), *(["null"] if schema.get("nullable") else [])}
    choices = frozenset(str(choice) for choice in schema.get("enum", []))
    return Field(path, frozenset(types), required, choices, schema.get("maxLength"))


def shape(*descriptions: list[Field]) -> Json:
    """One or more descriptions of an object as one: whatever any allows, what all require."""
    found = [field for description in descriptions for field in description if field.path]
    paths = sorted({field.path for field in found})
    choices = {path: sorted(choices_at(found, path)) for path in paths}
    facts: Json = {
        "types": {path: "|".join(sorted(types_at(found, path))) for path in paths},
        "required": [path for path in paths if is_required(descriptions, path)],
        "choices": {path: some for path, some in choices.items() if some},
        "max_lengths": {field.path: field.max_length for field in found if field.max_length},
    }
    return {name: value for name, value in facts.items() if value or name == "required"}


def types_at(found: list[Field], path: str) -> set[str]:
    return {name for field in found if field.path == path for name in field.types}


def choices_at(found: list[Field], path: str) -> set[str]:
    return {choice for field in found if field.path == path for choice in field.choices}


def is_required(descriptions: tuple[list[Field], ...], path: str) -> bool:
    """By every description that knows the object around it."""
    around = path.rpartition(".")[0]
    knowing = [one for one in descriptions if any(field.path == around for field in one)]
    return all(any(f.path == path and f.required for f in one) for one in knowing)
