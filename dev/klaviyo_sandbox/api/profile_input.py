"""What may be written to a profile, and what is said of what may not (contract, section 5)."""

import re
from dataclasses import dataclass
from typing import Any

from flask import request

from dev.klaviyo_sandbox.api.jsonapi import ApiError, error, invalid
from dev.klaviyo_sandbox.api.profiles import email_key

TEXTS = frozenset(
    [
        "email",
        "phone_number",
        "external_id",
        "first_name",
        "last_name",
        "organization",
        "title",
        "locale",
        "image",
    ]
)
LOCATION = frozenset(
    [
        "address1",
        "address2",
        "city",
        "country",
        "region",
        "zip",
        "timezone",
        "ip",
        "latitude",
        "longitude",
    ]
)
EMAIL = re.compile(r"[^\s@,;:<>()\[\]\"\\]+@(?:[\w](?:[\w-]*[\w])?\.)+[\w-]{2,}")
E164 = re.compile(r"\+[1-9]\d{6,14}")
LONGEST_EMAIL = 100
LARGEST_PROFILE_BYTES = 100_000
BAD_EMAIL = "Invalid email address"
BAD_PHONE = "Invalid phone number format (Example of a valid format: +12345678901)"
ATTRIBUTES = "/data/attributes"


@dataclass(frozen=True)
class ProfileInput:
    """A write that is in order."""

    id: str | None
    attributes: dict[str, Any]
    unset: list[str]


def parse(document: dict[str, Any], refused_prefixes: list[str]) -> ProfileInput:
    """The write in a request's body; raises every fault it finds, in one answer."""
    if len(request.get_data()) > LARGEST_PROFILE_BYTES:
        raise ApiError(413)
    data = document["data"]
    if data.get("type") != "profile":
        raise invalid("type must be 'profile'.", "/data/type")
    attributes = data.get("attributes", {})
    if not isinstance(attributes, dict):
        raise invalid("attributes must be an object.", ATTRIBUTES)
    problems = [
        error(400, problem, pointer=f"{ATTRIBUTES}/{name}")
        for name, value in attributes.items()
        if (problem := problem_with(name, value, refused_prefixes))
    ]
    if problems:
        raise ApiError(400, *problems)
    kept = {name: cleaned(name, value) for name, value in attributes.items()}
    return ProfileInput(data.get("id"), kept, unset_paths(data))


def is_email(value: str) -> bool:
    address = value.strip()
    return len(address) <= LONGEST_EMAIL and bool(EMAIL.fullmatch(address))


def problem_with(name: str, value: object, refused_prefixes: list[str]) -> str | None:
    if name in ("properties", "location"):
        return problem_of_object(name, value)
    if name not in TEXTS:
        return f"'{name}' is not a valid field for the resource 'profile'."
    if value is None:
        return None
    if not isinstance(value, str):
        return f"{name} must be a string."
    if name == "email" and not is_email(value):
        return BAD_EMAIL
    if name == "phone_number" and not is_phone(value, refused_prefixes):
        return BAD_PHONE
    return None


def problem_of_object(name: str, value: object) -> str | None:
    if value is None and name == "properties":
        return None
    if not isinstance(value, dict):
        return f"{name} must be an object."
    unknown = set(value) - LOCATION if name == "location" else set()
    return f"location has no {sorted(unknown)[0]}." if unknown else None


def is_phone(value: str, refused_prefixes: list[str]) -> bool:
    return bool(E164.fullmatch(value)) and not value.startswith(tuple(refused_prefixes))


def cleaned(name: str, value: Any) -> Any:
    """The value as stored: addresses trimmed and lower-cased, an empty identifier as none.

    Contract, section 6.
    """
    if name == "email" and value is not None:
        return email_key(value)
    return None if name == "external_id" and value == "" else value


def unset_paths(data: dict[str, Any]) -> list[str]:
    patch = (data.get("meta") or {}).get("patch_properties") or {}
    if set(patch) - {"unset"}:
        raise invalid("The sandbox offers only unset.", "/data/meta/patch_properties")
    keys = patch.get("unset") or []
    return [keys] if isinstance(keys, str) else list(keys)
