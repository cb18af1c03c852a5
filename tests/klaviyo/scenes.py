"""What tests of the sync do at the desk and by hand at Klaviyo, and how they look at both."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from django.db.models import F

from clients import consent
from clients.models import Client, Door
from integrations.klaviyo import outbox, sweep
from integrations.klaviyo.models import ClientSync, Connection, Priority, RateBudget
from klaviyo_sandbox.testing import LOTUS, SandboxProcess

Values = tuple[str | None, str | None, str | None]


def change(client: Client, **fields: Any) -> Client:
    """As the desk does: the row as it is now, changed and saved."""
    client = Client.objects.get(pk=client.pk)
    for name, value in fields.items():
        setattr(client, name, value)
    client.save()
    return client


def opt_out(client: Client) -> None:
    consent.withdraw(Client.objects.get(pk=client.pk), door=Door.STAFF)


def opt_in(client: Client) -> None:
    consent.agree(Client.objects.get(pk=client.pk), door=Door.STAFF, client_asked=True)


def row_of(client: Client) -> ClientSync:
    return ClientSync.objects.get(client=client)


def profile_id_of(client: Client) -> str | None:
    return Client.objects.get(pk=client.pk).klaviyo_profile_id


def claim(connection: Connection, lane: Priority = Priority.LIVE) -> list[ClientSync]:
    return outbox.claim(connection, lane, 100)


def time_passes(seconds: float = 100) -> None:
    """At once: everything that waits in PostgreSQL is moved into the past."""
    earlier = timedelta(seconds=seconds)
    ClientSync.objects.update(
        due_at=F("due_at") - earlier,
        confirm_at=F("confirm_at") - earlier,
        lease_until=F("lease_until") - earlier,
    )
    RateBudget.objects.update(
        counted_at=F("counted_at") - earlier, blocked_until=F("blocked_until") - earlier
    )


def turns(count: int) -> None:
    """Workers' turns where work is left at the end."""
    for _ in range(count):
        for connection in sweep.with_work():
            sweep.turn(connection)


def values(sandbox: SandboxProcess) -> dict[str, Values]:
    """First name, last name and phone of every profile, by its address."""
    shown = [profile["attributes"] for profile in sandbox.profiles()]
    return {
        one["email"]: (one["first_name"], one["last_name"], one["phone_number"]) for one in shown
    }


def ids(sandbox: SandboxProcess) -> dict[str, str]:
    """The profiles' ids, by their addresses."""
    return {profile["attributes"]["email"]: profile["id"] for profile in sandbox.profiles()}


def writes(sandbox: SandboxProcess, since: int = 0) -> list[dict[str, Any]]:
    """What was applied to profiles, in order."""
    return [entry for entry in sandbox.journal(since) if entry["profile"]]


def operations(sandbox: SandboxProcess, since: int = 0) -> list[str]:
    return [entry["operation"] for entry in writes(sandbox, since)]


def last_entry(sandbox: SandboxProcess) -> int:
    return max((entry["seq"] for entry in sandbox.journal()), default=0)


def statuses(arrivals: Sequence[dict[str, Any]]) -> list[int]:
    return [arrival["status"] for arrival in arrivals]


def by_hand(sandbox: SandboxProcess, profile_id: str, **attributes: Any) -> None:
    """Somebody changes a profile at Klaviyo itself."""
    token = sandbox.issue_tokens(LOTUS.id)["access_token"]
    document = {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}
    answer = sandbox.call("PATCH", f"profiles/{profile_id}", token, document)
    assert answer.ok, answer.text
