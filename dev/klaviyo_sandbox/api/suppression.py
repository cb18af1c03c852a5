"""Suppression in batches (contract, section 7).

Klaviyo does it in the background, the sandbox at once; the answer reads as live ones do, which
tell nothing of the outcome.
"""

import sqlite3
from typing import Any

from flask import Response

from dev.klaviyo_sandbox import journal
from dev.klaviyo_sandbox.api import profiles
from dev.klaviyo_sandbox.api.jsonapi import ApiError, answer, error, invalid
from dev.klaviyo_sandbox.api.pipeline import Call, handles
from dev.klaviyo_sandbox.api.profile_input import BAD_EMAIL, is_email
from dev.klaviyo_sandbox.api.profiles import Profile
from dev.klaviyo_sandbox.clock import iso_now, new_id

JOB = "profile-suppression-bulk-create-job"
LARGEST_BATCH = 100
PEOPLE = "/data/attributes/profiles/data"


@handles("bulk_suppress_profiles")
def bulk_suppress_profiles(call: Call) -> Response:
    """Suppress up to 100 addresses; unknown ones get a profile."""
    emails = addresses(call.body["data"])
    with call.sandbox.store.transaction() as db:
        for email in emails:
            suppress(db, call, email)
    return answer(202, processing(call))


def addresses(data: dict[str, Any]) -> list[str]:
    """The batch's addresses; one that is none refuses the whole batch."""
    if data.get("type") != JOB:
        raise invalid(f"type must be '{JOB}'.", "/data/type")
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


def suppress(db: sqlite3.Connection, call: Call, email: str) -> None:
    known = profiles.by_identifier(db, call.account, "email", email)
    profile = known or Profile(email=profiles.email_key(email))
    profile.suppress()
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


def processing(call: Call) -> dict[str, Any]:
    """The job as its first answer shows it."""
    job_id = new_id()
    links = {"self": f"{call.base_url}/api/{JOB}s/{job_id}/"}
    attributes = {
        "status": "processing",
        "created_at": iso_now(),
        "total_count": 0,
        "completed_count": 0,
        "skipped_count": 0,
        "completed_at": None,
    }
    job = {"type": JOB, "id": job_id, "attributes": attributes, "relationships": {}}
    return {"data": {**job, "links": links}, "links": links}
