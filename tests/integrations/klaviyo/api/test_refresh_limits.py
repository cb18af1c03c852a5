"""A bad day at the token endpoint is forgotten once it answers."""

from datetime import timedelta

import pytest
from django.utils import timezone

from integrations.klaviyo.api import access_tokens, rate_limits
from integrations.klaviyo.api.errors import ThrottledError
from integrations.klaviyo.models import RateLimit, Turn, Wakeup, Worker
from integrations.klaviyo.sync import engine
from integrations.klaviyo.worker import sweeper
from tests.support.klaviyo.scene import Scene, spend_renewals, time_passes

pytestmark = pytest.mark.django_db


def test_failures_of_the_token_endpoint_end_with_its_first_answer(scene: Scene) -> None:
    connection = scene.connect()
    scene.klaviyo.fault("503", operation="oauth_refresh", times=1)
    with pytest.raises(ThrottledError):
        access_tokens.refresh(connection)
    assert RateLimit.objects.get(operation=rate_limits.REFRESH).failures == 1

    time_passes()
    access_tokens.refresh(connection)

    assert RateLimit.objects.get(operation=rate_limits.REFRESH).failures == 0


def test_a_process_without_a_token_leaves_the_studio_to_whoever_has_one(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    token = access_tokens.memory
    access_tokens.memory = access_tokens.Memory()  # another process, just started
    spend_renewals()

    scene.change(ana, first_name="Anna")
    engine.work_on(connection)
    assert connection in sweeper.with_work()
    scene.change(ana, first_name="Anne")
    engine.work_on(connection)
    assert Wakeup.objects.exists()

    access_tokens.memory = token  # the one that has a token
    engine.work_on(connection)
    assert scene.values()["ana@example.com"][0] == "Anne"


def test_a_renewal_that_another_thread_made_meanwhile_costs_nothing(scene: Scene) -> None:
    connection = scene.connect()
    access_tokens.access_token(connection)
    spend_renewals(2)

    for _ in range(5):
        with pytest.raises(ThrottledError):
            access_tokens.refresh(connection, anew=False)

    assert len(RateLimit.objects.get(operation=rate_limits.REFRESH).recent) == 2


def test_the_last_renewals_of_a_minute_are_kept_while_another_worker_has_a_token(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    other = Worker.objects.create(name="another worker")
    in_a_minute = timezone.now() + timedelta(minutes=1)
    Turn.objects.update(token_by=other.pk, token_until=in_a_minute)
    access_tokens.memory = access_tokens.Memory()  # a process that started just now
    spend_renewals(2)

    scene.change(ana, first_name="Anna")
    engine.work_on(connection)
    assert scene.values()["ana@example.com"][0] == "Ana"

    access_tokens.memory = access_tokens.Memory()
    other.delete()  # it died, and its token with it
    engine.work_on(connection)
    assert scene.values()["ana@example.com"][0] == "Anna"


def test_in_a_minute_there_are_only_so_many_renewals(scene: Scene) -> None:
    connection = scene.connect()
    for _ in range(rate_limits.REFRESH_LIMIT.steady):
        access_tokens.refresh(connection)

    with pytest.raises(rate_limits.RenewalsSpentError):
        access_tokens.refresh(connection)
    time_passes(61)
    access_tokens.refresh(connection)
