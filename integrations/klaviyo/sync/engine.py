"""A turn of work for one studio: claim what is due, push or suppress it, complete.

Nobody sleeps here: a studio that must wait gives its turn away, and `turns.end` says when the next
one makes sense. One client's trouble never stops the others (`trouble`).
"""

import time
from collections.abc import Callable, Collection, Sequence
from functools import partial

from integrations.crash_points import reached
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.api.allowances import Room
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.errors import RejectedError
from integrations.klaviyo.api.health import PROBE_EVERY_S, health
from integrations.klaviyo.connection import health_check, lifecycle, teardown
from integrations.klaviyo.contract import LOOKUP_BATCH, Operation
from integrations.klaviyo.features import suppression
from integrations.klaviyo.models import ClientSync, Connection, Priority, SyncEvent
from integrations.klaviyo.outbox import completion, consumer, turns
from integrations.klaviyo.outbox.completion import Done
from integrations.klaviyo.outbox.turns import Waits
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import backfill, profile_links, trouble
from integrations.klaviyo.sync.claims import Claims
from integrations.klaviyo.sync.lookup import look_up
from integrations.klaviyo.sync.plan import Plan
from integrations.klaviyo.sync.upsert import Guard, Pushes

TURN_S = 1.0

LIVE = (Priority.OPT_OUT, Priority.LIVE)
ALL = tuple(Priority)


def work_on(connection: Connection, priorities: Collection[Priority] = ALL) -> bool:
    """One turn of about a second: finish disconnecting, or else check health if asked to, seed the
    backfill, and sync. True if more of these priorities can be done at once."""
    return work(connection.studio_id, partial(turns.begin, connection), priorities)


def work_for(studio_id: int, priorities: Collection[Priority]) -> bool:
    """As `work_on`, for whatever connection the studio has."""
    return work(studio_id, partial(turns.begin_for, studio_id), priorities)


def work(
    studio_id: int, begin: Callable[[], Connection | None], priorities: Collection[Priority]
) -> bool:
    ends_at = time.monotonic() + TURN_S
    if access_tokens.stands_back(studio_id):
        return False
    while fresh := begin():
        turn = Turn(fresh, priorities)
        turn.take()
        if not turn.is_more or time.monotonic() > ends_at:
            turns.end(fresh, turn.waits)
            return turn.is_more
    return False


class Turn:
    """One claim of a studio, as its connection is now, and what came of it."""

    def __init__(self, connection: Connection, priorities: Collection[Priority]) -> None:
        self.connection, self.priorities = connection, priorities
        self.room = Room.read(connection.limits_now)
        self.waits = Waits()
        self.is_more = False

    def take(self) -> None:
        connection = self.connection
        if connection.is_disconnecting:
            teardown.finish(connection)
        elif health.is_down:
            self.waits = Waits.all(PROBE_EVERY_S)
        else:
            if connection.health_check_requested_at:
                health_check.run(connection)
            if Priority.BACKFILL in self.priorities and connection.phase != Connection.Phase.SEEDED:
                self.is_more = backfill.seed_chunk(connection)
                reached("seed: committed")
            if connection.retries_opt_outs:
                self.is_more |= lifecycle.retry_opt_outs(connection)
                reached("retry: committed")
            if connection.has_due:
                self.sync()

    def sync(self) -> None:
        """Claim one batch and handle it; with a token in hand, so that rows go to who can send."""
        if not self.has_token():
            return
        claims = Claims.of(self.connection, self.room)
        self.waits = claims.waits
        limits = {p: number for p, number in claims.limits.items() if p in self.priorities}
        rows = consumer.claim(self.connection, limits, only_linked=claims.only_linked)
        self.is_more |= claims.are_full(rows)
        self.handle(rows)

    def has_token(self) -> bool:
        """Where renewals run short, whoever has no token leaves the studio to a worker that has."""
        connection = self.connection
        is_new = access_tokens.held(connection) is None
        if is_new and connection.has_token_elsewhere:
            access_tokens.save_renewals(connection)
        if access_tokens.stands_back(connection.studio_id):
            return False
        renew = partial(access_tokens.access_token, connection)
        if wait_s := trouble.guard(connection, (), renew):
            stands_back = access_tokens.stands_back(connection.studio_id)
            may_others = stands_back or connection.has_token_elsewhere
            self.waits = Waits() if may_others else Waits.all(wait_s)
            return False
        if is_new and (token := access_tokens.held(connection)):
            turns.has_token(connection, token.life_s)
        return True

    def handle(self, rows: Sequence[ClientSync]) -> None:
        is_bulk = not any(row.priority in LIVE for row in rows)
        api = Klaviyo(self.connection, backfill=is_bulk)
        opt_outs = [row for row in rows if row.is_about_opt_out]
        suppress_all(opt_outs, api)
        push_all([row for row in rows if row not in opt_outs], api)
        api.allowances.give_back()
        if api.took_a_profile and self.connection.is_suspended:
            lifecycle.accepted(self.connection)
            self.waits, self.is_more = Waits(), True


def suppress_all(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    if not rows:
        return
    work = partial(suppression.suppress, rows, api)
    trouble.guard(api.connection, rows, work, again=partial(suppress_all, api=api))


def push_all(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    """Those with a profile first: what they move away from is free before anybody looks for it."""
    unsent = [row for row in rows if row.needs_no_request]
    completion.complete([Done(row, reason_unsent(row)) for row in unsent])
    plans = [Plan(row, row.client) for row in rows if row not in unsent and row.client]
    linked = [plan for plan in plans if plan.is_linked]
    unlinked = [plan for plan in plans if not plan.is_linked]
    numbers = {
        Operation.UPDATE_PROFILE: len(linked),
        Operation.CREATE_PROFILE: len(unlinked),
        Operation.GET_PROFILES: -(-len(unlinked) // LOOKUP_BATCH),
    }
    guard: Guard = partial(trouble.guard, api.connection)
    guard([plan.row for plan in plans], partial(api.allowances.reserve, numbers))
    Pushes(linked, api, guard).run()
    for start in range(0, len(unlinked), LOOKUP_BATCH):
        ready = looked_up(unlinked[start : start + LOOKUP_BATCH], api)
        Pushes(ready, api, guard).run()


def looked_up(plans: Sequence[Plan], api: Klaviyo) -> list[Plan]:
    """These plans after one look-up for all of them: who is at Klaviyo already is updated there.
    Without those that wait, or that a person has to see to."""
    rows = [plan.row for plan in plans]
    ready: list[Plan] = []

    def look() -> None:
        try:
            found = look_up(rows, api)
        except RejectedError:
            one_by_one()
            return
        ids = [profile.id for profile in found.values()]
        sent = profile_links.fields_sent_to(api.connection, ids) if ids else {}
        for plan in plans:
            if profile := found.get(plan.client.address):
                plan.adopt(profile, sent.get(profile.id, ()))
        ready.extend(plans)

    def one_by_one() -> None:
        """Klaviyo can't read one of the addresses: nothing can stand there under it."""
        if len(plans) > 1:
            for plan in plans:
                ready.extend(looked_up([plan], api))
        else:
            completion.complete([Done(rows[0], Reason.EMAIL_INVALID, SyncEvent.What.REFUSED)])

    trouble.guard(api.connection, rows, look)
    return ready


def reason_unsent(row: ClientSync) -> Reason | str:
    """Why nothing is sent; for one that only hasn't changed, what is known of it already."""
    if row.client is None or not row.client.email_opt_in:
        return Reason.NOT_OPTED_IN
    return row.reason if row.client.email else Reason.NO_EMAIL
