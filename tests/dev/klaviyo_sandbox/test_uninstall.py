"""Uninstalling in Klaviyo, and telling the app of it (contract, sections 2 and 2.1)."""

import hashlib
import hmac
import json
import threading
import time
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN, SandboxProcess
from tests.support.sandbox_requests import refresh

SECRET = "a-secret-of-sixteen-and-more"


class Listener:
    """Somebody who listens for webhooks and answers as told, the last answer for ever."""

    def __init__(self, *statuses: int) -> None:
        self.heard: list[tuple[dict[str, str], bytes]] = []
        self._statuses = list(statuses)
        listener = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                length = int(self.headers["Content-Length"])
                listener.heard.append((dict(self.headers), self.rfile.read(length)))
                self.send_response(listener.next_status())
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                """Quiet."""

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self._server.server_port}/webhooks/klaviyo/"
        threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True).start()

    def next_status(self) -> int:
        return self._statuses.pop(0) if len(self._statuses) > 1 else self._statuses[0]

    def wait_for(self, number: int) -> None:
        deadline = time.monotonic() + 30  # machines may be slow
        while len(self.heard) < number and time.monotonic() < deadline:
            time.sleep(0.02)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def junocal(sandbox: SandboxProcess) -> Iterator[Listener]:
    listener = Listener(503, 200)
    sandbox.configure(webhook_url=listener.url, webhook_secret=SECRET)
    yield listener
    listener.close()


def test_the_app_is_told_with_a_signature_and_again_if_it_did_not_hear(
    sandbox: SandboxProcess, junocal: Listener
) -> None:
    sandbox.issue_tokens()

    told = sandbox.uninstall()
    junocal.wait_for(2)

    assert told
    (headers, body), again = junocal.heard
    assert again == (headers, body)
    signed = body + headers["Klaviyo-Timestamp"].encode()
    expected = hmac.new(SECRET.encode(), signed, hashlib.sha256).hexdigest()
    assert headers["Klaviyo-Signature"] == expected
    document = json.loads(body)
    assert document["meta"]["klaviyo_webhook_id"] == headers["Klaviyo-Webhook-Id"]
    assert document["meta"]["klaviyo_account_id"] == LOTUS.id
    assert {"timestamp", "version"} <= document["meta"].keys()
    assert document["data"][0]["topic"] == "app.uninstalled"
    assert document["data"][0]["external_id"]


def test_every_grant_of_that_account_is_dead(sandbox: SandboxProcess) -> None:
    mine, stans = sandbox.issue_tokens(), sandbox.issue_tokens(STAN.id)

    sandbox.uninstall(tell=False)

    assert sandbox.grants() == []
    assert sandbox.call("GET", "profiles", mine["access_token"]).status_code == 401
    assert refresh(sandbox, mine["refresh_token"]).json()["error"] == "invalid_grant"
    assert sandbox.call("GET", "profiles", stans["access_token"]).ok


def test_access_tokens_may_outlive_the_uninstall(sandbox: SandboxProcess) -> None:
    sandbox.configure(access_tokens_outlive_uninstall=True)
    tokens = sandbox.issue_tokens()

    sandbox.uninstall(tell=False)

    assert sandbox.call("GET", "profiles", tokens["access_token"]).ok
    assert refresh(sandbox, tokens["refresh_token"]).json()["error"] == "invalid_grant"


def test_nobody_is_told_silently_or_without_a_webhook(
    sandbox: SandboxProcess, junocal: Listener
) -> None:
    assert sandbox.uninstall(tell=False) is False

    sandbox.configure(webhook_url="")

    assert sandbox.uninstall(tell=True) is False
    assert sandbox.deliveries() == []
    assert junocal.heard == []


@pytest.mark.parametrize(("form", "calls"), [({"tell": "1"}, 1), ({}, 0)])
def test_the_button_on_the_page_uninstalls_and_tells_if_ticked(
    sandbox: SandboxProcess, junocal: Listener, form: dict[str, str], calls: int
) -> None:
    sandbox.issue_tokens()

    page = requests.post(f"{sandbox.url}/accounts/{LOTUS.id}/uninstall", form, timeout=5)

    assert page.status_code == 200
    assert sandbox.grants() == []
    assert len(sandbox.deliveries()) == calls


def test_the_page_shows_what_became_of_the_call(sandbox: SandboxProcess, junocal: Listener) -> None:
    sandbox.uninstall()
    junocal.wait_for(2)
    time.sleep(0.1)

    page = requests.get(sandbox.url, timeout=5).text

    assert "answered 200" in page
    assert "after 2 tries" in page
