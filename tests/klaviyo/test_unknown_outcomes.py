"""Requests whose outcome nobody knows: no second profile, no lost change, and the last word is
the newest."""

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from integrations.klaviyo import http, sync
from integrations.klaviyo.api import Klaviyo
from integrations.klaviyo.models import ClientSync
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import (
    change,
    claim,
    ids,
    opt_out,
    profile_id_of,
    row_of,
    statuses,
    time_passes,
    turns,
    values,
    writes,
)

Work = Callable[[], None]
pytestmark = pytest.mark.django_db

# What may become of a request, applied or not.
OUTCOMES: list[dict[str, str | bool]] = [
    {"fault": "reset_after"},
    {"fault": "reset_before"},
    {"fault": "truncated"},
    {"fault": "html_200", "apply": True},
    {"fault": "html_200"},
    {"fault": "empty_200", "apply": True},
    {"fault": "huge", "apply": True},
    {"fault": "challenge"},
    {"fault": "redirect"},
    {"fault": "500", "apply": True},
    {"fault": "503"},
    {"fault": "504", "apply": True},
]
NAMES = [" ".join(f"{name}" for name in one.values()) for one in OUTCOMES]


@pytest.fixture(autouse=True)
def _a_minutes_quarantine(sandbox: SandboxProcess, settings: Settings) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60


def until_at_rest(work: Work) -> None:
    for _ in range(4):
        work()
        time_passes()
    assert not ClientSync.objects.exclude(pk__in=ClientSync.objects.settled()).exists()


@pytest.mark.parametrize("outcome", OUTCOMES, ids=NAMES)
def test_a_creation_of_unknown_outcome_makes_one_profile(
    outcome: dict[str, str | bool],
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
) -> None:
    connect()
    sandbox.fault(**outcome, operation="create_profile", times=1)  # type: ignore[arg-type]
    ana = add(first_name="Ana", email="ana@example.com")

    work()
    assert row_of(ana).exposed == {"ana@example.com": None}
    until_at_rest(work)

    (profile,) = sandbox.profiles()
    assert profile["attributes"]["first_name"] == "Ana"
    assert profile_id_of(ana) == profile["id"]
    assert row_of(ana).exposed == {"ana@example.com": profile["id"]}


@pytest.mark.parametrize("outcome", OUTCOMES[:5], ids=NAMES[:5])
def test_an_update_of_unknown_outcome_is_sent_again(
    outcome: dict[str, str | bool],
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    before = ids(sandbox)
    sandbox.fault(**outcome, operation="update_profile", times=1)  # type: ignore[arg-type]

    change(ana, first_name="Anna", email="anna@example.com")
    until_at_rest(work)

    assert values(sandbox) == {"anna@example.com": ("Anna", None, None)}
    assert list(ids(sandbox).values()) == list(before.values())


def test_after_an_unknown_outcome_the_client_is_pushed_once_more_after_the_quarantine(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    sandbox.fault("reset_before", operation="update_profile", times=1)
    change(ana, first_name="Anna")

    work()
    time_passes(10)
    work()
    assert statuses(sandbox.arrivals(operation="update_profile")) == [0, 200]
    time_passes(10)
    turns(1)
    assert len(sandbox.arrivals(operation="update_profile")) == 2
    time_passes(60)
    work()
    assert len(sandbox.arrivals(operation="update_profile")) == 3
    until_at_rest(work)
    assert len(sandbox.arrivals(operation="update_profile")) == 3


def test_a_challenge_or_a_429_never_left_so_nothing_is_to_be_confirmed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    sandbox.fault("challenge", operation="update_profile", times=1)
    sandbox.fault("429", operation="update_profile", times=1)

    change(ana, first_name="Anna")
    for _ in range(3):
        turns(1)
        time_passes(10)

    assert statuses(sandbox.arrivals(operation="update_profile")) == [403, 429, 200]
    assert ClientSync.objects.settled().get().confirm_at is None


def test_the_late_request_is_not_the_last_word(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """The zombie: reset here, applied there after a newer one."""
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    sandbox.fault("reset_then_apply", operation="update_profile", seconds=0.6, times=1)

    change(ana, first_name="Old", email="old@example.com")
    work()
    change(ana, first_name="New", email="new@example.com")
    time_passes(5)
    work()
    assert values(sandbox) == {"new@example.com": ("New", None, None)}
    wait_for(lambda: values(sandbox) == {"old@example.com": ("Old", None, None)})
    until_at_rest(work)

    assert values(sandbox) == {"new@example.com": ("New", None, None)}
    assert set(row_of(ana).exposed) == {"new@example.com"}


def test_an_opt_out_after_a_late_request_covers_every_address_it_may_have_set(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """The forgotten address, as a creation: nobody knows that it came to be."""
    connect()
    sandbox.fault("reset_then_apply", operation="create_profile", seconds=0.6, times=1)
    ana = add(first_name="Ana", email="ana@example.com")
    work()

    change(ana, email="pereira@example.com")
    time_passes(5)
    work()
    wait_for(lambda: len(sandbox.profiles()) == 2)
    opt_out(ana)
    until_at_rest(work)

    assert sandbox.suppressed() == {"ana@example.com", "pereira@example.com"}
    assert len(sandbox.profiles()) == 2


def test_a_late_change_of_address_is_suppressed_under_both(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """The profile moves to an address after the suppression of the one it had."""
    ana = add(email="ana@example.com")
    connect()
    work()
    sandbox.fault("reset_then_apply", operation="update_profile", seconds=0.6, times=1)
    change(ana, email="pereira@example.com")
    work()

    opt_out(ana)
    work()
    wait_for(lambda: "pereira@example.com" in values(sandbox))
    until_at_rest(work)

    assert "pereira@example.com" in sandbox.suppressed()
    assert set(values(sandbox)) - sandbox.suppressed() == set()


def test_an_address_is_freed_only_once_its_profile_is_known_to_have_left_it(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    sandbox.fault("reset_before", operation="update_profile", times=1)

    change(ana, email="pereira@example.com")
    work()
    assert set(row_of(ana).exposed) == {"ana@example.com", "pereira@example.com"}
    time_passes(5)
    work()
    assert set(row_of(ana).exposed) == {"ana@example.com", "pereira@example.com"}
    until_at_rest(work)
    assert set(row_of(ana).exposed) == {"pereira@example.com"}


def test_a_hanging_request_ends_at_its_deadline(
    sandbox: SandboxProcess,
    connect: Connect,
    add: AddClient,
    work: Work,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 0.5)
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    sandbox.fault("hang", operation="update_profile", seconds=2, times=1)
    sandbox.fault("slow_drip", operation="update_profile", seconds=0.05, times=1)

    change(ana, first_name="Anna")
    until_at_rest(work)

    assert values(sandbox) == {"ana@example.com": ("Anna", None, None)}
    assert [one["fault"] for one in sandbox.arrivals(operation="update_profile")][:3] == [
        "hang",
        "slow_drip",
        None,
    ]


def test_a_look_up_of_unknown_outcome_makes_everybody_wait_and_nobody_twice(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    for name in ("ana", "bea", "cleo"):
        add(email=f"{name}@example.com")
    connect()
    sandbox.fault("reset_before", operation="get_profiles", times=1)

    until_at_rest(work)

    assert len(sandbox.profiles()) == 3
    created = [one for one in writes(sandbox) if one["operation"] == "create_profile"]
    assert len(created) == 3


def test_a_worker_that_dies_after_sending_leaves_the_client_to_the_next(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connection = connect()
    work()
    ana = add(first_name="Ana", email="ana@example.com")
    (row,) = claim(connection)
    with pytest.MonkeyPatch.context() as dies:
        dies.setattr("integrations.klaviyo.push._complete", lambda *_: None)
        sync._push([row], Klaviyo(connection))

    time_passes(16)
    until_at_rest(work)

    (profile,) = sandbox.profiles()
    assert profile_id_of(ana) == profile["id"]
    assert [one["operation"] for one in writes(sandbox)].count("create_profile") == 1


def wait_for(happens: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 5
    while not happens():
        assert time.monotonic() < ends_at
        time.sleep(0.05)
