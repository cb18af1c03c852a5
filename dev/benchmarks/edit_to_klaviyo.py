"""How long an edit at the desk takes to reach Klaviyo: 100 edits in the running demo.

Needs `python3 manage.py demo` with Lotus Yoga connected. Reads the demo's own addresses and
password; measures from the moment the form is sent to the moment the sandbox applied the change.

    .venv/bin/python -m dev.benchmarks.edit_to_klaviyo [edits]
"""

import json
import re
import statistics
import sys
import time
from pathlib import Path
from typing import Any

import requests

DEMO = Path(__file__).resolve().parents[2] / ".junocal" / "demo"
FRONT_DESK = "fay@lotus.example"
PAUSE_S = 0.15  # between edits, within Klaviyo's limit for one studio
WAIT_S = 30.0
TOKEN = re.compile(r'name="csrfmiddlewaretoken" value="([^"]+)"')
VALUE = re.compile(r'name="(\w+)"[^>]*?value="([^"]*)"')


class Desk:
    """Fay's browser."""

    def __init__(self, url: str, password: str) -> None:
        self.url = url
        self.http = requests.Session()
        self._post("/accounts/login/", login=FRONT_DESK, password=password)

    def add(self, email: str) -> str:
        """Add a client who agreed to emails; the address of its form."""
        answer = self._post(
            "/s/lotus/clients/new/", first_name="Bea", email=email, email_opt_in="on"
        )
        saved = re.search(r"saved=([0-9a-f-]{36})", answer.url)
        if not saved:
            raise SystemExit("The client was not saved; is the demo as it was seeded?")
        return f"/s/lotus/clients/{saved[1]}/edit/"

    def rename(self, form: str, name: str) -> float:
        """Change the name; the seconds the desk waited."""
        page = self.http.get(self.url + form, timeout=WAIT_S).text
        fields = dict(VALUE.findall(page)) | {"first_name": name, "email_opt_in": "on"}
        began = time.monotonic()
        self.http.post(
            self.url + form,
            fields,
            headers={"Referer": self.url + form},
            timeout=WAIT_S,
            allow_redirects=False,
        ).raise_for_status()
        return time.monotonic() - began

    def _post(self, path: str, **fields: str) -> requests.Response:
        page = self.http.get(self.url + path, timeout=WAIT_S).text
        token = TOKEN.search(page)
        fields["csrfmiddlewaretoken"] = token[1] if token else ""
        answer = self.http.post(
            self.url + path, fields, headers={"Referer": self.url + path}, timeout=WAIT_S
        )
        answer.raise_for_status()
        return answer


def journal(sandbox: str, since: int) -> list[dict[str, Any]]:
    newest = requests.get(f"{sandbox}/control/journal?since={since}", timeout=WAIT_S)
    entries: list[dict[str, Any]] = newest.json()
    return entries


def arrived_at(sandbox: str, name: str, since: int) -> float:
    """When the sandbox applied this name (seconds since the epoch)."""
    until = time.monotonic() + WAIT_S
    while time.monotonic() < until:
        for entry in journal(sandbox, since):
            if (entry["attributes"] or {}).get("first_name") == name:
                return float(entry["at"])
        time.sleep(0.02)
    raise SystemExit(f"{name} did not arrive within {WAIT_S:.0f} s; is Lotus Yoga connected?")


def main(edits: int) -> None:
    where = (DEMO / "running").read_text()
    url = where.split()[-1]
    sandbox = (DEMO / "sandbox.log").read_text().split("sandbox on ")[-1].split()[0]
    desk = Desk(url, json.loads((DEMO / "secrets.json").read_text())["password"])
    since = len(journal(sandbox, 0))
    form = desk.add(f"bea-{time.time_ns()}@example.com")
    waits, delays = [], []
    for number in range(edits):
        name = f"Bea {time.time_ns()}"
        began = time.time()
        waits.append(desk.rename(form, name))
        delays.append(arrived_at(sandbox, name, since) - began)
        time.sleep(PAUSE_S)
        print(f"\r{number + 1} of {edits}", end="", flush=True)
    print()
    for what, seconds in (("the desk waited", waits), ("edit to Klaviyo", delays)):
        seconds.sort()
        p95 = seconds[int(len(seconds) * 0.95) - 1]
        print(
            f"{what}: median {statistics.median(seconds):.3f} s, "
            f"p95 {p95:.3f} s, worst {seconds[-1]:.3f} s"
        )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 100)
