"""429: who waits, how long, and who doesn't."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from integrations.klaviyo import budgets
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.limits import capacity
from integrations.klaviyo.models import Connection, RateBudget
from integrations.klaviyo.operations import LARGE, OPERATIONS, Limit, Operation
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Membership, Role, Studio, User
from tests.klaviyo.conftest import STAN, AddClient, Connect
from tests.klaviyo.scenes import change, opt_out, statuses, time_passes, turns, values

Work = Callable[[], None]
pytestmark = pytest.mark.django_db


def test_after_retry_after_nothing_of_that_operation_leaves_until_it_is_over(
    sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    connect()
    sandbox.fault("429", operation="create_profile", seconds=17, times=1)
    add(email="ana@example.com")

    turns(1)
    add(email="bea@example.com")
    turns(2)
    time_passes(15)
    turns(2)
    assert statuses(sandbox.arrivals(operation="create_profile")) == [429]

    time_passes(3)
    turns(2)
    assert statuses(sandbox.arrivals(operation="create_profile")) == [429, 201, 201]


def test_other_operations_and_other_studios_go_on(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
    stans: Studio,
    olive: User,
) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)
    ana, bea = add(email="ana@example.com"), add(email="bea@example.com")
    connect()
    connect(studio=stans, account=STAN.id)
    work()
    sandbox.fault("429", operation="create_profile", account="LoTuS1", seconds=60)

    add(email="cleo@example.com")
    work()
    change(ana, first_name="Ana")
    opt_out(bea)
    add(studio=stans, email="dora@example.com")
    work()

    assert values(sandbox)["ana@example.com"] == ("Ana", None, None)
    assert sandbox.suppressed() == {"bea@example.com"}
    assert len(sandbox.profiles(STAN.id)) == 1
    assert statuses(sandbox.arrivals(operation="create_profile", account="LoTuS1"))[2:] == [429]


@pytest.mark.parametrize("retry_after", [None, "-1", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_without_a_readable_retry_after_it_backs_off_and_tries_again(
    retry_after: str | None,
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
) -> None:
    connect()
    fault = "429" if retry_after else "429_no_retry_after"
    sandbox.fault(fault, operation="create_profile", retry_after=retry_after, times=3)
    add(email="ana@example.com")

    waits = []
    for _ in range(3):
        work()
        waits.append(waiting_s(Operation.CREATE_PROFILE))
        time_passes()
    work()

    assert 0 < waits[0] <= 1.5
    assert 1 - 0.5 <= waits[1] <= 3
    assert 2 - 0.5 <= waits[2] <= 6
    assert statuses(sandbox.arrivals(operation="create_profile")) == [429, 429, 429, 201]


def test_nobody_waits_for_longer_than_a_quarter_of_an_hour(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connect()
    sandbox.fault("429", operation="create_profile", retry_after="1000000000", times=1)
    add(email="ana@example.com")

    work()
    assert 800 < waiting_s(Operation.CREATE_PROFILE) <= 900
    time_passes(900)
    work()

    assert sandbox.profile("ana@example.com")


def test_the_true_limit_is_learnt_from_the_answers(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.configure(limits={"create_profile": [10, 100]})
    add(email="ana@example.com")

    connect()
    work()

    assert limit_of(Operation.CREATE_PROFILE) == Limit(10, 100)
    assert limit_of(Operation.GET_PROFILES) == LARGE


def test_a_lower_limit_than_ours_is_kept_without_a_single_429_once_it_is_known(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.configure(limits={"*": [5, 60]})
    add(email="first@example.com")
    connect()
    work()

    for number in range(12):
        add(email=f"client{number}@example.com")
    turns(4)

    codes = statuses(sandbox.arrivals(operation="create_profile"))
    assert 2 <= len(codes) <= 10
    assert set(codes) == {201}


def test_while_klaviyo_fails_one_request_knocks_and_the_rest_wait(
    sandbox: SandboxProcess, connect: Connect, add: AddClient
) -> None:
    for number in range(20):
        add(email=f"client{number}@example.com")
    connect()
    sandbox.fault("503", operation="*profile*")

    for _ in range(5):
        turns(2)
        time_passes(2)

    knocks = sandbox.arrivals(operation="get_profiles")
    assert 2 <= len(knocks) <= 5
    assert sandbox.arrivals(operation="create_profile") == []


def test_klaviyo_back_again_gets_the_opt_outs_first(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana, bea = add(email="ana@example.com"), add(email="bea@example.com")
    connect()
    work()
    sandbox.fault("503", operation="*profile*")
    change(ana, first_name="Ana")
    opt_out(bea)
    turns(2)
    before = len(sandbox.arrivals())

    sandbox.clear_faults()
    time_passes()
    work()

    later = [one["operation"] for one in sandbox.arrivals()[before:]]
    assert later == ["bulk_suppress_profiles", "update_profile"]


def test_a_backfill_leaves_room_for_a_live_edit(connect: Connect) -> None:
    connection = connect()

    spent = pay_all(connection, Operation.UPDATE_PROFILE, backfill=True)
    RateBudget.objects.update(counted_at=Now() + timedelta(hours=1))  # nothing is won back

    assert 0 < spent.requests < capacity(LARGE)
    assert budgets.affordable(connection, (Operation.UPDATE_PROFILE,), backfill=True) == 0
    assert budgets.affordable(connection, (Operation.UPDATE_PROFILE,), backfill=False) >= 15
    budgets.pay(connection, Operation.UPDATE_PROFILE)


def test_what_cannot_be_paid_says_how_long_to_wait(connect: Connect) -> None:
    spent = pay_all(connect(), Operation.CREATE_PROFILE)

    assert int(capacity(LARGE)) <= spent.requests < LARGE.burst
    assert 0 < spent.wait_s < 1


@dataclass
class Spent:
    requests: int
    wait_s: float


def pay_all(connection: Connection, operation: Operation, *, backfill: bool = False) -> Spent:
    for requests in range(200):
        try:
            budgets.pay(connection, operation, backfill=backfill)
        except Throttled as error:
            return Spent(requests, error.wait_s or 0)
    raise AssertionError("the budget never ends")


def test_a_good_answer_ends_the_wait_of_an_outage_but_not_that_of_a_429(connect: Connect) -> None:
    connection = connect()
    budgets.failed(connection, Operation.CREATE_PROFILE)
    budgets.throttled(connection, Operation.UPDATE_PROFILE, 17)

    for operation in (Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE):
        budgets.answered(connection, operation, {})

    assert budget_of(Operation.CREATE_PROFILE).blocked_until is None
    assert waiting_s(Operation.UPDATE_PROFILE) > 15
    assert budget_of(Operation.UPDATE_PROFILE).failures == 0


def budget_of(operation: Operation) -> RateBudget:
    return RateBudget.objects.get(
        operation=operation, connection=Connection.objects.earliest("connected_at")
    )


def limit_of(operation: Operation) -> Limit:
    assert operation in OPERATIONS
    return budget_of(operation).bucket.limit


def waiting_s(operation: Operation) -> float:
    budget = budget_of(operation)
    assert budget.blocked_until
    return (budget.blocked_until - budget.counted_at).total_seconds()
