"""The state machine: what can happen at the desk, at the workers, on the wire and at Klaviyo.

What must hold after every step and at rest is `oracle`'s. Each step ends when no worker runs: it
has ended its turn, or waits for an answer.
"""

import sys

from hypothesis import strategies as st
from hypothesis.stateful import initialize, precondition, rule

from clients.models import same_address
from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import ClientSync, Connection, EndCause
from integrations.klaviyo.outbox import producer
from tests.support.klaviyo.model import choices as one_of
from tests.support.klaviyo.model import clock, oracle, rest
from tests.support.klaviyo.model.base import Model
from tests.support.klaviyo.model.choices import (
    ACCOUNTS,
    ADDRESSES,
    LAST_NAMES,
    MOMENTS_S,
    NAMES,
    PHONES,
    a_request,
    connected,
    news,
    once,
    somebody,
    two,
)
from tests.support.klaviyo.model.door import TROUBLES
from tests.support.klaviyo.scene import FOUR_SCOPES


class SyncMachine(Model):
    @initialize(chance=st.integers(0, 3), people=st.integers(1, 3))
    def begin(self, chance: int = 0, people: int = 2) -> None:
        """Lotus is connected, with its first clients in Klaviyo."""
        self.world.chance.seed(chance)
        for who, email in zip(NAMES[:people], ADDRESSES, strict=False):
            self.add(who=who, email=email)
        self.connect(account=LOTUS.id)
        self.calm_weather()

    # --- At the desk ------------------------------------------------------------------------------

    @precondition(lambda machine: len(machine.people) < len(NAMES))
    @rule(
        who=one_of.ABSENT,
        email=one_of.FREE,
        phone=st.sampled_from(PHONES),
        agrees=st.sampled_from([True, True, False]),
    )
    def add(self, who: str, email: str, phone: str = "", agrees: bool = True) -> None:
        name = self.memory.new_name(who)
        client = self.scene.add(first_name=name, email=email, phone=phone, email_opt_in=agrees)
        self.people[who] = client.pk
        self.look()

    @somebody
    @rule(who=one_of.PRESENT, last_name=st.sampled_from(LAST_NAMES), phone=st.sampled_from(PHONES))
    def edit(self, who: str, last_name: str = "", phone: str = "") -> None:
        name = self.memory.new_name(who)
        self.change(who, first_name=name, last_name=last_name, phone=phone)

    @somebody
    @rule(who=one_of.PRESENT, email=one_of.FREE)
    def move(self, who: str, email: str) -> None:
        self.left[who] = self.client(who).email
        self.change(who, email=email)

    @two
    @rule(pair=one_of.PAIRS, email=one_of.FREE, says_no=st.booleans())
    def hand_on(self, pair: tuple[str, str], email: str, says_no: bool = False) -> None:
        """The first one's address goes to the second before Klaviyo heard of anything."""
        who, heir = pair
        left = self.client(who).email
        self.change(who, email=email)
        if left:
            self.change(heir, email=left)
        if says_no and self.client(who).email_opt_in:
            self.opt_out(who=who)

    @two
    @rule(pair=one_of.PAIRS, email=one_of.FREE)
    def move_up(self, pair: tuple[str, str], email: str) -> None:
        """The second takes what the first one had before, and the first moves once more."""
        who, heir = pair
        left = self.left.get(who, "")
        if left in self.free_addresses() and same_address(left) != same_address(email):
            self.change(heir, email=left)
        self.move(who=who, email=email)

    @connected
    @somebody
    @rule(who=one_of.PRESENT, email=one_of.FREE)
    def move_late(self, who: str, email: str) -> None:
        """Nobody knows what became of the request, and it arrives when all think of others."""
        self.move(who=who, email=email)
        self.bad_weather(what="lost, applied late")

    @two
    @rule(pair=one_of.PAIRS)
    def swap(self, pair: tuple[str, str]) -> None:
        who, other = pair
        one, two = self.client(who), self.client(other)
        self.change(who, email="between@lotus.example")
        self.change(other, email=one.email)
        self.change(who, email=two.email)

    @precondition(lambda machine: machine.who(lambda one: one.email_opt_in))
    @rule(who=one_of.AGREED)
    def opt_out(self, who: str) -> None:
        self.scene.opt_out(self.client(who))
        self.look()

    @precondition(lambda machine: machine.who(lambda one: not one.email_opt_in))
    @rule(who=one_of.REFUSING)
    def opt_in(self, who: str) -> None:
        self.scene.opt_in(self.client(who))
        self.look()

    @somebody
    @rule(who=one_of.PRESENT)
    def delete(self, who: str) -> None:
        client = self.client(who)
        self.memory.owed.pop(self.people.pop(who), None)
        client.delete()
        self.look()

    # --- In Settings ------------------------------------------------------------------------------

    @somebody
    @connected
    @rule(who=one_of.WRITTEN)
    def retry(self, who: str) -> None:
        """An owner sends somebody once more, whatever was sent before."""
        client = self.client(who)
        if producer.retry(ClientSync.objects.filter(client=client)) and client.may_be_emailed:
            self.memory.owed[client.pk] = "sent again by an owner"
        self.look()

    @precondition(lambda machine: machine.connection is None)
    @rule(account=st.sampled_from(ACCOUNTS), may_suppress=st.sampled_from([True, True, False]))
    def connect(self, account: str, may_suppress: bool = True) -> None:
        self.scene.connect(account=account, scopes=FOUR_SCOPES if may_suppress else SCOPES)
        self.look()
        self.remember_grants()

    @connected
    @once
    @rule()
    def disconnect(self) -> None:
        assert self.connection
        self.is_disturbed = True
        lifecycle.begin_disconnect(self.connection, EndCause.OWNER)
        self.look()

    @connected
    @rule()
    def pause_or_resume(self) -> None:
        """Opt-outs go on while the rest is paused."""
        if not lifecycle.resume(self.world.studio):
            Connection.objects.for_studio(self.world.studio).live().pause()
        self.look()

    # --- At the workers ---------------------------------------------------------------------------

    @precondition(lambda machine: machine.connection and machine.world.idle)
    @news
    @rule(worker=one_of.IDLE)
    def work(self, worker: int) -> None:
        assert self.connection
        self.world.start(worker, self.connection)
        self.look()

    @rule(seconds=st.sampled_from(MOMENTS_S))
    def time_passes(self, seconds: int) -> None:
        """For frozen workers too: their leases end, and what they sent has arrived by then."""
        for request in self.world.door.time_passes(seconds):
            self.tell(f"    carried out, late: {request}")
        clock.time_passes(seconds)
        self.look()

    @a_request
    @rule()
    def workers_die(self) -> None:
        self.world.door.kill()
        self.world.settle()
        self.look()

    # --- On the wire ------------------------------------------------------------------------------

    @a_request
    @rule(which=one_of.SENT)
    def answer(self, which: int = 0) -> None:
        request = self.world.door.waiting[which]
        self.tell(f"    carried out: {request}")
        self.world.door.answer(request)
        self.world.settle()
        self.look()

    @a_request
    @rule(which=one_of.SENT, what=st.sampled_from(TROUBLES))
    def trouble(self, what: str, which: int = 0) -> None:
        request = self.world.door.waiting[which]
        self.tell(f"    {what}: {request}")
        self.memory.refused |= what == "400"
        self.world.door.trouble(request, what)
        self.world.settle()
        self.look()

    @a_request
    @rule()
    def answer_all(self) -> None:
        """Klaviyo answers well, until nobody waits for it."""
        while self.world.door.waiting:
            self.answer(which=0)

    @precondition(lambda machine: machine.world.door.late)
    @rule(which=one_of.LATE)
    def arrives(self, which: int = 0) -> None:
        self.tell(f"    carried out, late: {self.world.door.late[which]}")
        self.world.door.arrives(self.world.door.late[which])
        self.look()

    @connected
    @news
    @rule()
    def calm_weather(self) -> None:
        """Workers work and Klaviyo answers, as long as anything comes of it."""
        rest.work_off(self)
        self.has_news = False

    @connected
    @news
    @rule(what=st.sampled_from(TROUBLES))
    def bad_weather(self, what: str) -> None:
        """As in calm weather, but for the first request that changes anything there."""
        rest.work_off(self, what)
        self.has_news = False

    # --- At Klaviyo -------------------------------------------------------------------------------

    @connected
    @once
    @rule(email=st.sampled_from(ADDRESSES))
    def stranger(self, email: str) -> None:
        """Somebody signs up there by a form of the studio's."""
        self.is_disturbed = True
        account = self.connection.account_id  # type: ignore[union-attr]
        if account and not self.scene.klaviyo.profile(email, account):
            self.scene.klaviyo.seed({"email": email, "first_name": "Stranger"}, account=account)
        self.look()

    # --- In the end -------------------------------------------------------------------------------

    def teardown(self) -> None:
        try:
            if sys.exc_info()[0] is None:
                rest.come_to_rest(self)
                oracle.check_at_rest(self)
        finally:
            self.world.end()
