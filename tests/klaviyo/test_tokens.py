"""Access tokens: one renewal at a time, stored before used, ended only by Klaviyo's own word."""

import logging
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from functools import partial
from threading import Thread
from typing import TypeVar

import pytest
from django.db import connection as database
from django.db.models import F
from pytest_django import Settings

from clients import consent
from clients.models import Door
from integrations.klaviyo import budgets, connections, oauth, tokens
from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.api import Account
from integrations.klaviyo.models import Connection, EndCause, RateBudget
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.operations import Limit
from integrations.klaviyo.tokens import Fenced, GrantRevoked, Sealed
from integrations.sealing import keyring
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from tests.at_once import at_once
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.processes import environment, python, wait_for_line, wait_until
from tests.klaviyo.tables import rows_with

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)

T = TypeVar("T")
PLENTY = Limit(burst=100_000, steady=1_000_000)
ROTATIONS = ["same", "grace", "strict", "none"]


@pytest.fixture
def unlimited(sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither side minds how often a grant is renewed."""
    sandbox.configure(refresh_per_minute=0)
    monkeypatch.setattr(budgets, "REFRESH_LIMIT", PLENTY)


def stored(connection: Connection) -> str:
    """The refresh token as it lies in the row, opened."""
    connection.refresh_from_db()
    return keyring().open(connection.refresh_token, *connection.sealing_context)


def exchanges(sandbox: SandboxProcess) -> list[int]:
    return [one["status"] for one in sandbox.arrivals(operation="oauth_refresh")]


def wait_is_over(connection: Connection) -> None:
    """As some time later: the budget for refreshes is full again."""
    RateBudget.objects.filter(connection=connection, operation=budgets.REFRESH).delete()


def persist(work: Callable[[], T]) -> T:
    """Come back as often as told to wait, like a row that waits for its turn."""
    while True:
        try:
            return work()
        except Throttled:
            time.sleep(0.02)


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
        renewal = pool.submit(_in_thread, partial(tokens.refresh, connection))
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


# --- When the grant is dead, and when not ---------------------------------------------------------


def test_an_uninstall_is_heard_of_at_the_next_renewal(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.uninstall(tell=False)

    with pytest.raises(GrantRevoked) as ended:
        tokens.access_token(connection)

    assert ended.value.cause is EndCause.GRANT_DEAD


@pytest.mark.parametrize(
    "fault",
    [
        "500",
        "503",
        "html_200",
        "empty_200",
        "challenge",
        "403",
        "redirect",
        "truncated",
        "reset_before",
        "reset_after",
        "429",
        "429_no_retry_after",
        "401",
    ],
)
def test_no_other_answer_ends_a_connection(
    fault: str, sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault(fault, operation="oauth_refresh", times=1)

    with pytest.raises(Throttled):
        tokens.access_token(connection)

    wait_is_over(connection)
    assert tokens.access_token(connection)


def test_a_time_out_does_not_end_a_connection(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("integrations.klaviyo.http.DEADLINE_S", 0.2)
    connection = connect()
    sandbox.fault("hang", operation="oauth_refresh", seconds=1, times=1)

    with pytest.raises(Throttled):
        tokens.access_token(connection)

    connection.refresh_from_db()
    assert not connection.is_fenced


def test_a_wrong_client_secret_is_the_operators_and_ends_no_connection(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    settings.KLAVIYO_CLIENT_SECRET = "wrong"

    with pytest.raises(oauth.ConfigurationRefused):
        tokens.access_token(connection)

    connection.refresh_from_db()
    assert connection.refresh_started_at is None
    assert not connection.is_fenced


@pytest.mark.parametrize(
    ("fault", "cause"),
    [
        ("503", EndCause.RENEWAL_INTERRUPTED),  # it may have renewed, and said so to nobody
        ("reset_after", EndCause.RENEWAL_INTERRUPTED),
        ("429", EndCause.GRANT_DEAD),
        ("challenge", EndCause.GRANT_DEAD),
        ("invalid_client", EndCause.GRANT_DEAD),
    ],
)
def test_the_end_is_called_interrupted_only_where_a_renewal_may_have_been(
    fault: str, cause: EndCause, sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault(fault, operation="oauth_refresh", times=1)
    with pytest.raises((Throttled, oauth.ConfigurationRefused)):
        tokens.refresh(connection)
    wait_is_over(connection)
    sandbox.uninstall(tell=False)

    with pytest.raises(GrantRevoked) as ended:
        tokens.refresh(connection)

    assert ended.value.cause is cause


def test_where_nobody_listened_no_renewal_was_interrupted(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    settings.KLAVIYO_API_URL = "http://127.0.0.1:9"

    with pytest.raises(Throttled):
        tokens.refresh(connection)

    connection.refresh_from_db()
    assert connection.refresh_started_at is None


@in_threads
def test_a_dead_grant_that_was_replaced_meanwhile_ends_nothing(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    sandbox.fault("invalid_grant", operation="oauth_refresh", times=1)
    exchange = oauth.refresh

    def widen_meanwhile(refresh_token: str) -> Grant:
        _in_thread_of_its_own(partial(_replace_grant, sandbox, connection))
        return exchange(refresh_token)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "refresh", widen_meanwhile)
        with pytest.raises(Throttled):
            tokens.refresh(connection)

    wait_is_over(connection)
    assert tokens.refresh(Connection.objects.get())


@in_threads
def test_a_renewal_of_a_grant_that_was_replaced_meanwhile_is_dropped(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    sandbox.configure(rotation="strict")
    connection = connect()
    exchange = oauth.refresh

    def widen_meanwhile(refresh_token: str) -> Grant:
        grant = exchange(refresh_token)
        _in_thread_of_its_own(partial(_replace_grant, sandbox, connection))
        return grant

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(oauth, "refresh", widen_meanwhile)
        with pytest.raises(Throttled):
            tokens.refresh(connection)

    row = Connection.objects.get()
    assert tokens.memory.get((row.pk, row.grant_serial)) is None
    wait_is_over(connection)
    assert tokens.refresh(row)  # the new grant's


def test_a_fenced_connection_is_not_renewed(sandbox: SandboxProcess, connect: Connect) -> None:
    connection = connect()
    connections.fence(connection, EndCause.OWNER)

    with pytest.raises(Fenced):
        tokens.refresh(connection)

    assert exchanges(sandbox) == []


# --- Keys -----------------------------------------------------------------------------------------


def test_a_token_sealed_under_a_key_that_went_is_left_as_it_is(
    sandbox: SandboxProcess, connect: Connect, settings: Settings
) -> None:
    connection = connect()
    before = Connection.objects.values().get()
    settings.TOKEN_ENCRYPTION_KEYS = settings.TOKEN_ENCRYPTION_KEYS.replace("test:", "other:")

    with pytest.raises(Sealed):
        tokens.access_token(connection)

    assert Connection.objects.values().get() == before
    assert exchanges(sandbox) == []


def test_a_token_moved_from_another_studios_row_is_not_used(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    swapped = keyring().seal("token", "klaviyo refresh token", 4711, connection.pk)
    Connection.objects.update(refresh_token=swapped)

    with pytest.raises(Sealed):
        tokens.access_token(connection)

    assert exchanges(sandbox) == []


# --- Where access tokens are, and where not -------------------------------------------------------


def test_a_good_token_is_used_until_its_last_minute(
    sandbox: SandboxProcess, connect: Connect, monkeypatch: pytest.MonkeyPatch
) -> None:
    connection = connect()
    sandbox.configure(expires_in_s=600)
    first = tokens.access_token(connection)
    began = time.monotonic()

    monkeypatch.setattr(time, "monotonic", lambda: began + 530)
    assert tokens.access_token(connection) is first
    monkeypatch.setattr(time, "monotonic", lambda: began + 545)
    wait_is_over(connection)
    assert tokens.access_token(connection).text != first.text


def test_a_refused_token_is_forgotten_but_not_a_fresher_one(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    first = tokens.access_token(connection)
    wait_is_over(connection)
    second = tokens.refresh(connection)

    tokens.reject(connection, first)
    assert tokens.access_token(connection) is second
    tokens.reject(connection, second)
    wait_is_over(connection)
    assert tokens.access_token(connection).text not in (first.text, second.text)


def test_trying_a_grant_asks_klaviyo_even_with_a_good_token_at_hand(
    sandbox: SandboxProcess, connect: Connect
) -> None:
    connection = connect()
    tokens.access_token(connection)
    wait_is_over(connection)
    sandbox.uninstall(tell=False)

    with pytest.raises(GrantRevoked):
        tokens.refresh(connection)


def test_memory_knows_each_grant_apart(sandbox: SandboxProcess, connect: Connect) -> None:
    memory = tokens.Memory()
    connection = connect()
    old, new = (connection.pk, 1), (connection.pk, 2)

    memory.put(old, Grant("of the old", "", frozenset(), 3600))

    assert memory.get(new) is None
    assert memory.get(old)


def test_an_access_token_is_in_no_table_no_log_and_no_repr(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Callable[[], None],
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.DEBUG)
    grants = _note_grants(monkeypatch)
    sandbox.configure(rotation="grace")
    ana = add(first_name="Ana", email="ana@example.com", phone="+4930123456")

    connection = connect()
    work()
    ana.first_name = "Anna"
    ana.save()
    sandbox.expire_tokens()
    wait_is_over(connection)
    work()
    consent.withdraw(ana, door=Door.STAFF)
    sandbox.fault("500", operation="bulk_suppress_profiles", times=1)
    work_through(work)
    secrets = {secret for grant in grants for secret in (grant.access_token, grant.refresh_token)}
    assert len(grants) == 2
    assert not any(rows_with(secret) for secret in secrets)
    connections.fence(connection, EndCause.OWNER)
    work()

    assert not any(rows_with(secret) for secret in secrets)
    assert not any(secret in caplog.text for secret in secrets)
    assert not any(word in caplog.text for word in ("ana@example.com", "Ana", "+4930123456"))
    assert not any(secret in repr((grant, tokens.memory)) for secret in secrets for grant in grants)


def work_through(work: Callable[[], None]) -> None:
    """Past the waits that an answer asked for."""
    work()
    RateBudget.objects.update(blocked_until=None)
    with database.cursor() as cursor:
        cursor.execute("UPDATE klaviyo_clientsync SET due_at = now()")
    work()


def _note_grants(monkeypatch: pytest.MonkeyPatch) -> list[Grant]:
    grants: list[Grant] = []
    refresh = oauth.refresh

    def note(refresh_token: str) -> Grant:
        grants.append(refresh(refresh_token))
        return grants[-1]

    monkeypatch.setattr(oauth, "refresh", note)
    return grants


def _replace_grant(sandbox: SandboxProcess, connection: Connection) -> None:
    """A second consent, as the callback stores it."""
    owner = connection.connected_by
    assert owner
    answer = sandbox.issue_tokens()
    grant = Grant("", answer["refresh_token"], frozenset(answer["scope"].split()), 3600)
    connections.widen(connection.studio, owner, Account(LOTUS.id, "Lotus"), grant)


def _in_thread(work: Callable[[], T]) -> T:
    try:
        return work()
    finally:
        database.close()


def _in_thread_of_its_own(work: Callable[[], object]) -> None:
    thread = Thread(target=_in_thread, args=[work])
    thread.start()
    thread.join()


def _when_the_lock_is_free(connection: Connection) -> tokens.AccessToken:
    """PostgreSQL frees a dead process's lock as soon as it notices."""
    for _ in range(100):
        try:
            return tokens.refresh(connection)
        except Throttled:
            time.sleep(0.05)
            wait_is_over(connection)
    raise AssertionError("the lock was never free")
