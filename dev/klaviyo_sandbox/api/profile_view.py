"""A profile as shown, with sparse and additional fields (contract, sections 3.2 and 4.3)."""

from typing import Any

from dev.klaviyo_sandbox.api.jsonapi import invalid_parameter
from dev.klaviyo_sandbox.api.profile_input import LOCATION
from dev.klaviyo_sandbox.api.profiles import Profile

PLAIN = ["first_name", "last_name", "organization", "locale", "title", "image"]
RELATED = ("lists", "segments", "push-tokens", "conversations")
ADDITIONAL = frozenset({"subscriptions", "predictive_analytics"})
FIELDS_PARAMETER = "fields[profile]"
ADDITIONAL_PARAMETER = "additional-fields[profile]"


def resource(profile: Profile, base_url: str, query: dict[str, str]) -> dict[str, Any]:
    """The profile as JSON:API, with the fields that the query asks for."""
    attributes = attributes_of(profile)
    additional = names(query.get(ADDITIONAL_PARAMETER))
    if unknown := additional - ADDITIONAL:
        detail = f"'{sorted(unknown)[0]}' is not an additional field of profile."
        raise invalid_parameter(detail, ADDITIONAL_PARAMETER)
    if "subscriptions" in additional:
        attributes["subscriptions"] = subscriptions(profile)
    if "predictive_analytics" in additional:
        attributes["predictive_analytics"] = None
    address = f"{base_url}/api/profiles/{profile.id}"
    shown: dict[str, Any] = {"type": "profile", "id": profile.id, "attributes": attributes}
    if FIELDS_PARAMETER in query:
        shown["attributes"] = sparse(attributes, names(query[FIELDS_PARAMETER]))
    else:
        shown["relationships"] = {name: {"links": links(address, name)} for name in RELATED}
    return {**shown, "links": {"self": f"{address}/"}}


def attributes_of(profile: Profile) -> dict[str, Any]:
    location = profile.details.get("location") or {}
    return {
        "email": profile.email,
        "phone_number": profile.phone_number,
        "external_id": profile.external_id,
        "anonymous_id": None,
        **{name: profile.details.get(name) for name in PLAIN},
        "created": profile.created,
        "updated": profile.updated,
        "last_event_date": None,
        "location": {name: location.get(name) for name in sorted(LOCATION)},
        "properties": profile.details.get("properties") or {},
    }


def subscriptions(profile: Profile) -> dict[str, Any]:
    """A profile's consent: never subscribed; may be emailed if it has no suppression.

    Contract, section 0.
    """
    email = {
        "can_receive_email_marketing": bool(profile.email) and not profile.suppressions,
        "consent": "NEVER_SUBSCRIBED",
        "consent_timestamp": None,
        "last_updated": None,
        "method": None,
        "method_detail": "",
        "custom_method_detail": None,
        "double_optin": None,
        "suppression": profile.suppressions,
        "list_suppressions": [],
    }
    sms = {"can_receive_sms_marketing": False, "consent": "NEVER_SUBSCRIBED"}
    return {"email": {"marketing": email}, "sms": {"marketing": sms}}


def links(address: str, name: str) -> dict[str, str]:
    return {
        "self": f"{address}/relationships/{name}/",
        "related": f"{address}/{name}/",
    }


def names(listed: str | None) -> frozenset[str]:
    return frozenset(name.strip() for name in (listed or "").split(",") if name.strip())


def sparse(attributes: dict[str, Any], wanted: frozenset[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for name in sorted(wanted):
        outer, _, inner = name.partition(".")
        if outer not in attributes:
            detail = f"'{name}' is not a valid field for the resource 'profile'."
            raise invalid_parameter(detail, FIELDS_PARAMETER)
        if inner:
            kept.setdefault(outer, {})[inner] = (attributes[outer] or {}).get(inner)
        else:
            kept[outer] = attributes[outer]
    return kept
