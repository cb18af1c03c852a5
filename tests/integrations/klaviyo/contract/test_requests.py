"""The requests that leave, each held against docs/klaviyo/operations.json."""

import json
import re
from collections.abc import Callable, Iterator
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
import responses
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Account, Request
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import PROFILE_FIELDS, SCOPES, Operation
from integrations.klaviyo.sync import profile
from studios.models import Studio, User
from tests.integrations.klaviyo.contract import facts

ANA = Client(first_name="Ana", last_name="Pereira", phone="+4930901820")
FILLED = profile.attributes(ANA, address="ana@lotus.test", sent_before=())
CLEARED = profile.attributes(Client(), address=None, sent_before=PROFILE_FIELDS)
PROFILE = {"data": {"type": "profile", "id": "01H"}}
ACCOUNT = {"data": [{"type": "account", "id": "LoTuS1"}]}
FILTER = re.compile(r"([\w-]+)\(([\w.]+),")


def nothing() -> None:
    """The last look before a request leaves; here it finds nothing."""


# Every way that Junocal calls an operation, with all that it may send.
SENDING: list[tuple[Operation, Callable[[Klaviyo], Any]]] = [
    (Operation.GET_ACCOUNTS, lambda it: it.get_account(nothing)),
    (Operation.GET_PROFILES, lambda it: it.find_profiles(["ana@lotus.test"], nothing)),
    (Operation.GET_PROFILES, lambda it: it.has_profile("01H", nothing)),
    (Operation.CREATE_PROFILE, lambda it: it.upsert(Request.create_profile(FILLED), nothing)),
    (
        Operation.UPDATE_PROFILE,
        lambda it: it.upsert(Request.update_profile("01H", FILLED), nothing),
    ),
    (
        Operation.UPDATE_PROFILE,
        lambda it: it.upsert(Request.update_profile("01H", CLEARED), nothing),
    ),
    (Operation.SUPPRESS, lambda it: it.suppress(["ana@lotus.test"], nothing)),
]


@pytest.fixture
def network(settings: Settings) -> Iterator[responses.RequestsMock]:
    """A Klaviyo that agrees to everything."""
    token = {"access_token": "a", "refresh_token": "r", "expires_in": 3600, "scope": ""}
    url = settings.KLAVIYO_API_URL
    with responses.RequestsMock(assert_all_requests_are_fired=False) as network:
        network.post(f"{url}/oauth/token", json=token)
        network.get(f"{url}/api/accounts", json=ACCOUNT)
        network.get(f"{url}/api/profiles", json={"data": []})
        network.post(re.compile(f"{url}/api/.*"), json=PROFILE)
        network.patch(re.compile(f"{url}/api/.*"), json=PROFILE)
        yield network


@pytest.fixture
def klaviyo(lotus: Studio, olive: User, monkeypatch: pytest.MonkeyPatch) -> Klaviyo:
    monkeypatch.setattr(access_tokens, "memory", access_tokens.Memory())
    grant = Grant("", "a refresh token", frozenset(SCOPES), 3600)
    return Klaviyo(lifecycle.connect(lotus, olive, Account("LoTuS1", "Lotus Yoga"), grant))


def test_every_operation_is_tried_here() -> None:
    assert {operation for operation, _ in SENDING} == set(Operation)


@pytest.mark.parametrize(("operation", "send"), SENDING)
def test_a_request_is_as_klaviyo_takes_it(
    klaviyo: Klaviyo,
    network: responses.RequestsMock,
    operation: Operation,
    send: Callable[[Klaviyo], Any],
) -> None:
    send(klaviyo)

    request = network.calls[-1].request
    known = facts.OPERATIONS[operation]
    assert request.method == known["method"]
    assert re.fullmatch(known["path"].replace("{id}", "[^/]+"), urlsplit(request.url).path)
    assert query_faults(str(request.url), known) == []
    assert body_faults(request.body, known) == []


def query_faults(url: str, known: dict[str, Any]) -> list[str]:
    """Parameters, filters and page sizes that Klaviyo doesn't offer there."""
    query = {name: values[0] for name, values in parse_qs(urlsplit(url).query).items()}
    strangers = [name for name in query if name not in known["query"]]
    strangers += [
        f"{operator}({field})"
        for operator, field in FILTER.findall(query.get("filter", ""))
        if operator not in known["filters"].get(field, [])
    ]
    size = int(query.get("page[size]", 1))
    if "page[size]" in query and size > known["page_size"]["maximum"]:
        strangers.append(f"a page of {size}")
    return strangers


def body_faults(body: str | bytes | None, known: dict[str, Any]) -> list[str]:
    if "body" not in known:
        return ["a body"] if body else []
    return facts.faults(json.loads(body or "{}")["data"], known["body"])
