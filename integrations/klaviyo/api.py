"""Klaviyo's API: one method per operation. Scopes, limits and paths stand in `operations`.

Each method takes `depart`, called right before the request leaves: it re-reads connection, lease
and consent, writes down what the request may expose, and raises `Cancelled` where the request
must not go any more.
"""

import logging
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from json import dumps
from typing import Any

from django.conf import settings

from integrations.klaviyo import answers, budgets, http, tokens
from integrations.klaviyo.answers import (
    Conflict,
    Forbidden,
    NotFound,
    NotSent,
    Rejected,
    Throttled,
    Trouble,
    Unauthorized,
    Unknown,
)
from integrations.klaviyo.models import Connection
from integrations.klaviyo.operations import OPERATIONS, REVISION, Operation
from integrations.klaviyo.tokens import AccessToken

logger = logging.getLogger(__name__)

MEDIA_TYPE = "application/vnd.api+json"
SEPARATORS = (",", ":")  # of a filter's list

Attributes = dict[str, Any]
Depart = Callable[[], None]


class Cancelled(Trouble):
    """The request must not go any more: fenced, opted out, or somebody else's by now."""


@dataclass(frozen=True)
class Account:
    id: str
    name: str


@dataclass(frozen=True)
class Profile:
    id: str
    email: str = field(repr=False)  # as spelt at Klaviyo


class Klaviyo:
    """One connection's way to Klaviyo, on its budget and its tokens."""

    def __init__(self, connection: Connection, *, backfill: bool = False) -> None:
        self.connection = connection
        self.backfill = backfill

    def get_account(self, depart: Depart) -> Account:
        return read_account(self._call(Operation.GET_ACCOUNTS, depart))

    def find_profiles(self, addresses: Sequence[str], depart: Depart) -> list[Profile]:
        """The profiles that hold any of these addresses, however spelt; at most 100."""
        return self._profiles("email", addresses, depart)

    def has_profile(self, profile_id: str, depart: Depart) -> bool:
        return bool(self._profiles("id", [profile_id], depart))

    def create_profile(self, attributes: Attributes, depart: Depart) -> Profile:
        """A new profile; touches nobody else's (`Conflict` where an identifier is taken)."""
        body = {"data": {"type": "profile", "attributes": attributes}}
        return _profile(_item(self._call(Operation.CREATE_PROFILE, depart, json=body)))

    def update_profile(self, profile_id: str, attributes: Attributes, depart: Depart) -> Profile:
        body = {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}
        document = self._call(Operation.UPDATE_PROFILE, depart, json=body, id=profile_id)
        return _profile(_item(document))

    def suppress(self, addresses: Iterable[str], depart: Depart) -> None:
        """No marketing email to these, at most 100: accepted when this returns, carried out later.

        Creates a profile for an address that Klaviyo doesn't know: hand in known ones only.
        """
        profiles = [{"type": "profile", "attributes": {"email": a}} for a in addresses]
        attributes = {"profiles": {"data": profiles}}
        kind = "profile-suppression-bulk-create-job"
        body = {"data": {"type": kind, "attributes": attributes}}
        self._call(Operation.SUPPRESS, depart, json=body)

    def _profiles(self, key: str, wanted: Sequence[str], depart: Depart) -> list[Profile]:
        listed = dumps(list(wanted), ensure_ascii=False, separators=SEPARATORS)
        params = {
            "filter": f"any({key},{listed})",
            "fields[profile]": "email",
            "page[size]": "100",
        }
        document = self._call(Operation.GET_PROFILES, depart, params=params)
        return [_profile(item) for item in _items(document)]

    def _call(
        self,
        operation: Operation,
        depart: Depart,
        *,
        params: dict[str, str] | None = None,
        json: Any = None,
        **path: str,
    ) -> Any:
        """Pay, depart, send, sort the answer; a refused access token is renewed, unless it is so
        fresh that its age can't be why."""
        budgets.pay(self.connection, operation, backfill=self.backfill)
        token = tokens.access_token(self.connection)
        try:
            return self._send(operation, token, depart, params, json, path)
        except Unauthorized:
            tokens.reject(self.connection, token)
            if token.is_fresh:
                raise
            token = tokens.access_token(self.connection)
            return self._send(operation, token, depart, params, json, path)

    def _send(
        self,
        operation: Operation,
        token: AccessToken,
        depart: Depart,
        params: dict[str, str] | None,
        json: Any,
        path: dict[str, str],
    ) -> Any:
        depart()
        try:
            answer = request(operation, token.text, params=params, json=json, path=path)
            token.accepted |= answer.status != 401
            return self._read(operation, answer)
        except Throttled as error:
            wait_s = budgets.throttled(self.connection, operation, error.wait_s)
            raise Throttled(wait_s) from error
        except (Unknown, NotSent):
            budgets.failed(self.connection, operation)
            raise

    def _read(self, operation: Operation, answer: http.Answer) -> Any:
        try:
            document = answers.read(answer)
        except (Conflict, Forbidden, NotFound, Rejected):  # answers all the same
            budgets.answered(self.connection, operation, answer.headers)
            raise
        budgets.answered(self.connection, operation, answer.headers)
        return document


def request(
    operation: Operation,
    access_token: str,
    *,
    params: dict[str, str] | None = None,
    json: Any = None,
    path: dict[str, str] | None = None,
) -> http.Answer:
    """One request to Klaviyo's API; raises `Unknown` or `NotSent` where no answer came."""
    facts = OPERATIONS[operation]
    headers = {
        "Authorization": f"Bearer {access_token}",
        "revision": REVISION,
        "Accept": MEDIA_TYPE,
    }
    if json is not None:
        headers["Content-Type"] = MEDIA_TYPE
    url = settings.KLAVIYO_API_URL + facts.path.format(**path or {})
    try:
        return http.send(facts.method, url, headers=headers, params=params, json=json)
    except http.NoAnswer as error:
        raise (Unknown if error.sent else NotSent)(str(error)) from error


def read_account(document: Any) -> Account:
    item = next(iter(_items(document)), None)
    if item is None:
        raise Unknown("no account in the answer")
    contact = item.get("attributes", {}).get("contact_information") or {}
    return Account(id=_id(item), name=str(contact.get("organization_name") or _id(item)))


def _items(document: Any) -> list[dict[str, Any]]:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, list) or not all(isinstance(item, dict) for item in data):
        raise Unknown("the answer has no list of data")
    return data


def _item(document: Any) -> dict[str, Any]:
    data = document.get("data") if isinstance(document, dict) else None
    if not isinstance(data, dict):
        raise Unknown("the answer has no data")
    return data


def _profile(item: dict[str, Any]) -> Profile:
    attributes = item.get("attributes") or {}
    return Profile(id=_id(item), email=str(attributes.get("email") or ""))


def _id(item: dict[str, Any]) -> str:
    profile_id = item.get("id")
    if not isinstance(profile_id, str) or not profile_id:
        raise Unknown("the answer has no id")
    return profile_id
