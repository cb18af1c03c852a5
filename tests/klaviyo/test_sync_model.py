"""A long walk of edits, opt-outs, moves and faults: whatever happened, both ends agree at rest.

The model knows only who held which address while agreeing to emails; it reads nothing of what the
sync remembers.
"""

from collections.abc import Callable
from random import Random

import pytest
from pytest_django import Settings

from clients.models import Client
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.reasons import SENT_WITHOUT_PHONE, Reason
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Studio
from tests.klaviyo.conftest import Connect
from tests.klaviyo.scenes import change, last_entry, opt_in, opt_out, time_passes, turns, writes

pytestmark = pytest.mark.django_db

STEPS = 110
NAMES = ("", "Ana", "Bea", "Cleo", "Dora")
PHONES = ("", "", "+4930123451", "+4930123452", "+4930123453")
FAULTS = ("reset_before", "reset_after", "500", "429", "truncated", "html_200")
UPSERTS = ("create_profile", "update_profile")


class Walk:
    """A studio, its Klaviyo account, and somebody who does as chance says."""

    def __init__(self, seed: int, sandbox: SandboxProcess, studio: Studio) -> None:
        self.chance = Random(seed)
        self.sandbox = sandbox
        self.studio = studio
        self.agreed_at: set[str] = set()  # addresses that somebody held who agreed to emails
        self.sent_for: dict[str, int] = {}  # whose profile was last written under an address
        self.withdrawn: set[int] = set()
        self.left_behind: set[str] = set()  # profiles that were nobody's for a while
        self.seen = last_entry(sandbox)

    def step(self) -> None:
        actions: list[tuple[int, Callable[[], None]]] = [
            (4, self.add),
            (8, self.rename),
            (4, self.move),
            (2, self.swap),
            (3, self.opt_out),
            (3, self.opt_in),
            (1, self.delete),
            (4, self.suffer),
            (14, self.work),
        ]
        weights, doings = zip(*actions, strict=True)
        self.chance.choices(doings, weights)[0]()
        self.look()

    def look(self) -> None:
        for client in Client.objects.all():
            if client.may_be_emailed:
                self.agreed_at.add(client.address)
            if client.has_opted_out:
                self.withdrawn.add(client.pk)
            else:
                self.withdrawn.discard(client.pk)
        bound = set(Client.objects.values_list("klaviyo_profile_id", flat=True))
        self.left_behind |= {one["id"] for one in self.sandbox.profiles()} - bound

    def anybody(self) -> Client | None:
        clients = list(Client.objects.order_by("pk"))
        return self.chance.choice(clients) if clients else None

    def address(self) -> str:
        """A new one or one that was somebody's, in some spelling; nobody's now."""
        taken = {client.address for client in Client.objects.all()}
        names = [f"person{number}@example.com" for number in range(14)]
        free = self.chance.choice([name for name in names if name not in taken])
        return self.chance.choice([free, free.capitalize()])

    def add(self) -> None:
        if Client.objects.count() < 7:
            Client.objects.create(
                studio=self.studio,
                first_name=self.chance.choice(NAMES),
                phone=self.chance.choice(PHONES),
                email=self.address(),
                email_opt_in=self.chance.random() < 0.8,
            )

    def rename(self) -> None:
        if client := self.anybody():
            field, pool = self.chance.choice(
                [("first_name", NAMES), ("last_name", NAMES), ("phone", PHONES)]
            )
            change(client, **{field: self.chance.choice(pool)})

    def move(self) -> None:
        if client := self.anybody():
            change(client, email=self.chance.choice([self.address(), self.address(), ""]))

    def swap(self) -> None:
        one, other = self.anybody(), self.anybody()
        if one and other and one != other:
            change(one, email="between@example.com")
            self.look()
            change(other, email=one.email)
            change(one, email=other.email)

    def opt_out(self) -> None:
        if client := self.anybody():
            opt_out(client)

    def opt_in(self) -> None:
        if client := self.anybody():
            opt_in(client)

    def delete(self) -> None:
        if client := self.anybody():
            client.delete()

    def suffer(self) -> None:
        operation = self.chance.choice([*UPSERTS, "get_profiles", "bulk_suppress_profiles"])
        self.sandbox.fault(self.chance.choice(FAULTS), operation=operation, times=1, seconds=5)

    def work(self) -> None:
        time_passes(self.chance.choice([1, 5, 20, 70]))
        turns(self.chance.choice([1, 2]))
        self.check_what_was_sent()

    def check_what_was_sent(self) -> None:
        """Nobody edits during a turn: each upsert must be of somebody who agrees now."""
        agreed = {one.address: one.pk for one in Client.objects.all() if one.may_be_emailed}
        for entry in writes(self.sandbox, self.seen):
            assert entry["operation"] in (*UPSERTS, "bulk_suppress_profiles")
            if entry["operation"] in UPSERTS:
                self.sent_for[entry["email"]] = agreed[entry["email"]]
        self.seen = last_entry(self.sandbox)

    def come_to_rest(self) -> None:
        self.sandbox.clear_faults()
        for _ in range(12):
            time_passes()
            turns(3)
            self.check_what_was_sent()
        rows = ClientSync.objects.exclude(pk__in=ClientSync.objects.settled())
        assert not rows.exists(), list(rows.values())

    def check(self) -> None:
        profiles = {one["attributes"]["email"]: one for one in self.sandbox.profiles()}
        assert len(profiles) == len(self.sandbox.profiles())
        assert set(profiles) <= self.agreed_at, "somebody else was created"
        agreed = {one.address: one for one in Client.objects.all() if one.may_be_emailed}
        for address, client in agreed.items():
            self.check_client(client, profiles[address])
        for address in set(profiles) - set(agreed):
            if self.sent_for.get(address) in self.withdrawn:
                assert address in self.sandbox.suppressed()
        settled = ClientSync.objects.filter(client=None)
        assert not settled.exists(), "a deleted client's address is kept"

    def check_client(self, client: Client, profile: dict[str, object]) -> None:
        reason = ClientSync.objects.get(client=client).reason
        holders = Client.objects.filter(klaviyo_profile_id=profile["id"])
        if reason == Reason.EMAIL_TAKEN:
            assert not holders.exists()
            return
        assert list(holders) == [client]
        there = profile["attributes"]
        assert isinstance(there, dict)
        assert there["properties"] == {"junocal_source": "junocal"}
        ours = {"first_name": client.first_name, "last_name": client.last_name}
        if reason in SENT_WITHOUT_PHONE:
            assert there["phone_number"] is None
        else:
            assert reason == ""
            ours["phone_number"] = client.phone
        if profile["id"] in self.left_behind:  # what others set there is left alone
            ours = {name: value for name, value in ours.items() if value}
        assert {name: there[name] or "" for name in ours} == ours


@pytest.mark.parametrize("seed", range(2))
def test_after_any_walk_both_ends_agree(
    seed: int, sandbox: SandboxProcess, connect: Connect, lotus: Studio, settings: Settings
) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60
    walk = Walk(seed, sandbox, lotus)
    for _ in range(5):
        walk.add()
    walk.look()
    connect()
    walk.seen = last_entry(sandbox)

    for _ in range(STEPS):
        walk.step()
    walk.come_to_rest()

    walk.check()
