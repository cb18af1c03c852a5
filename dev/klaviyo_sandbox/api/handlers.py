"""Accounts and profiles, read and written one by one (contract, section 4)."""

import sqlite3
from typing import Any
from urllib.parse import urlencode

from flask import Response

from dev.klaviyo_sandbox import journal
from dev.klaviyo_sandbox.api import accounts, profile_input, profile_list, profile_view, profiles
from dev.klaviyo_sandbox.api.jsonapi import ApiError, answer, error, invalid, invalid_parameter
from dev.klaviyo_sandbox.api.pipeline import Call, handles
from dev.klaviyo_sandbox.api.profiles import Profile

SHOWING = frozenset({profile_view.FIELDS_PARAMETER, profile_view.ADDITIONAL_PARAMETER, "include"})
LISTING = SHOWING | {"filter", "sort", "page[size]", "page[cursor]"}


@handles("get_accounts")
def get_accounts(call: Call) -> Response:
    """The caller's own account, as an array of one (contract, section 4.1)."""
    shown = [accounts.resource(own_account(call), call.base_url)]
    links = {"self": f"{call.base_url}/api/accounts", "next": None, "prev": None}
    return answer(200, {"data": shown, "links": links})


def own_account(call: Call) -> accounts.Account:
    with call.sandbox.store.transaction() as db:
        account = accounts.find(db, call.account)
    if account is None:
        raise ApiError(404)
    return account


@handles("get_profiles")
def get_profiles(call: Call) -> Response:
    check_query(call, LISTING)
    with call.sandbox.store.transaction() as db:
        page = profile_list.find(db, call.account, call.query)
    shown = [profile_view.resource(one, call.base_url, call.query) for one in page.profiles]
    return answer(200, {"data": shown, "links": page_links(call, page.next_cursor)})


def page_links(call: Call, next_cursor: str | None) -> dict[str, str | None]:
    address = f"{call.base_url}/api/profiles/"
    following = urlencode({**call.query, "page[cursor]": next_cursor})
    return {
        "self": f"{address}?{urlencode(call.query)}" if call.query else address,
        "next": f"{address}?{following}" if next_cursor else None,
        "prev": None,
    }


@handles("get_profile")
def get_profile(call: Call) -> Response:
    check_query(call, SHOWING)
    with call.sandbox.store.transaction() as db:
        return as_answer(call, 200, known_profile(db, call, call.id))


@handles("create_profile")
def create_profile(call: Call) -> Response:
    """201; 409 for an identifier that another profile owns (contract, section 4.5)."""
    wanted = input_of(call)
    if wanted.id is not None:
        raise invalid("A new profile has no id yet.", "/data/id")
    with call.sandbox.store.transaction() as db:
        return as_answer(call, 201, write(db, call, Profile(), wanted, created=True))


@handles("update_profile")
def update_profile(call: Call) -> Response:
    wanted = input_of(call)
    if wanted.id != call.id:
        raise invalid("data.id must repeat the id in the path.", "/data/id")
    with call.sandbox.store.transaction() as db:
        return as_answer(call, 200, write(db, call, known_profile(db, call, call.id), wanted))


def input_of(call: Call) -> profile_input.ProfileInput:
    return profile_input.parse(call.body, call.sandbox.settings().refused_phone_prefixes)


def known_profile(db: sqlite3.Connection, call: Call, profile_id: str) -> Profile:
    merged_s = call.sandbox.settings().merged_ids_resolve_s
    profile = profiles.find(db, call.account, profile_id, merged_s)
    if profile is None:
        raise ApiError(404, error(404, f"A profile with id {profile_id} does not exist."))
    return profile


def write(
    db: sqlite3.Connection,
    call: Call,
    profile: Profile,
    wanted: profile_input.ProfileInput,
    *,
    created: bool = False,
) -> Profile:
    """The profile after the write; refuses what would make two people one."""
    other = profiles.in_the_way(db, call.account, wanted.attributes, but=profile.id)
    if other is not None:
        raise conflict(call, other)
    profile.take(wanted.attributes, wanted.unset)
    if not profile.is_anybody:
        raise invalid("One or more identifiers is required.", "/data/attributes")
    profiles.save(db, call.account, profile)
    applied: dict[str, Any] = {"attributes": wanted.attributes}
    if wanted.unset:
        applied["unset"] = wanted.unset
    journal.record(
        db,
        call.actor,
        call.operation,
        profile.id,
        email=profile.email,
        created=created,
        **applied,
    )
    return profile


def conflict(call: Call, other: Profile) -> ApiError:
    status = call.sandbox.settings().duplicate_status
    if status == 404:
        return ApiError(404)
    meta = {"duplicate_profile_id": other.id}
    return ApiError(409, error(409, pointer="/data/attributes", meta=meta))


def as_answer(call: Call, status: int, profile: Profile) -> Response:
    shown = profile_view.resource(profile, call.base_url, call.query)
    return answer(status, {"data": shown, "links": shown["links"]})


def check_query(call: Call, known: frozenset[str]) -> None:
    unknown = sorted(set(call.query) - known)
    if unknown:
        raise invalid_parameter(f"'{unknown[0]}' is not a valid parameter.", unknown[0])
