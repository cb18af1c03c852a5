"""A client as Klaviyo's profile: five things and no more. Pure."""

from collections.abc import Collection
from typing import Any

from clients.models import Client
from integrations.klaviyo.contract import PROFILE_FIELDS, SOURCE_TAG


def attributes(
    client: Client,
    *,
    address: str | None,
    sent_before: Collection[str],
    with_phone: bool = True,
) -> dict[str, Any]:
    """The attributes to write; without `address` the profile keeps the one it has.

    A blank is omitted, so that what others set there stays; one that may have been sent before is
    cleared with `null`. The email is never cleared.
    """
    document: dict[str, Any] = {"email": address} if address else {}
    for theirs, ours in PROFILE_FIELDS.items():
        value = getattr(client, ours) if theirs != "phone_number" or with_phone else ""
        if value:
            document[theirs] = value
        elif theirs in sent_before:
            document[theirs] = None
    document["properties"] = dict([SOURCE_TAG])
    return document


def fields_with_values(document: dict[str, Any]) -> list[str]:
    """Which optional fields this document carries, to be remembered before it leaves."""
    return [theirs for theirs in PROFILE_FIELDS if document.get(theirs) is not None]
