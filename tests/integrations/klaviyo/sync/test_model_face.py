"""The Klaviyo in memory, through the model's door, answers what the sandbox's process answers
through `integrations.http.send`."""

from collections.abc import Callable
from threading import Thread
from typing import Any

import pytest

from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from integrations import http
from integrations.http import Answer
from integrations.klaviyo.contract import REVISION
from tests.support.klaviyo.model.door import Door
from tests.support.klaviyo.model.klaviyo import InMemoryKlaviyo
from tests.support.klaviyo.scene import FOUR_SCOPES
from tests.support.sandbox_requests import batch, change, person

MEDIA_TYPE = "application/vnd.api+json"
Send = Callable[..., Answer]
STATUSES = [201, 201, 409, 409, 200, 404, 400, 200, 202, 400, 200, 401, 200, 400, 401]


class Caller:
    """Sends as Junocal does; `told` is every answer, with ids as the order in which they came."""

    def __init__(self, klaviyo: SandboxProcess, send: Send, url: str) -> None:
        self.send, self.url = send, url
        self.token = klaviyo.issue_tokens(LOTUS.id, " ".join(FOUR_SCOPES))["access_token"]
        self.ids: list[str] = []
        self.told: list[tuple[object, ...]] = []

    def call(self, method: str, path: str, document: Any = None, **params: str) -> Any:
        headers = {
            "Authorization": f"Bearer {self.token}",
            "revision": REVISION,
            "Accept": MEDIA_TYPE,
        }
        if document:
            headers["Content-Type"] = MEDIA_TYPE
        url = f"{self.url}/api/{path}"
        answer = self.send(method, url, headers=headers, params=params or None, json=document)
        self.told.append((answer.status, self.essence(answer.json())))
        return answer.json()

    def essence(self, document: Any) -> object:
        """Ids, attributes that we wrote, where errors point and whose the duplicate is."""
        if "errors" in document:
            return [
                (error["source"], self.named(error["meta"].get("duplicate_profile_id")))
                for error in document["errors"]
            ]
        data = document["data"]
        return [self.shown(one) for one in data] if isinstance(data, list) else self.shown(data)

    def shown(self, one: dict[str, Any]) -> object:
        if one["type"] != "profile":
            return one["type"]
        names = ("email", "first_name", "last_name", "phone_number", "properties")
        return self.named(one["id"]), [one["attributes"].get(name) for name in names]

    def named(self, profile_id: str | None) -> int | None:
        if profile_id is None:
            return None
        if profile_id not in self.ids:
            self.ids.append(profile_id)
        return self.ids.index(profile_id)

    def refresh(self, refresh_token: str, client_id: str, secret: str) -> None:
        answer = self.send(
            "POST",
            f"{self.url}/oauth/token",
            headers={"Accept": "application/json"},
            form={"grant_type": "refresh_token", "refresh_token": refresh_token},
            basic=(client_id, secret),
        )
        self.told.append((answer.status, sorted(answer.json())))


def everything(caller: Caller, klaviyo: SandboxProcess) -> list[tuple[object, ...]]:
    ana = caller.call("POST", "profiles", person("Ana@Lotus.example", first_name="Ána"))
    bea = caller.call(
        "POST", "profiles", person("bea@lotus.example", last_name="B", phone_number="+4930123451")
    )
    caller.call("POST", "profiles", person("ANA@lotus.example"))  # 409, with whose it is
    ana_id, bea_id = ana["data"]["id"], bea["data"]["id"]
    caller.call("PATCH", f"profiles/{ana_id}", change(ana_id, phone_number="+4930123451"))
    caller.call("PATCH", f"profiles/{bea_id}", change(bea_id, last_name=None, first_name="Bea"))
    caller.call("PATCH", "profiles/01NOBODY", change("01NOBODY", first_name="Nobody"))
    caller.call("POST", "profiles", person("no address"))
    wanted = 'any(email,["ana@lotus.example","BEA@lotus.example","nobody@lotus.example"])'
    sparse = {"fields[profile]": "email", "page[size]": "100", "sort": "email"}
    caller.call("GET", "profiles", filter=wanted, **sparse)
    jobs = "profile-suppression-bulk-create-jobs"
    caller.call("POST", jobs, batch("ana@lotus.example", "new@lotus.example"))
    caller.call("POST", jobs, batch("no address"))
    caller.call("GET", "accounts")
    caller.token = "spent"
    caller.call("GET", "profiles")
    refresh_token = klaviyo.issue_tokens(LOTUS.id)["refresh_token"]
    app = klaviyo.client_id, klaviyo.client_secret
    caller.refresh(refresh_token, *app)
    caller.refresh("never given", *app)
    caller.refresh(refresh_token, klaviyo.client_id, "another secret")
    made = [entry["created"] for entry in klaviyo.journal(operation="bulk_suppress_profiles")]
    return [*caller.told, (sorted(klaviyo.suppressed()), made)]


def through(door: Door) -> Send:
    """A sender in a thread of its own, answered well at once."""

    def send(method: str, url: str, **said: Any) -> Answer:
        heard: list[Answer] = []
        sender = Thread(target=lambda: heard.append(door.send(method, url, **said)))
        sender.start()
        while sender.is_alive():
            for request in door.waiting:
                door.answer(request)
            sender.join(0.001)
        return heard[0]

    return send


@pytest.mark.django_db
def test_it_answers_what_the_sandbox_answers(sandbox: SandboxProcess) -> None:
    memory = InMemoryKlaviyo()

    here = everything(Caller(memory, through(Door(memory)), "http://memory"), memory)
    there = everything(Caller(sandbox, http.send, sandbox.url), sandbox)

    assert here == there
    assert [status for status, *_ in here[:-1]] == STATUSES
