"""Suppression in batches, and merging: what Klaviyo does in the background (contract 4.7, 7).

The sandbox does it at once; its answers read as live ones do, which tell nothing of the outcome.
"""

import json
import sqlite3
import time
from typing import Any

from flask import Response

from klaviyo_sandbox import journal, profiles
from klaviyo_sandbox.clock import iso_now, new_id
from klaviyo_sandbox.gate import Call, handles
from klaviyo_sandbox.jsonapi import ApiError, answer, error, invalid
from klaviyo_sandbox.profile_input import BAD_EMAIL, is_email
from klaviyo_sandbox.profiles import Profile

LARGEST_BATCH = 100
PEOPLE = "/data/attributes/profiles/data"


@handles("bulk_suppress_profiles")
def bulk_suppress_profiles(call: Call) -> Response:
    """Suppress up to 100 addresses; unknown ones get a profile, suppressed at once (7.1)."""
    emails = _addresses(call, "profile-suppression-bulk-create-job")
    with call.sandbox.store.transaction() as db:
        changed = sum(_suppress(db, call, email) for email in emails)
        return _job(db, call, "profile-suppression-bulk-create-job", len(emails), changed)


def _suppress(db: sqlite3.Connection, call: Call, email: str) -> bool:
    known = profiles.by_identifier(db, call.account, "email", email)
    profile = known or Profile(email=profiles.email_key(email))
    changed = profile.suppress()
    profiles.save(db, call.account, profile)
    journal.record(
        db,
        call.actor,
        call.operation,
        profile.id,
        email=profile.email,
        created=known is None,
        attributes={"suppression": "USER_SUPPRESSED"},
    )
    return changed


@handles("bulk_unsuppress_profiles")
def bulk_unsuppress_profiles(call: Call) -> Response:
    """Lift what a user suppressed; bounces and withdrawals stay (7.2)."""
    emails = _addresses(call, "profile-suppression-bulk-delete-job")
    with call.sandbox.store.transaction() as db:
        changed = sum(_unsuppress(db, call, email) for email in emails)
        return _job(db, call, "profile-suppression-bulk-delete-job", len(emails), changed)


def _unsuppress(db: sqlite3.Connection, call: Call, email: str) -> bool:
    profile = profiles.by_identifier(db, call.account, "email", email)
    if profile is None or not profile.lift_suppression():
        return False
    profiles.save(db, call.account, profile)
    lifted = {"suppression": None}
    journal.record(
        db, call.actor, call.operation, profile.id, email=profile.email, attributes=lifted
    )
    return True


def _addresses(call: Call, kind: str) -> list[str]:
    """The batch's addresses; one that is none refuses the whole batch."""
    data = call.body["data"]
    if data.get("type") != kind:
        raise invalid(f"type must be '{kind}'.", "/data/type")
    try:
        people = data["attributes"]["profiles"]["data"]
        emails = [one["attributes"]["email"] for one in people]
    except (KeyError, TypeError) as missing:
        raise invalid("Name the profiles by their email.", PEOPLE) from missing
    if not 1 <= len(emails) <= LARGEST_BATCH:
        raise invalid(f"Between 1 and {LARGEST_BATCH} profiles are allowed.", PEOPLE)
    problems = [
        error(400, BAD_EMAIL, pointer=f"{PEOPLE}/{place}/attributes/email")
        for place, email in enumerate(emails)
        if not (isinstance(email, str) and is_email(email))
    ]
    if problems:
        raise ApiError(400, *problems)
    return emails


def _job(db: sqlite3.Connection, call: Call, kind: str, total: int, changed: int) -> Response:
    now = iso_now()
    attributes = {
        "status": "complete",
        "created_at": now,
        "total_count": total,
        "completed_count": changed,
        "skipped_count": total - changed,
        "completed_at": now,
    }
    job_id = new_id()
    db.execute(
        "INSERT INTO jobs VALUES (?, ?, ?, ?)",
        (call.account, job_id, kind, json.dumps(attributes)),
    )
    unread = {"total_count": 0, "completed_count": 0, "skipped_count": 0, "completed_at": None}
    first = {**attributes, **unread, "status": "processing"}
    return answer(202, _job_document(call, kind, job_id, first))


@handles("get_bulk_suppress_profiles_job")
def get_bulk_suppress_profiles_job(call: Call) -> Response:
    return _present_job(call, "profile-suppression-bulk-create-job")


@handles("get_bulk_unsuppress_profiles_job")
def get_bulk_unsuppress_profiles_job(call: Call) -> Response:
    return _present_job(call, "profile-suppression-bulk-delete-job")


def _present_job(call: Call, kind: str) -> Response:
    with call.sandbox.store.transaction() as db:
        row = db.execute(
            "SELECT attributes FROM jobs WHERE account = ? AND id = ? AND kind = ?",
            (call.account, call.id, kind),
        ).fetchone()
    if row is None:
        raise ApiError(404)
    return answer(200, _job_document(call, kind, call.id, json.loads(row["attributes"])))


def _job_document(call: Call, kind: str, job_id: str, attributes: dict[str, Any]) -> dict[str, Any]:
    links = {"self": f"{call.base_url}/api/{kind}s/{job_id}/"}
    job = {"type": kind, "id": job_id, "attributes": attributes, "relationships": {}}
    return {"data": {**job, "links": links}, "links": links}


@handles("merge_profiles")
def merge_profiles(call: Call) -> Response:
    """The source goes into the destination and is gone (4.7)."""
    destination_id, source_id = _merge_pair(call.body["data"])
    merged_s = call.sandbox.settings().merged_ids_resolve_s
    with call.sandbox.store.transaction() as db:
        destination = profiles.find(db, call.account, destination_id, merged_s)
        source = profiles.find(db, call.account, source_id, merged_s)
        if destination is None or source is None:
            raise ApiError(404)
        if destination.id == source.id:
            raise invalid("A profile can't be merged into itself.")
        _merge(db, call, destination, source)
    return answer(202, {"data": {"type": "profile-merge", "id": destination.id}})


def _merge_pair(data: dict[str, Any]) -> tuple[str, str]:
    if data.get("type") != "profile-merge":
        raise invalid("type must be 'profile-merge'.", "/data/type")
    try:
        (source,) = data["relationships"]["profiles"]["data"]
        return str(data["id"]), str(source["id"])
    except (KeyError, TypeError, ValueError) as missing:
        detail = "Name the destination and exactly one source."
        raise invalid(detail, "/data/relationships/profiles/data") from missing


def _merge(db: sqlite3.Connection, call: Call, destination: Profile, source: Profile) -> None:
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
