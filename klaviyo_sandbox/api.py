"""Accounts and profiles, read and written one by one (contract 4)."""

import sqlite3
from typing import Any
from urllib.parse import urlencode

from flask import Response

from klaviyo_sandbox import accounts, journal, profile_input, profile_list, profile_view, profiles
from klaviyo_sandbox.gate import Call, handles
from klaviyo_sandbox.jsonapi import ApiError, answer, error, invalid, invalid_parameter
from klaviyo_sandbox.profiles import Profile

SHOWING = frozenset({profile_view.FIELDS_PARAMETER, profile_view.ADDITIONAL_PARAMETER, "include"})
LISTING = SHOWING | {"filter", "sort", "page[size]", "page[cursor]"}


@handles("get_accounts")
def get_accounts(call: Call) -> Response:
    """An array of exactly one (4.1)."""
    shown = [accounts.resource(_own_account(call), call.base_url)]
    links = {"self": f"{call.base_url}/api/accounts", "next": None, "prev": None}
    return answer(200, {"data": shown, "links": links})


@handles("get_account")
def get_account(call: Call) -> Response:
    if call.id != call.account:
        raise ApiError(404)
    shown = accounts.resource(_own_account(call), call.base_url)
    return answer(200, {"data": shown, "links": shown["links"]})


def _own_account(call: Call) -> accounts.Account:
    with call.sandbox.store.transaction() as db:
        account = accounts.find(db, call.account)
    if account is None:
        raise ApiError(404)
    return account


@handles("get_profiles")
def get_profiles(call: Call) -> Response:
    _check_query(call, LISTING)
    with call.sandbox.store.transaction() as db:
        page = profile_list.find(db, call.account, call.query)
    shown = [profile_view.resource(one, call.base_url, call.query) for one in page.profiles]
    return answer(200, {"data": shown, "links": _page_links(call, page.next_cursor)})


def _page_links(call: Call, next_cursor: str | None) -> dict[str, str | None]:
    address = f"{call.base_url}/api/profiles/"
    following = urlencode({**call.query, "page[cursor]": next_cursor})
    return {
        "self": f"{address}?{urlencode(call.query)}" if call.query else address,
        "next": f"{address}?{following}" if next_cursor else None,
        "prev": None,
    }


@handles("get_profile")
def get_profile(call: Call) -> Response:
    _check_query(call, SHOWING)
    with call.sandbox.store.transaction() as db:
        return _shown(call, 200, _known(db, call, call.id))


@handles("create_profile")
def create_profile(call: Call) -> Response:
    """Touches nobody else's profile: an identifier that has an owner is a conflict (4.5)."""
    wish = _wish(call)
    if wish.id is not None:
        raise invalid("A new profile has no id yet.", "/data/id")
    with call.sandbox.store.transaction() as db:
        return _shown(call, 201, _written(db, call, Profile(), wish, created=True))


@handles("update_profile")
def update_profile(call: Call) -> Response:
    wish = _wish(call)
    if wish.id != call.id:
        raise invalid("data.id must repeat the id in the path.", "/data/id")
    with call.sandbox.store.transaction() as db:
        return _shown(call, 200, _written(db, call, _known(db, call, call.id), wish))


@handles("create_or_update_profile")
def create_or_update_profile(call: Call) -> Response:
    """201 for a new one, 200 for one that was there (4.4)."""
    wish = _wish(call, also=frozenset({"_kx"}))
    with call.sandbox.store.transaction() as db:
        profile = _matched(db, call, wish)
        status = 200 if profile else 201
        written = _written(db, call, profile or Profile(), wish, created=profile is None)
        return _shown(call, status, written)


def _matched(
    db: sqlite3.Connection, call: Call, wish: profile_input.ProfileInput
) -> Profile | None:
    """The profile an import means: its id, else its email, else its other identifiers."""
    if wish.id:
        return _known(db, call, wish.id)
    identifiers = {name: wish.attributes.get(name) for name in profiles.IDENTIFIERS}
    if identifiers["email"] and not call.sandbox.settings().import_matches_phone:
        # Sent with an email, a phone number is a detail that may conflict, not a key.
        identifiers["phone_number"] = None
    for name, value in identifiers.items():
        if value and (owner := profiles.by_identifier(db, call.account, name, value)):
            return owner
    return None


def _wish(call: Call, also: frozenset[str] = frozenset()) -> profile_input.ProfileInput:
    refused = call.sandbox.settings().refused_phone_prefixes
    return profile_input.parse(call.body, refused, also=also)


def _known(db: sqlite3.Connection, call: Call, profile_id: str) -> Profile:
    merged_s = call.sandbox.settings().merged_ids_resolve_s
    profile = profiles.find(db, call.account, profile_id, merged_s)
    if profile is None:
        raise ApiError(404, error(404, f"A profile with id {profile_id} does not exist."))
    return profile


def _written(
    db: sqlite3.Connection,
    call: Call,
    profile: Profile,
    wish: profile_input.ProfileInput,
    *,
    created: bool = False,
) -> Profile:
    """The profile after the write; refuses what would make two people one."""
    other = profiles.in_the_way(db, call.account, wish.attributes, but=profile.id)
    if other is not None:
        raise _conflict(call, other)
    profile.take(wish.attributes, wish.unset)
    if not profile.is_anybody:
        raise invalid("One or more identifiers is required.", "/data/attributes")
    profiles.save(db, call.account, profile)
    applied: dict[str, Any] = {"attributes": wish.attributes}
    if wish.unset:
        applied["unset"] = wish.unset
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


def _conflict(call: Call, other: Profile) -> ApiError:
    status = call.sandbox.settings().duplicate_status
    if status == 404:
        return ApiError(404)
    meta = {"duplicate_profile_id": other.id}
    return ApiError(409, error(409, pointer="/data/attributes", meta=meta))


def _shown(call: Call, status: int, profile: Profile) -> Response:
    shown = profile_view.resource(profile, call.base_url, call.query)
    return answer(status, {"data": shown, "links": shown["links"]})


def _check_query(call: Call, known: frozenset[str]) -> None:
    unknown = sorted(set(call.query) - known)
    if unknown:
        raise invalid_parameter(f"'{unknown[0]}' is not a valid parameter.", unknown[0])
