"""Renewing access: one at a time, and stored before it is used."""

import time
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial

import pytest
from django.db.models import F

from integrations.klaviyo import budgets, tokens
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.models import Connection, EndCause, RateBudget
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.tokens import GrantRevoked
from klaviyo_sandbox.testing import SandboxProcess
from tests.at_once import at_once
from tests.klaviyo.conftest import Connect
from tests.klaviyo.processes import environment, python, wait_for_line, wait_until
from tests.klaviyo.renewals import (
    PLENTY,
    ROTATIONS,
    exchanges,
    in_thread,
    persist,
    stored,
    wait_is_over,
)

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


@pytest.fixture
def unlimited(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither side minds how often a grant is renewed."""
    sandbox.configure(refresh_per_minute=0)
    monkeypatch.setattr(budgets, "REFRESH_LIMIT", PLENTY)


# --- One at a time --------------------------------------------------------------------------------


@in_threads
@pytest.mark.usefixtures("unlimited")
def test_sixteen_renewals_at_once_go_one_by_one_and_the_grant_lives(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(rotation="strict")  # a spent token sent again would kill the grant
    sandbox.fault("delay", operation="oauth_refresh", seconds=0.02)
    connection = connect()

    def renew() -> None:
        mine = Connection.objects.get(pk=connection.pk)
        persist(partial(tokens.refresh, mine))

    ends = at_once(*[renew] * 16)

    assert ends == [None] * 16
    assert exchanges(sandbox) == [200] * 16
    assert sandbox.journal(operation="grant_killed") == []
    assert len(sandbox.grants()) == 1
    assert tokens.refresh(connection)


@in_threads
def test_sixteen_threads_that_need_a_token_share_one_renewal(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()

    def ask() -> str:
        mine = Connection.objects.get(pk=connection.pk)
        return persist(partial(tokens.access_token, mine)).text

    got = at_once(*[ask] * 16)

    assert len(set(got)) == 1
    assert exchanges(sandbox) == [200]


def test_who_comes_a_moment_late_takes_the_token_that_another_brought(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    announce = tokens._announce

    def announce_late(late: Connection) -> bool:
        tokens.memory.put((late.pk, late.grant_serial), Grant("brought", "", frozenset(), 3600))
        return announce(late)

    monkeypatch.setattr(tokens, "_announce", announce_late)

    assert tokens.access_token(connection).text == "brought"

    connection.refresh_from_db()
    assert connection.refresh_started_at is None
    assert exchanges(sandbox) == []


@in_threads
@pytest.mark.usefixtures("unlimited")
@pytest.mark.chaos
def test_two_processes_renew_one_by_one_as_well(sandbox: SandboxProcess, connect: Connect) -> None:
    sandbox.configure(rotation="strict")
    sandbox.fault("delay", operation="oauth_refresh", seconds=0.02)
    connection = connect()
    code = """
from tests.klaviyo.test_tokens import *
budgets.REFRESH_LIMIT = PLENTY
for _ in range(10):
    persist(lambda: tokens.refresh(Connection.objects.get()))
print("done", flush=True)
"""

    with python(code, environment(sandbox)) as other:
        wait_until(lambda: exchanges(sandbox))
        for _ in range(10):
            persist(lambda: tokens.refresh(Connection.objects.get()))
        wait_for_line(other, "done")

    assert exchanges(sandbox) == [200] * 20
    assert stored(connection)
    assert len(sandbox.grants()) == 1


@in_threads
def test_who_finds_a_renewal_under_way_does_not_wait_for_it(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(budgets, "REFRESH_LIMIT", PLENTY)
    connection = connect()
    sandbox.fault("hold", operation="oauth_refresh")
    with ThreadPoolExecutor(1) as pool:
        renewal = pool.submit(in_thread, partial(tokens.refresh, connection))
        wait_until(lambda: exchanges(sandbox))

        with pytest.raises(Throttled) as told:
            tokens.access_token(Connection.objects.get())

        assert told.value.wait_s == tokens.REFRESH_BUSY_WAIT_S
        sandbox.clear_faults()
        assert renewal.result()
    assert exchanges(sandbox) == [200]


def test_a_connection_is_renewed_ten_times_a_minute_at_most(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(refresh_per_minute=0)
    connection = connect()
    renewed_at_s = []

    for now_s in range(180):
        try:
            tokens.refresh(connection)
            renewed_at_s.append(now_s)
        except Throttled:
            pass
        RateBudget.objects.update(counted_at=F("counted_at") - timedelta(seconds=1))

    busiest = max(sum(0 <= t - start < 60 for t in renewed_at_s) for start in range(180))
    assert 5 <= busiest <= 10


# --- What comes back ------------------------------------------------------------------------------


@pytest.mark.usefixtures("unlimited")
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_grant_can_be_renewed_again_and_again(
    rotation: str, sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(rotation=rotation)
    connection = connect()
    before = stored(connection)

    texts = {tokens.refresh(connection).text for _ in range(4)}

    assert len(texts) == 4
    assert (stored(connection) == before) is (rotation in ("same", "none"))
    assert connection.refreshed_at
    assert connection.refresh_started_at is None


def test_a_rotated_token_is_stored_before_its_access_token_is_used(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    sandbox.configure(rotation="strict")
    connection = connect()
    before = stored(connection)
    stored_when_put: list[str] = []
    put = tokens.Memory.put

    def note(memory: tokens.Memory, key: tokens.GrantKey, grant: Grant) -> tokens.AccessToken:
        stored_when_put.append(stored(connection))
        return put(memory, key, grant)

    monkeypatch.setattr(tokens.Memory, "put", note)

    tokens.access_token(connection)

    assert stored_when_put == [stored(connection)]
    assert stored_when_put != [before]


@in_threads
@pytest.mark.chaos
@pytest.mark.parametrize("rotation", ROTATIONS)
def test_a_kill_between_exchange_and_storing_ends_at_most_a_strict_grant_and_is_named_for_it(
    rotation: str, sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(rotation=rotation)
    connection = connect()
    code = """
import time
from integrations.klaviyo import tokens
from integrations.klaviyo.models import Connection
def hold(*_):
    print("exchanged", flush=True)
    time.sleep(60)
tokens._store = hold
tokens.refresh(Connection.objects.get())
"""
    with python(code, environment(sandbox)) as dying:
        wait_for_line(dying, "exchanged")
        dying.kill()
        dying.wait()
    wait_is_over(connection)

    if rotation == "strict":
        with pytest.raises(GrantRevoked) as ended:
            _when_the_lock_is_free(connection)
        assert ended.value.cause is EndCause.RENEWAL_INTERRUPTED
    else:
        assert _when_the_lock_is_free(connection)
        connection.refresh_from_db()
        assert connection.refresh_started_at is None


def _when_the_lock_is_free(connection: Connection) -> tokens.AccessToken:
    """PostgreSQL frees a dead process's lock as soon as it notices."""
    for _ in range(100):
        try:
            return tokens.refresh(connection)
        except Throttled:
            time.sleep(0.05)
            wait_is_over(connection)
    raise AssertionError("the lock was never free")
