"""How fast a backfill goes, held against Klaviyo's limit, and what a live edit waits in its middle.

Runs by itself beside throwaway servers, against the sandbox with the documented limits:

    .venv/bin/python -m junocal.embedded .venv/bin/python benchmarks/backfill.py [clients]
"""

import os
import statistics
import sys
import time
from pathlib import Path

import django

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.environment import ENVIRONMENT  # noqa: E402  (after the path is set)

os.environ |= ENVIRONMENT
django.setup()

from django.conf import settings  # noqa: E402
from django.core.management import call_command  # noqa: E402

from clients.models import Client  # noqa: E402
from integrations.klaviyo import connections, standing, sweep  # noqa: E402
from integrations.klaviyo.api import Account  # noqa: E402
from integrations.klaviyo.models import ClientSync  # noqa: E402
from integrations.klaviyo.oauth import Grant  # noqa: E402
from integrations.klaviyo.operations import LARGE, SCOPES  # noqa: E402
from klaviyo_sandbox.testing import LOTUS, SandboxProcess  # noqa: E402
from studios.models import Membership, Role, Studio, User  # noqa: E402

EDIT_EVERY_S = 2.0


def studio_with(clients: int) -> tuple[Studio, User]:
    studio = Studio.objects.create(name="Lotus Yoga", slug="lotus", country="DE")
    olive = User.objects.create_user("olive@studio.test", "no sign-in needed", name="Olive")
    Membership.objects.create(studio=studio, user=olive, role=Role.OWNER)
    Client.objects.bulk_create(
        Client(studio=studio, first_name="Bea", email=f"bea{n}@example.com", email_opt_in=True)
        for n in range(clients)
    )
    return studio, olive


def connect(sandbox: SandboxProcess, studio: Studio, olive: User) -> None:
    answer = sandbox.issue_tokens(LOTUS.id, " ".join(SCOPES))
    grant = Grant("", answer["refresh_token"], frozenset(SCOPES), 3600)
    connections.connect(studio, olive, Account(LOTUS.id, "Lotus Yoga Berlin"), grant)


def run(studio: Studio) -> tuple[float, list[float]]:
    """Sweep until every client is in Klaviyo, editing one now and then; seconds, and waits."""
    waits: list[float] = []
    began = time.monotonic()
    while standing.count(studio).waiting:
        waits.append(edit(studio))
        time.sleep(EDIT_EVERY_S)
    return time.monotonic() - began, waits


def edit(studio: Studio) -> float:
    """Change the name of a client that is there already; how long until Klaviyo has it."""
    client = Client.objects.for_studio(studio).exclude(klaviyo_profile_id=None).first()
    if client is None:
        return 0.0
    began = time.monotonic()
    client.first_name = f"Bea {time.time_ns()}"
    client.save()
    while ClientSync.objects.unsettled().filter(client=client).exists():
        time.sleep(0.01)
    return time.monotonic() - began


def most_in(seconds: float, times: list[float]) -> int:
    """The most requests in any window of so many seconds."""
    return max(sum(t <= other < t + seconds for other in times) for t in times)


def main(clients: int) -> None:
    call_command("migrate", verbosity=0)
    studio, olive = studio_with(clients)
    with SandboxProcess() as sandbox:
        settings.KLAVIYO_API_URL = sandbox.url
        settings.KLAVIYO_CLIENT_ID = sandbox.client_id
        settings.KLAVIYO_CLIENT_SECRET = sandbox.client_secret
        connect(sandbox, studio, olive)
        sweeper = sweep.Sweeper()
        sweeper.start()
        took_s, waits = run(studio)
        sweeper.stop()
        arrivals = sandbox.arrivals()
    creates = [one["at"] for one in arrivals if one["operation"] == "create_profile"]
    refused = sum(one["status"] == 429 for one in arrivals)
    rate = len(creates) / took_s * 60
    print(f"{clients} clients in {took_s:.0f} s: {rate:.0f} a minute, limit {LARGE.steady}")
    print(f"that is {rate / LARGE.steady:.0%} of the limit; {refused} answers were 429")
    print(f"most creates in any second {most_in(1, creates)}, in any minute {most_in(60, creates)}")
    print(
        f"a live edit meanwhile, by the sweep alone: median {statistics.median(waits):.2f} s, "
        f"worst {max(waits):.2f} s of {len(waits)}"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 2000)
