"""Lotus Yoga's desk, its account at Klaviyo, and workers' time slices on demand."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from functools import partial
from typing import Any

import pytest
from django.db.models import F
from django.utils import timezone

from clients import consent
from clients.models import Client, ConsentSource, same_address
from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from integrations import crash_points
from integrations.klaviyo.api import rate_limits
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Account, Profile
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES, SUPPRESSION
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    Exposure,
    Priority,
    RateLimit,
    Turn,
)
from integrations.klaviyo.outbox import consumer, turns
from integrations.klaviyo.sync import engine, trouble
from integrations.klaviyo.sync.plan import Plan
from integrations.klaviyo.sync.upsert import Pushes
from integrations.klaviyo.worker import sweeper
from studios.models import Studio, User

FOUR_SCOPES = (*SCOPES, *SUPPRESSION.scopes)

Values = tuple[str | None, str | None, str | None]


@dataclass(frozen=True)
class Scene:
    """`scene.add(email=…)`, `scene.sync()`, and what `scene.klaviyo` has then."""

    klaviyo: SandboxProcess
    lotus: Studio
    olive: User

    # In Settings

    def connect(
        self,
        studio: Studio | None = None,
        account: str = LOTUS.id,
        scopes: tuple[str, ...] = FOUR_SCOPES,
    ) -> Connection:
        """As the callback does; Lotus with the fourth scope, unless told otherwise."""
        grant = grant_of(self.klaviyo, account, scopes)
        known = Account(account, LOTUS.organization)
        return lifecycle.connect(studio or self.lotus, self.olive, known, grant)

    def sync(self, **as_connect: Any) -> Connection:
        """Connect, and let workers go on until nothing is due."""
        connection = self.connect(**as_connect)
        self.work()
        return connection

    # At the desk

    def add(self, studio: Studio | None = None, /, **fields: Any) -> Client:
        """A client who agreed to emails."""
        fields = {"email_opt_in": True} | fields
        return Client.objects.create(studio=studio or self.lotus, **fields)

    def change(self, client: Client, **fields: Any) -> Client:
        """The row as it is now, changed and saved."""
        client = Client.objects.get(pk=client.pk)
        for name, value in fields.items():
            setattr(client, name, value)
        client.save()
        return client

    def opt_out(self, client: Client) -> None:
        consent.withdraw(Client.objects.get(pk=client.pk), source=ConsentSource.STAFF)

    def opt_in(self, client: Client) -> None:
        client = Client.objects.get(pk=client.pk)
        consent.agree(client, source=ConsentSource.STAFF, client_asked=True)

    # At the worker

    def work(self) -> None:
        """Turns, until nothing can be done; a rate limit that is used up is given time."""
        has_waited = False
        for _ in range(50):
            waiting = sweeper.with_work()
            if not waiting and (has_waited or not ClientSync.objects.due().exists()):
                return
            has_waited = not waiting
            if not waiting:
                limits_refill()
            for connection in waiting:
                engine.work_on(connection)
        rows = list(ClientSync.objects.due().values("pk", "priority", "reason", "attempts"))
        raise AssertionError(f"work never ends: {rows}")

    def add_opted_out(self, **fields: Any) -> Client:
        """Klaviyo has them; then they opt out, and a worker says what it can of that."""
        client = self.add(**fields)
        self.work()
        self.opt_out(client)
        self.work()
        return client

    def change_to_taken(self, client: Client, email: str) -> None:
        """`client` moves to an address that somebody else's profile has in Klaviyo."""
        self.klaviyo.seed({"email": email})
        self.change(client, email=email)
        self.work()

    def come_to_rest(self) -> None:
        """Until nothing is due, whatever had to be waited for."""
        for _ in range(4):
            self.work()
            time_passes()
        assert not ClientSync.objects.exclude(pk__in=ClientSync.objects.settled()).exists()

    # At Klaviyo

    def by_hand(self, profile_id: str, **attributes: Any) -> None:
        """Somebody changes a profile there."""
        token = self.klaviyo.issue_tokens(LOTUS.id)["access_token"]
        document = {"data": {"type": "profile", "id": profile_id, "attributes": attributes}}
        answer = self.klaviyo.call("PATCH", f"profiles/{profile_id}", token, document)
        assert answer.ok, answer.text

    def values(self) -> dict[str, Values]:
        """First name, last name and phone of every profile, by its address."""
        shown = [profile["attributes"] for profile in self.klaviyo.profiles()]
        return {
            one["email"]: (one["first_name"], one["last_name"], one["phone_number"])
            for one in shown
        }

    def ids(self) -> dict[str, str]:
        """The profiles' ids, by their addresses."""
        return {one["attributes"]["email"]: one["id"] for one in self.klaviyo.profiles()}

    def writes(self, since: int = 0) -> list[dict[str, Any]]:
        """What was applied to profiles, in order."""
        return [entry for entry in self.klaviyo.journal(since) if entry["profile"]]

    def operations(self, since: int = 0) -> list[str]:
        return [entry["operation"] for entry in self.writes(since)]

    def last_entry(self) -> int:
        return max((entry["seq"] for entry in self.klaviyo.journal()), default=0)


def grant_of(
    klaviyo: SandboxProcess, account: str = LOTUS.id, scopes: tuple[str, ...] = FOUR_SCOPES
) -> Grant:
    token = klaviyo.issue_tokens(account, " ".join(scopes))["refresh_token"]
    return Grant("", token, frozenset(scopes), 3600)


def row_of(client: Client) -> ClientSync:
    return ClientSync.objects.get(client=client)


def exposed(client: Client) -> dict[str, str | None]:
    """What may stand at Klaviyo because of this client: spellings, and the profiles known of."""
    rows = Exposure.objects.filter(sync__client=client).order_by("spelling")
    return dict(rows.values_list("spelling", "profile_id"))


def expose(client: Client, **of_address: str | None) -> None:
    """As if this had been sent for the client: profiles by spelling, None where unknown."""
    Exposure.objects.filter(sync__client=client).delete()
    row = row_of(client)
    Exposure.objects.bulk_create(
        Exposure(
            connection=row.connection,
            sync=row,
            address=same_address(spelling),
            spelling=spelling,
            profile_id=profile_id,
            is_confirmed=profile_id is not None,
            unknown_until=None if profile_id else timezone.now(),
        )
        for spelling, profile_id in of_address.items()
    )


def profile_id_of(client: Client) -> str | None:
    return Client.objects.get(pk=client.pk).klaviyo_profile_id


def claim(connection: Connection, priority: Priority = Priority.LIVE) -> list[ClientSync]:
    fresh = turns.begin(connection)
    assert fresh
    return consumer.claim(fresh, {priority: 100})


def push(row: ClientSync, api: Klaviyo, found: Profile | None = None) -> None:
    """Push a claimed row, without a look-up: this is what one had found."""
    assert row.client
    plan = Plan(row, row.client)
    if found:
        plan.adopt(found)
    Pushes([plan], api, partial(trouble.guard, row.connection)).run()


def spend_renewals(number: int = rate_limits.REFRESH_LIMIT.steady) -> None:
    """So many of a connection's renewals left a moment ago."""
    rows = RateLimit.objects.filter(operation=rate_limits.REFRESH)
    rows.update(recent=[timezone.now()] * number)


def limits_refill() -> None:
    a_while = timedelta(seconds=2)
    RateLimit.objects.update(counted_at=F("counted_at") - a_while)
    Turn.objects.update(next_at=F("next_at") - a_while)


def time_passes(seconds: float = 100) -> None:
    """At once: everything that waits in PostgreSQL is moved into the past."""
    earlier = timedelta(seconds=seconds)
    ClientSync.objects.update(
        due_at=F("due_at") - earlier,
        confirm_at=F("confirm_at") - earlier,
        lease_until=F("lease_until") - earlier,
    )
    Exposure.objects.update(
        unknown_until=F("unknown_until") - earlier, in_flight_until=F("in_flight_until") - earlier
    )
    Turn.objects.update(next_at=F("next_at") - earlier)
    Connection.objects.update(suspended_until=F("suspended_until") - earlier)
    for row in RateLimit.objects.exclude(recent=[]):
        RateLimit.objects.filter(pk=row.pk).update(recent=[at - earlier for at in row.recent])
    RateLimit.objects.update(
        counted_at=F("counted_at") - earlier, blocked_until=F("blocked_until") - earlier
    )


def time_slices(count: int) -> None:
    """Workers' time slices where work is left at the end."""
    for _ in range(count):
        for connection in sweeper.with_work():
            engine.work_on(connection)


def at(point: str, do: Callable[[], object], monkeypatch: pytest.MonkeyPatch) -> None:
    """Do this once, as the first worker to come by the point does."""

    def reached(here: str) -> None:
        if here == point:
            monkeypatch.setattr(crash_points, "hook", None)
            do()

    monkeypatch.setattr(crash_points, "hook", reached)


def statuses(requests: Sequence[dict[str, Any]]) -> list[int]:
    return [logged["status"] for logged in requests]
