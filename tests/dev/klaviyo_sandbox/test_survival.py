"""What a sandbox with a data file still knows after it was killed; how it lives and ends."""

import subprocess
import time
from concurrent.futures import ThreadPoolExecutor
from http.client import HTTPConnection
from pathlib import Path
from typing import Any

import requests

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from tests.support.sandbox_requests import change, person, refresh


def test_what_was_acknowledged_survives_kill_9(tmp_path: Path) -> None:
    sandbox = SandboxProcess(data=tmp_path / "klaviyo.sqlite3").start()
    try:
        sandbox.configure(limits_enabled=False, rotation="strict")
        tokens = sandbox.issue_tokens()
        for number in range(50):
            document = person(f"client{number}@lotus.test")
            assert sandbox.call("POST", "profiles", tokens["access_token"], document).ok
        port, journal = sandbox.port, sandbox.journal()

        sandbox.kill()
        sandbox.start()

        assert sandbox.port == port
        assert len(sandbox.profiles()) == 50
        assert sandbox.journal() == journal
        assert sandbox.call("GET", "profiles", tokens["access_token"]).ok
        assert refresh(sandbox, tokens["refresh_token"]).json()["refresh_token"]
        assert sandbox.configure()["rotation"] == "strict"
    finally:
        sandbox.stop()


def test_it_ends_cleanly_when_asked_even_while_a_request_hangs(tmp_path: Path) -> None:
    sandbox = SandboxProcess().start()
    token = sandbox.issue_tokens()["access_token"]
    sandbox.fault("hang", seconds=20)

    with ThreadPoolExecutor(1) as pool:
        hanging = pool.submit(sandbox.call, "GET", "profiles", token)
        time.sleep(0.2)
        started = time.monotonic()
        code = sandbox.stop()

        assert (code, time.monotonic() - started < 5) == (0, True)
        assert isinstance(hanging.exception(timeout=5), requests.ConnectionError)


def test_connections_are_kept_open(sandbox: SandboxProcess, token: str) -> None:
    connection = HTTPConnection("127.0.0.1", sandbox.port, timeout=5)
    headers = {"Authorization": f"Bearer {token}", "revision": "2026-07-15"}
    statuses, sockets = [], []

    for path in ("/api/profiles", "/api/nowhere", "/api/profiles"):
        connection.request("GET", path, headers=headers)
        answer = connection.getresponse()
        answer.read()
        statuses.append(answer.status)
        sockets.append(connection.sock)
    connection.close()

    assert statuses == [200, 404, 200]
    assert sockets[0] is not None
    assert sockets == [sockets[0]] * 3


def test_concurrent_writes_make_one_profile(sandbox: SandboxProcess, token: str) -> None:
    sandbox.configure(limits_enabled=False)

    def write(number: int) -> int:
        """Create her, or else change whom the conflict names."""
        name = f"Ana {number}"
        created = send("POST", "profiles", person("ana@lotus.test", first_name=name))
        if created.ok:
            return created.status_code
        ana = created.json()["errors"][0]["meta"]["duplicate_profile_id"]
        return send("PATCH", f"profiles/{ana}", change(ana, first_name=name)).status_code

    def send(method: str, path: str, document: dict[str, Any]) -> requests.Response:
        """On a connection of its own."""
        headers = {"Authorization": f"Bearer {token}", "revision": "2026-07-15"}
        headers["Content-Type"] = "application/vnd.api+json"
        url = f"{sandbox.url}/api/{path}"
        return requests.request(method, url, json=document, headers=headers, timeout=10)

    with ThreadPoolExecutor(8) as pool:
        statuses = list(pool.map(write, range(40)))

    assert sorted(statuses) == [200] * 39 + [201]
    profile, journal = sandbox.profile("ana@lotus.test"), sandbox.journal()
    assert profile is not None
    assert profile["first_name"] == journal[-1]["attributes"]["first_name"]


def test_sequence_numbers_go_on_after_a_reset(sandbox: SandboxProcess, token: str) -> None:
    sandbox.call("POST", "profiles", token, person("ana@lotus.test"))
    last = sandbox.journal()[-1]["seq"]

    sandbox.reset()
    sandbox.issue_tokens()

    assert [one["seq"] for one in sandbox.journal()] == [last + 1]


def test_no_secret_stands_in_its_arguments(sandbox: SandboxProcess) -> None:
    listed = subprocess.run(["ps", "-eo", "args"], capture_output=True, text=True, check=True)

    assert "dev.klaviyo_sandbox" in listed.stdout
    assert sandbox.client_secret not in listed.stdout
    assert "client_secret" not in sandbox.configure()
