"""Push claimed clients: update the profile that is known or was found, or create one (decision 5).

A profile is never made by an import that matches on whatever identifier it likes: an id is adopted
only where the returned address is the client's. First requests go out together, several of a studio
on their way at once; what is not answered as hoped for goes on alone, one step after the other.
"""

from collections import deque
from collections.abc import Callable, Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, wait
from dataclasses import dataclass
from functools import partial
from typing import Protocol, TypeGuard

from clients import consent
from clients.models import same_address
from integrations import http
from integrations.crash_points import reached
from integrations.klaviyo.api.client import CancelledError, Klaviyo, Sent
from integrations.klaviyo.api.documents import Profile, Request
from integrations.klaviyo.api.errors import KlaviyoError
from integrations.klaviyo.models import ClientSync, SyncEvent
from integrations.klaviyo.outbox import completion, consumer, producer
from integrations.klaviyo.outbox.completion import Done, Pushed
from integrations.klaviyo.outbox.preflight import Push
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import profile_links
from integrations.klaviyo.sync.conflicts import CONFLICTS, Conflicts, NeedsPersonError
from integrations.klaviyo.sync.plan import Plan

IN_FLIGHT = 12  # requests of one studio at once: at half a second each, still Klaviyo's limit
GATHER_S = 0.01  # answers that come within it are completed together: a statement costs more
STEPS_MAX = 5  # look-ups and detours for one client, then a person looks

Answer = Profile | KlaviyoError


class Guard(Protocol):
    def __call__(
        self,
        rows: Sequence[ClientSync],
        work: Callable[[], object],
        *,
        again: Callable[[Sequence[ClientSync]], None] | None = None,
    ) -> float: ...


@dataclass(frozen=True)
class Ready:
    """A push that may leave once it is checked."""

    plan: Plan
    push: Push
    request: Request


class Pushes:
    """The pushes of one claim. Whatever goes wrong with one is for `guard`, and stops no other."""

    def __init__(self, plans: Iterable[Plan], api: Klaviyo, guard: Guard) -> None:
        self.api, self.guard = api, guard
        self._waiting = deque(plans)
        self._under_way: list[tuple[Plan, Sent]] = []

    def run(self) -> None:
        while self._waiting or self._under_way:
            self._start()
            if self._under_way:
                answers = [sent.answer for _, sent in self._under_way]
                wait(answers, return_when=FIRST_COMPLETED)
                wait(answers, GATHER_S)
                self._finish()

    def _start(self) -> None:
        """Fill up what is under way; each leaves right after it was checked."""
        ready: list[Ready] = []
        most = IN_FLIGHT if self.api.is_proven else 1
        while self._waiting and len(self._under_way) + len(ready) < most:
            plan = self._waiting.popleft()
            self.guard([plan.row], partial(self._prepare, plan, ready))
        self.guard([one.plan.row for one in ready], partial(self._send, ready))

    def _prepare(self, plan: Plan, ready: list[Ready]) -> None:
        """All that may take time, or be refused, before the check."""
        one = Ready(plan, plan.push, plan.request)
        self.api.prepare(plan.operation)
        ready.append(one)

    def _send(self, ready: Sequence[Ready]) -> None:
        ends_at = http.new_deadline()
        fine = profile_links.preflight([one.push for one in ready])
        reached("push: checked")
        for one in ready:
            go_on = self._start_one if one.plan.row.pk in fine else self._stay
            self.guard([one.plan.row], partial(go_on, one, ends_at))

    def _start_one(self, ready: Ready, ends_at: float) -> None:
        self._under_way.append((ready.plan, self.api.start(ready.request, ends_at)))

    def _stay(self, ready: Ready, _: float) -> None:
        """It may not leave now. An address that said no, on whichever row, opts its client out."""
        self.api.put_back(ready.plan.operation)
        consent.uphold(ready.plan.client)
        consumer.wait(ready.plan.row, consumer.BUSY_S)

    def _finish(self) -> None:
        """Complete what was answered well, together; then see to the others."""
        answered = [one for one in self._under_way if one[1].answer.done()]
        self._under_way = [one for one in self._under_way if one not in answered]
        pushed: list[Pushed] = []
        others: list[tuple[Plan, Answer]] = []
        for plan, sent in answered:
            self.guard([plan.row], partial(self._sort, plan, sent, pushed, others))
        reached("push: answered")
        self._complete(pushed)
        for plan, answer in others:
            self.guard([plan.row], partial(Upsert(plan, self.api).go_on, answer))

    def _complete(self, pushed: Sequence[Pushed]) -> None:
        by_row = {one.row.pk: one for one in pushed}

        def again(rows: Sequence[ClientSync]) -> None:
            self._complete([by_row[row.pk] for row in rows])

        self.guard([one.row for one in pushed], partial(complete, pushed), again=again)

    def _sort(
        self, plan: Plan, sent: Sent, pushed: list[Pushed], others: list[tuple[Plan, Answer]]
    ) -> None:
        answer: Answer
        try:
            answer = self.api.finish(sent)
        except CONFLICTS as error:
            answer = error
        if is_there(answer, plan):
            pushed.append(as_pushed(plan, answer))
        else:
            others.append((plan, answer))


class Upsert:
    """One client's push after an answer that was not the one hoped for."""

    def __init__(self, plan: Plan, api: Klaviyo) -> None:
        self.plan, self.api = plan, api
        self.conflicts = Conflicts(plan, api)

    def go_on(self, answer: Answer) -> None:
        try:
            profile = self.upsert(answer)
        except NeedsPersonError as error:
            self.park(error.reason)
        else:
            complete([as_pushed(self.plan, profile)])

    def upsert(self, answer: Answer) -> Profile:
        """Klaviyo's profile with the client's address, as it is after the last request."""
        for _ in range(STEPS_MAX):
            if is_there(answer, self.plan):
                return answer
            if isinstance(answer, Profile):
                self.conflicts.other_address(answer)
            else:
                self.conflicts.answered(answer)
            answer = self.send()
        if is_there(answer, self.plan):
            return answer
        raise NeedsPersonError(Reason.EMAIL_TAKEN)

    def send(self) -> Answer:
        try:
            return self.api.upsert(self.plan.request, self.check)
        except CONFLICTS as error:
            return error

    def check(self) -> None:
        if not profile_links.preflight([self.plan.push]):
            raise CancelledError

    def park(self, reason: Reason) -> None:
        """Nothing more is tried until the client changes or a person sends it again."""
        consumer.not_applied(self.plan.row)
        completion.complete([Done(self.plan.row, reason, SyncEvent.What.REFUSED)])


def is_there(answer: Answer, plan: Plan) -> TypeGuard[Profile]:
    """True if this is the profile with the client's address."""
    return isinstance(answer, Profile) and same_address(answer.email) == plan.client.address


def as_pushed(plan: Plan, profile: Profile) -> Pushed:
    """A phone that belongs to another profile may be on its way from one client to another: the
    client is pushed once more before that is settled."""
    reason = plan.without_phone or ""
    is_news = reason == Reason.PHONE_TAKEN != plan.row.reason
    return Pushed(
        plan.row,
        reason,
        plan.event,
        again_s=completion.quarantine_s() if is_news else None,
        profile_id=profile.id,
        spelling=profile.email,
        phone=plan.phone_sent,
        frees_phone_of_another=plan.has_phone_of_another,
    )


def complete(pushed: Sequence[Pushed]) -> None:
    """Complete these, and hand on the profiles and phones that changed hands."""
    producer.release_phones(
        [(one.row, one.phone) for one in pushed],
        others=any(one.frees_phone_of_another for one in pushed),
    )
    done = completion.complete_pushes(pushed)
    for one in pushed:
        if one.row.pk not in done and not profile_links.take_over(one):
            consumer.let_go(one.row)  # who disconnects waits for nothing more
