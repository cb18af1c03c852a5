"""Renewing access: one at a time, and stored before it is used."""

from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import F

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations.klaviyo.api import access_tokens, rate_limits
from integrations.klaviyo.api.errors import ThrottledError
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.models import Connection, RateLimit
from tests.support.klaviyo.processes import environment, python, wait_for_line, wait_until
from tests.support.klaviyo.renewals import (
    PLENTY,
    ROTATIONS,
    exchanges,
    in_thread,
    persist,
    stored,
)
from tests.support.klaviyo.scene import Scene
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unlimited(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither side minds how often a grant is renewed."""
    sandbox.configure(refresh_per_minute=0)
    monkeypatch.setattr(rate_limits, "REFRESH_LIMIT", PLENTY)


# --- One at a time --------------------------------------------------------------------------------


@in_threads
@pytest.mark.usefixtures("unlimited")
def test_sixteen_renewals_at_once_go_one_by_one_and_the_grant_lives(
    scene: Scene, times: int
) -> None:
    scene.klaviyo.configure(rotation="strict")  # a spent token sent again would kill the grant
    scene.klaviyo.fault("delay", operation="oauth_refresh", seconds=0.02)
    connection = scene.connect()

    def renew() -> None:
        for _ in range(times):
            mine = Connection.objects.get(pk=connection.pk)
            persist(partial(access_tokens.refresh, mine))

    ends = at_once(*[renew] * 16)

    assert ends == [None] * 16
    assert exchanges(scene.klaviyo) == [200] * 16 * times
    assert scene.klaviyo.journal(operation="grant_killed") == []
    assert len(scene.klaviyo.grants()) == 1
    assert access_tokens.refresh(connection)


@in_threads
def test_sixteen_threads_that_need_a_token_share_one_renewal(scene: Scene) -> None:
    connection = scene.connect()

    def ask() -> str:
        mine = Connection.objects.get(pk=connection.pk)
        return persist(partial(access_tokens.access_token, mine)).text

    got = at_once(*[ask] * 16)

    assert len(set(got)) == 1
    assert exchanges(scene.klaviyo) == [200]


def test_who_comes_a_moment_late_takes_the_token_that_another_brought(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = scene.connect()
    announce = access_tokens.announce

    def announce_late(late: Connection) -> bool:
        access_tokens.memory.put(
            (late.pk, late.grant_serial), Grant("brought", "", frozenset(), 3600)
        )
        return announce(late)

    monkeypatch.setattr(access_tokens, "announce", announce_late)

    assert access_tokens.access_token(connection).text == "brought"

    connection.refresh_from_db()
    assert connection.refresh_started_at is None
    assert exchanges(scene.klaviyo) == []


@in_threads
@pytest.mark.usefixtures("unlimited")
@pytest.mark.chaos
def test_two_processes_renew_one_by_one_as_well(scene: Scene) -> None:
    scene.klaviyo.configure(rotation="strict")
    scene.klaviyo.fault("delay", operation="oauth_refresh", seconds=0.02)
    connection = scene.connect()
    code = """
from tests.integrations.klaviyo.api.test_refresh import *
rate_limits.REFRESH_LIMIT = PLENTY
for _ in range(10):
    persist(lambda: access_tokens.refresh(Connection.objects.get()))
print("done", flush=True)
"""

    with python(code, environment(scene.klaviyo)) as other:
        wait_until(lambda: exchanges(scene.klaviyo))
        for _ in range(10):
            persist(lambda: access_tokens.refresh(Connection.objects.get()))
        wait_for_line(other, "done")

    assert exchanges(scene.klaviyo) == [200] * 20
    assert stored(connection)
    assert len(scene.klaviyo.grants()) == 1


@in_threads
def test_who_finds_a_renewal_under_way_does_not_wait_for_it(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(rate_limits, "REFRESH_LIMIT", PLENTY)
    connection = scene.connect()
    scene.klaviyo.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(1) as pool:
        renewal = pool.submit(in_thread, partial(access_tokens.refresh, connection))
        wait_until(lambda: exchanges(scene.klaviyo))

        with pytest.raises(ThrottledError) as told:
            access_tokens.access_token(Connection.objects.get())

        assert told.value.wait_s == access_tokens.REFRESH_BUSY_WAIT_S
        scene.klaviyo.clear_faults()
        assert renewal.result()
    assert exchanges(scene.klaviyo) == [200]


def test_a_connection_is_renewed_ten_times_a_minute_at_most(scene: Scene) -> None:
    scene.klaviyo.configure(refresh_per_minute=0)
    connection = scene.connect()
    renewed_at_s = []

    for now_s in range(180):
        try:
            access_tokens.refresh(connection)
            renewed_at_s.append(now_s)
        except ThrottledError:
            pass
        RateLimit.objects.update(counted_at=F("counted_at") - timedelta(seconds=1))

    busiest = max(sum(0 <= t - start < 60 for t in renewed_at_s) for start in range(180))
    assert 5 <= busiest <= 10


# --- What comes back ------------------------------------------------------------------------------


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_grant_can_be_renewed_again_and_again(rotation: str, scene: Scene) -> None:
    scene.klaviyo.configure(rotation=rotation)
    connection = scene.connect()
    before = stored(connection)

    texts = {access_tokens.refresh(connection).text for _ in range(4)}

    assert len(texts) == 4
    assert (stored(connection) == before) is (rotation in ("same", "none"))
    assert connection.refreshed_at
    assert connection.refresh_started_at is None


def test_a_rotated_token_is_stored_before_its_access_token_is_used(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    scene.klaviyo.configure(rotation="strict")
    connection = scene.connect()
    before = stored(connection)
    stored_when_put: list[str] = []
    put = access_tokens.Memory.put

    def note(
        memory: access_tokens.Memory, key: access_tokens.GrantKey, grant: Grant
    ) -> access_tokens.AccessToken:
        stored_when_put.append(stored(connection))
        return put(memory, key, grant)

    monkeypatch.setattr(access_tokens.Memory, "put", note)

    access_tokens.access_token(connection)

    assert stored_when_put == [stored(connection)]
    assert stored_when_put != [before]
