"""429: who waits, how long, and who doesn't."""

from dataclasses import dataclass
from datetime import timedelta

import pytest
from django.db.models.functions import Now

from dev.klaviyo_sandbox.testing.client import STAN
from integrations.klaviyo.api import allowances, rate_limits
from integrations.klaviyo.api.breaker import IN_A_ROW
from integrations.klaviyo.api.errors import ThrottledError
from integrations.klaviyo.contract import LARGE, OPERATIONS, Operation
from integrations.klaviyo.models import ClientSync, Connection, RateLimit
from integrations.token_bucket import Limit, capacity
from studios.models import Membership, Role, Studio, User
from tests.support.klaviyo.scene import Scene, statuses, time_passes, time_slices

pytestmark = pytest.mark.django_db


def test_after_retry_after_nothing_of_that_operation_leaves_until_it_is_over(scene: Scene) -> None:
    scene.connect()
    scene.klaviyo.fault("429", operation="create_profile", seconds=17, times=1)
    scene.add(email="ana@example.com")

    time_slices(1)
    scene.add(email="bea@example.com")
    time_slices(2)
    time_passes(15)
    time_slices(2)
    assert statuses(scene.klaviyo.request_log(operation="create_profile")) == [429]

    time_passes(3)
    time_slices(2)
    assert statuses(scene.klaviyo.request_log(operation="create_profile")) == [429, 201, 201]


def test_other_operations_and_other_studios_go_on(scene: Scene, stans: Studio, olive: User) -> None:
    Membership.objects.create(studio=stans, user=olive, role=Role.OWNER)
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    scene.connect()
    scene.connect(studio=stans, account=STAN.id)
    scene.work()
    scene.klaviyo.fault("429", operation="create_profile", account="LoTuS1", seconds=60)

    scene.add(email="cleo@example.com")
    scene.work()
    scene.change(ana, first_name="Ana")
    scene.opt_out(bea)
    scene.add(stans, email="dora@example.com")
    scene.work()

    assert scene.values()["ana@example.com"] == ("Ana", None, None)
    assert scene.klaviyo.suppressed() == {"bea@example.com"}
    assert len(scene.klaviyo.profiles(STAN.id)) == 1
    assert statuses(scene.klaviyo.request_log(operation="create_profile", account="LoTuS1"))[
        2:
    ] == [429]


@pytest.mark.parametrize("retry_after", [None, "-1", "Wed, 21 Oct 2026 07:28:00 GMT"])
def test_without_a_readable_retry_after_it_backs_off_and_tries_again(
    retry_after: str | None, scene: Scene
) -> None:
    scene.connect()
    fault = "429" if retry_after else "429_no_retry_after"
    scene.klaviyo.fault(fault, operation="create_profile", retry_after=retry_after, times=3)
    scene.add(email="ana@example.com")

    waits = []
    for _ in range(3):
        scene.work()
        waits.append(waiting_s(Operation.CREATE_PROFILE))
        time_passes()
    scene.work()

    assert 0 < waits[0] <= 1.5
    assert 1 - 0.5 <= waits[1] <= 3
    assert 2 - 0.5 <= waits[2] <= 6
    assert statuses(scene.klaviyo.request_log(operation="create_profile")) == [429, 429, 429, 201]


def test_nobody_waits_for_longer_than_a_quarter_of_an_hour(scene: Scene) -> None:
    scene.connect()
    scene.klaviyo.fault("429", operation="create_profile", retry_after="1000000000", times=1)
    scene.add(email="ana@example.com")

    scene.work()
    assert 800 < waiting_s(Operation.CREATE_PROFILE) <= 900
    time_passes(900)
    scene.work()

    assert scene.klaviyo.profile("ana@example.com")


def test_the_true_limit_is_learnt_from_the_answers(scene: Scene) -> None:
    scene.klaviyo.configure(limits={"create_profile": [10, 100]})
    scene.add(email="ana@example.com")

    scene.sync()

    assert limit_of(Operation.CREATE_PROFILE) == Limit(10, 100)
    assert limit_of(Operation.GET_PROFILES) == LARGE


def test_a_lower_limit_than_ours_is_kept_without_a_single_429_once_it_is_known(
    scene: Scene,
) -> None:
    scene.klaviyo.configure(limits={"*": [5, 60]})
    scene.add(email="first@example.com")
    scene.sync()

    for number in range(12):
        scene.add(email=f"client{number}@example.com")
    time_slices(4)

    codes = statuses(scene.klaviyo.request_log(operation="create_profile"))
    assert 2 <= len(codes) <= 10
    assert set(codes) == {201}


def test_while_klaviyo_fails_one_request_knocks_and_the_rest_wait(scene: Scene) -> None:
    for number in range(20):
        scene.add(email=f"client{number}@example.com")
    scene.connect()
    scene.klaviyo.fault("503", operation="*profile*")

    for _ in range(5):
        time_slices(2)
        time_passes(2)

    knocks = scene.klaviyo.request_log(operation="get_profiles")
    assert 2 <= len(knocks) <= 10
    assert scene.klaviyo.request_log(operation="create_profile") == []


def test_klaviyo_back_again_gets_the_opt_outs_first(scene: Scene) -> None:
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    scene.sync()
    scene.klaviyo.fault("503", operation="*profile*")
    scene.change(ana, first_name="Ana")
    scene.opt_out(bea)
    time_slices(2)
    before = len(scene.klaviyo.request_log())

    scene.klaviyo.clear_faults()
    time_passes()
    scene.work()

    later = [one["operation"] for one in scene.klaviyo.request_log()[before:]]
    assert later == ["bulk_suppress_profiles", "update_profile"]


def test_a_backfill_leaves_room_for_a_live_edit(scene: Scene) -> None:
    connection = scene.connect()

    spent = pay_all(connection, Operation.UPDATE_PROFILE, backfill=True)
    RateLimit.objects.update(counted_at=Now() + timedelta(hours=1))  # nothing is won back

    assert 0 < spent.requests < capacity(LARGE)
    assert granted(connection, Operation.UPDATE_PROFILE, backfill=True) == 0
    assert granted(connection, Operation.UPDATE_PROFILE, backfill=False) >= 15


def test_what_cannot_be_paid_says_how_long_to_wait(scene: Scene) -> None:
    spent = pay_all(scene.connect(), Operation.CREATE_PROFILE)

    assert int(capacity(LARGE)) <= spent.requests < LARGE.burst
    assert 0 < spent.wait_s < 1


def granted(connection: Connection, operation: Operation, *, backfill: bool) -> int:
    return allowances.spend(connection, {operation: 20}, backfill=backfill)[operation].left


@dataclass
class Spent:
    requests: int
    wait_s: float


def pay_all(connection: Connection, operation: Operation, *, backfill: bool = False) -> Spent:
    left = allowances.Allowances(connection, backfill=backfill)
    for requests in range(200):
        try:
            left.take(operation)
        except ThrottledError as error:
            return Spent(requests, error.wait_s or 0)
    raise AssertionError("the limit is never reached")


def test_a_good_answer_ends_the_wait_of_an_outage_but_not_that_of_a_429(scene: Scene) -> None:
    connection = scene.connect()
    for _ in range(IN_A_ROW):
        rate_limits.failed(connection, Operation.CREATE_PROFILE)
    rate_limits.throttled(connection, Operation.UPDATE_PROFILE, 17)

    for operation in (Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE):
        rate_limits.learn(connection, operation, None)

    assert rate_limit_of(Operation.CREATE_PROFILE).blocked_until is None
    assert waiting_s(Operation.UPDATE_PROFILE) > 15
    assert rate_limit_of(Operation.UPDATE_PROFILE).failures == 0


def rate_limit_of(operation: Operation) -> RateLimit:
    return RateLimit.objects.get(
        operation=operation, connection=Connection.objects.earliest("connected_at")
    )


def limit_of(operation: Operation) -> Limit:
    assert operation in OPERATIONS
    return rate_limit_of(operation).bucket.limit


def waiting_s(operation: Operation) -> float:
    rate_limit = rate_limit_of(operation)
    assert rate_limit.blocked_until
    return (rate_limit.blocked_until - rate_limit.counted_at).total_seconds()


def test_what_waited_for_a_silent_operation_goes_on_with_its_first_good_answer(
    scene: Scene,
) -> None:
    people = [scene.add(first_name="A", email=f"client{number}@example.com") for number in range(8)]
    scene.sync()
    scene.klaviyo.fault("503", operation="update_profile", times=8)
    for client in people:
        scene.change(client, first_name="B")
    time_slices(3)
    assert rate_limit_of(Operation.UPDATE_PROFILE).blocked_until
    ClientSync.objects.filter(client__in=people[1:]).update(due_at=Now() + timedelta(minutes=2))

    time_passes(100)
    scene.work()

    assert {name for name, *_ in scene.values().values()} == {"B"}
