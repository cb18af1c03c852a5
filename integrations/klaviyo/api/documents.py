"""JSON:API documents: what Klaviyo is asked, and what it says of accounts and profiles."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from json import dumps
from typing import Any, Self

from integrations.klaviyo.api.errors import OutcomeUnknownError
from integrations.klaviyo.contract import SOURCE_TAG, Operation

SEPARATORS = (",", ":")  # of a filter's list

Attributes = dict[str, Any]


@dataclass(frozen=True)
class Account:
    id: str
    name: str


@dataclass(frozen=True)
class Profile:
    id: str
    email: str = field(repr=False)  # as spelt at Klaviyo


@dataclass(frozen=True)
class Request:
    """One request, ready to leave."""

    operation: Operation
    params: Mapping[str, str] | None = None
    json: Any = None
    path: Mapping[str, str] = field(default_factory=dict)

    @classmethod
    def create_profile(cls, attributes: Attributes) -> Self:
        """A new profile; touches no other (`ConflictError` if an identifier is taken)."""
        body = {"data": {"type": "profile", "attributes": attributes}}
        return cls(Operation.CREATE_PROFILE, json=body)

    @classmethod
    def update_profile(cls, profile_id: str, attributes: Attributes) -> Self:
        body = {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}
        return cls(Operation.UPDATE_PROFILE, json=body, path={"id": profile_id})

    @classmethod
    def find_profiles(cls, key: str, wanted: Sequence[str], fields: str = "email") -> Self:
        listed = dumps(list(wanted), ensure_ascii=False, separators=SEPARATORS)
        params = {"filter": f"any({key},{listed})", "fields[profile]": fields, "page[size]": "100"}
        return cls(Operation.GET_PROFILES, params=params)


def read_account(document: Any) -> Account:
    item = next(iter(items_of(document)), None)
    if item is None:
        raise OutcomeUnknownError("no account in the answer")
    contact = item.get("attributes", {}).get("contact_information") or {}
    return Account(id=id_of(item), name=str(contact.get("organization_name") or id_of(item)))


def items_of(document: Any) -> list[dict[str, Any]]:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise OutcomeUnknownError("the answer has no list of data")
    return data


def item_of(document: Any) -> dict[str, Any]:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise OutcomeUnknownError("the answer has no data")
    return data


def as_profile(item: dict[str, Any]) -> Profile:
    attributes = item.get("attributes") or {}
    return Profile(id=id_of(item), email=str(attributes.get("email") or ""))


def is_tagged(item: dict[str, Any]) -> bool:
    name, value = SOURCE_TAG
    properties = (item.get("attributes") or {}).get("properties")
    return isinstance(properties, dict) and properties.get(name) == value


def id_of(item: dict[str, Any]) -> str:
    profile_id = item.get("id")
    if not isinstance(profile_id, str) or not profile_id:
        raise OutcomeUnknownError("the answer has no id")
    return profile_id
