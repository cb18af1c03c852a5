"""Two profiles made one; Klaviyo does it in the background (contract, section 4.7)."""

import sqlite3
import time
from typing import Any

from flask import Response

from dev.klaviyo_sandbox import journal
from dev.klaviyo_sandbox.api import profiles
from dev.klaviyo_sandbox.api.jsonapi import ApiError, answer, invalid
from dev.klaviyo_sandbox.api.pipeline import Call, handles
from dev.klaviyo_sandbox.api.profiles import Profile


@handles("merge_profiles")
def merge_profiles(call: Call) -> Response:
    """The source goes into the destination and is gone."""
    destination_id, source_id = merge_pair(call.body["data"])
    merged_s = call.sandbox.settings().merged_ids_resolve_s
    with call.sandbox.store.transaction() as db:
        destination = profiles.find(db, call.account, destination_id, merged_s)
        source = profiles.find(db, call.account, source_id, merged_s)
        if destination is None or source is None:
            raise ApiError(404)
        if destination.id == source.id:
            raise invalid("A profile can't be merged into itself.")
        merge(db, call, destination, source)
    return answer(202, {"data": {"type": "profile-merge", "id": destination.id}})


def merge_pair(data: dict[str, Any]) -> tuple[str, str]:
    if data.get("type") != "profile-merge":
        raise invalid("type must be 'profile-merge'.", "/data/type")
    try:
        (source,) = data["relationships"]["profiles"]["data"]
        return str(data["id"]), str(source["id"])
    except (KeyError, TypeError, ValueError) as missing:
        detail = "Name the destination and exactly one source."
        raise invalid(detail, "/data/relationships/profiles/data") from missing


def merge(db: sqlite3.Connection, call: Call, destination: Profile, source: Profile) -> None:
    """The destination keeps what it has and takes what it lacks."""
    profiles.delete(db, call.account, source.id)
    db.execute(
        "UPDATE merged SET into_id = ? WHERE account = ? AND into_id = ?",
        (destination.id, call.account, source.id),
    )
    db.execute(
        "REPLACE INTO merged VALUES (?, ?, ?, ?)",
        (call.account, source.id, destination.id, time.time()),
    )
    for name in profiles.IDENTIFIERS:
        setattr(destination, name, getattr(destination, name) or getattr(source, name))
    properties = {
        **(source.details.get("properties") or {}),
        **(destination.details.get("properties") or {}),
    }
    destination.details = {**source.details, **destination.details, "properties": properties}
    for suppression in source.suppressions:
        destination.suppress(suppression["reason"])
    profiles.save(db, call.account, destination)
    journal.record(
        db,
        call.actor,
        call.operation,
        destination.id,
        email=destination.email,
        source=source.id,
    )
