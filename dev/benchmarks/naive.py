"""The two ways that everybody would take first, to hold the sync against: one loop over the
clients, and one Celery task for each. Both look each client up, create it, and keep the id; nothing
more: no lease, no consent asked for once more, no rate limit, no second chance.

    .venv/bin/python -m dev.benchmarks.naive requests|sdk STUDIO
    .venv/bin/python -m celery -A dev.benchmarks.naive worker
"""

import os
import sys
import time
from collections.abc import Callable
from functools import cache
from typing import Any

import django
import requests
from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")
django.setup()

from clients.models import Client  # noqa: E402
from integrations.klaviyo.contract import REVISION  # noqa: E402

app = Celery("naive", broker=os.environ["REDIS_URL"])
app.conf.task_ignore_result = True
app.conf.task_default_queue = "naive"
URL = os.environ["KLAVIYO_API_URL"]


@cache
def session() -> requests.Session:
    made = requests.Session()
    made.trust_env = False
    made.headers.update({"revision": REVISION, "Content-Type": "application/vnd.api+json"})
    return made


def push_with_requests(client: Client) -> str:
    headers = {"Authorization": f"Bearer A{client.studio_id}"}
    params = {"filter": f'any(email,["{client.email}"])', "fields[profile]": "email"}
    url = f"{URL}/api/profiles"
    found = session().get(url, params=params, headers=headers, timeout=8).json()["data"]
    if found:
        return str(found[0]["id"])
    body = {"data": {"type": "profile", "attributes": attributes(client)}}
    made = session().post(url, json=body, headers=headers, timeout=8)
    made.raise_for_status()
    return str(made.json()["data"]["id"])


def with_sdk(studio_id: int) -> Callable[[Client], str]:
    """By the official SDK, which comes with the packages for tests."""
    from klaviyo_api import KlaviyoAPI  # noqa: PLC0415 (half a second, for whoever wants it)

    # The first argument is a private key: this SDK can't do without, and it isn't used.
    api: Any = KlaviyoAPI("", access_token=f"A{studio_id}", test_host=URL, max_retries=0)

    def push(client: Client) -> str:
        wanted = f'any(email,["{client.email}"])'
        found = api.Profiles.get_profiles(filter=wanted, fields_profile=["email"])["data"]
        if found:
            return str(found[0]["id"])
        body = {"data": {"type": "profile", "attributes": attributes(client)}}
        return str(api.Profiles.create_profile(body).data.id)

    return push


def attributes(client: Client) -> dict[str, str]:
    return {
        "email": client.email,
        "first_name": client.first_name,
        "last_name": client.last_name,
    }


def keep(client: Client, profile_id: str) -> None:
    Client.objects.filter(pk=client.pk).update(klaviyo_profile_id=profile_id)


@app.task(name="dev.benchmarks.naive.push")
def push(client_id: int) -> None:
    client = Client.objects.get(pk=client_id)
    keep(client, push_with_requests(client))


def loop(how: str, studio_id: int) -> float:
    """CPU seconds of this process for all clients of the studio who agreed to emails."""
    one = with_sdk(studio_id) if how == "sdk" else push_with_requests
    began = time.process_time()
    for client in Client.objects.filter(studio=studio_id, email_opt_in=True).iterator():
        keep(client, one(client))
    return time.process_time() - began


if __name__ == "__main__":
    print(loop(sys.argv[1], int(sys.argv[2])))
