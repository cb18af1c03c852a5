"""A Klaviyo without a network: the sandbox's own application, called in this process.

Its face is the sandbox's, since it is the sandbox; what a process of its own does to requests on
their way is left to whoever holds the door (`door`).
"""

from typing import Any

from django.conf import settings
from requests.structures import CaseInsensitiveDict

from dev.klaviyo_sandbox import journal
from dev.klaviyo_sandbox.app import create_app
from dev.klaviyo_sandbox.oauth import grants
from dev.klaviyo_sandbox.sandbox import Sandbox
from dev.klaviyo_sandbox.settings import Settings
from dev.klaviyo_sandbox.testing.client import Entry, SandboxProcess
from integrations.http import Answer


class InMemoryKlaviyo(SandboxProcess):
    """Everything a `SandboxProcess` can tell and be told, with no process behind it."""

    def __init__(self) -> None:
        app_id, secret = settings.KLAVIYO_CLIENT_ID, settings.KLAVIYO_CLIENT_SECRET
        super().__init__(client_id=app_id, client_secret=secret)
        limitless = Settings(app_id, secret, limits_enabled=False, refresh_per_minute=0)
        app = create_app(limitless)
        self._sandbox: Sandbox = app.extensions["sandbox"]
        self._face = app.test_client()

    def carry_out(self, method: str, path: str, **said: Any) -> Answer:
        """Klaviyo's answer to what `integrations.http.send` was given."""
        answer = self._face.open(
            path,
            method=method,
            headers=dict(said.get("headers") or {}),
            query_string=said.get("params"),
            json=said.get("json"),
            data=said.get("form"),
            auth=said.get("basic"),
        )
        headers = CaseInsensitiveDict(answer.headers.items())
        return Answer(answer.status_code, headers, answer.get_data())

    def applied(self, since: int) -> list[Entry]:
        """What was applied to profiles after that entry of the journal."""
        with self._sandbox.store.transaction() as db:
            return [entry for entry in journal.since(db, since) if entry["profile"]]

    def grant_of(self, access_token: str) -> str | None:
        """The id of the grant that this token belongs to, if it is still good."""
        with self._sandbox.store.transaction() as db:
            grant = grants.of_access_token(db, access_token)
        return grant.id if grant else None

    def _control(self, method: str, path: str, wanted: Any = None) -> Any:
        answer = self._face.open(f"/control/{path}", method=method, json=wanted)
        if answer.status_code >= 400:
            raise ValueError(f"{path}: {answer.status_code} {answer.text}")
        return answer.json
