"""Requests whose outcome nobody knows: no second profile, no lost change, and the last word is
the newest."""

import time
from collections.abc import Callable

import pytest
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations import http
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.sync import engine
from tests.support.klaviyo.scene import (
    Scene,
    claim,
    exposed,
    profile_id_of,
    statuses,
    time_passes,
    time_slices,
)

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
def a_minutes_quarantine(sandbox: SandboxProcess, settings: Settings) -> None:
    settings.KLAVIYO_QUARANTINE_S = 60


def until_at_rest(scene: Scene) -> None:
    for _ in range(4):
        scene.work()
        time_passes()
    assert not ClientSync.objects.exclude(pk__in=ClientSync.objects.settled()).exists()


@pytest.mark.parametrize("outcome", OUTCOMES, ids=NAMES)
def test_a_creation_of_unknown_outcome_makes_one_profile(
    outcome: dict[str, str | bool], scene: Scene
) -> None:
    scene.connect()
    scene.klaviyo.fault(**outcome, operation="create_profile", times=1)  # type: ignore[arg-type]
    ana = scene.add(first_name="Ana", email="ana@example.com")

    time_slices(1)
    never_left = outcome["fault"] == "challenge"
    assert exposed(ana) == ({} if never_left else {"ana@example.com": None})
    until_at_rest(scene)

    (profile,) = scene.klaviyo.profiles()
    assert profile["attributes"]["first_name"] == "Ana"
    assert profile_id_of(ana) == profile["id"]
    assert exposed(ana) == {"ana@example.com": profile["id"]}


@pytest.mark.parametrize("outcome", OUTCOMES[:5], ids=NAMES[:5])
def test_an_update_of_unknown_outcome_is_sent_again(
    outcome: dict[str, str | bool], scene: Scene
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    before = scene.ids()
    scene.klaviyo.fault(**outcome, operation="update_profile", times=1)  # type: ignore[arg-type]

    scene.change(ana, first_name="Anna", email="anna@example.com")
    until_at_rest(scene)

    assert scene.values() == {"anna@example.com": ("Anna", None, None)}
    assert list(scene.ids().values()) == list(before.values())


def test_after_an_unknown_outcome_the_client_is_pushed_once_more_after_the_quarantine(
    scene: Scene,
) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("reset_before", operation="update_profile", times=1)
    scene.change(ana, first_name="Anna")

    scene.work()
    time_passes(10)
    scene.work()
    assert statuses(scene.klaviyo.request_log(operation="update_profile")) == [0, 200]
    time_passes(10)
    time_slices(1)
    assert len(scene.klaviyo.request_log(operation="update_profile")) == 2
    time_passes(60)
    scene.work()
    assert len(scene.klaviyo.request_log(operation="update_profile")) == 3
    until_at_rest(scene)
    assert len(scene.klaviyo.request_log(operation="update_profile")) == 3


def test_a_challenge_or_a_429_never_left_so_nothing_is_to_be_confirmed(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("challenge", operation="update_profile", times=1)
    scene.klaviyo.fault("429", operation="update_profile", times=1)

    scene.change(ana, first_name="Anna")
    for _ in range(3):
        time_slices(1)
        time_passes(10)

    assert statuses(scene.klaviyo.request_log(operation="update_profile")) == [403, 429, 200]
    assert ClientSync.objects.settled().get().confirm_at is None


def test_the_late_request_is_not_the_last_word(scene: Scene) -> None:
    """The zombie: given up here, applied there after a newer one."""
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()

    scene.change(ana, first_name="Old", email="old@example.com")
    give_up_early(scene, "update_profile")
    scene.change(ana, first_name="New", email="new@example.com")
    time_passes(5)
    scene.work()
    assert scene.values() == {"new@example.com": ("New", None, None)}
    scene.klaviyo.clear_faults()
    wait_for(lambda: scene.values() == {"old@example.com": ("Old", None, None)})
    until_at_rest(scene)

    assert scene.values() == {"new@example.com": ("New", None, None)}
    assert set(exposed(ana)) == {"new@example.com"}


def test_an_opt_out_after_a_late_request_covers_every_address_it_may_have_set(scene: Scene) -> None:
    """The forgotten address, as a creation: nobody knows that it came to be."""
    scene.connect()
    ana = scene.add(first_name="Ana", email="ana@example.com")
    give_up_early(scene, "create_profile")

    scene.change(ana, email="pereira@example.com")
    time_passes(5)
    scene.work()
    scene.klaviyo.clear_faults()
    wait_for(lambda: len(scene.klaviyo.profiles()) == 2)
    scene.opt_out(ana)
    until_at_rest(scene)

    assert scene.klaviyo.suppressed() == {"ana@example.com", "pereira@example.com"}
    assert len(scene.klaviyo.profiles()) == 2


def test_a_late_change_of_address_is_suppressed_under_both(scene: Scene) -> None:
    """The profile moves to an address after the suppression of the one it had."""
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.change(ana, email="pereira@example.com")
    give_up_early(scene, "update_profile")

    scene.opt_out(ana)
    scene.work()
    scene.klaviyo.clear_faults()
    wait_for(lambda: "pereira@example.com" in scene.values())
    until_at_rest(scene)

    assert "pereira@example.com" in scene.klaviyo.suppressed()
    assert set(scene.values()) - scene.klaviyo.suppressed() == set()


def test_an_address_is_freed_only_once_its_profile_is_known_to_have_left_it(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("reset_before", operation="update_profile", times=1)

    scene.change(ana, email="pereira@example.com")
    scene.work()
    assert set(exposed(ana)) == {"ana@example.com", "pereira@example.com"}
    time_passes(5)
    scene.work()
    assert set(exposed(ana)) == {"ana@example.com", "pereira@example.com"}
    until_at_rest(scene)
    assert set(exposed(ana)) == {"pereira@example.com"}


def test_a_hanging_request_ends_at_its_deadline(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "DEADLINE_S", 0.5)
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("hang", operation="update_profile", seconds=2, times=1)
    scene.klaviyo.fault("slow_drip", operation="update_profile", seconds=0.05, times=1)

    scene.change(ana, first_name="Anna")
    until_at_rest(scene)

    assert scene.values() == {"ana@example.com": ("Anna", None, None)}
    assert [one["fault"] for one in scene.klaviyo.request_log(operation="update_profile")][:3] == [
        "hang",
        "slow_drip",
        None,
    ]


def test_a_look_up_of_unknown_outcome_makes_everybody_wait_and_nobody_twice(scene: Scene) -> None:
    for name in ("ana", "bea", "cleo"):
        scene.add(email=f"{name}@example.com")
    scene.connect()
    scene.klaviyo.fault("reset_before", operation="get_profiles", times=1)

    until_at_rest(scene)

    assert len(scene.klaviyo.profiles()) == 3
    created = [one for one in scene.writes() if one["operation"] == "create_profile"]
    assert len(created) == 3


def test_a_worker_that_dies_after_sending_leaves_the_client_to_the_next(scene: Scene) -> None:
    connection = scene.sync()
    ana = scene.add(first_name="Ana", email="ana@example.com")
    (row,) = claim(connection)
    with pytest.MonkeyPatch.context() as dies:
        dies.setattr("integrations.klaviyo.sync.upsert.complete", lambda _: None)
        engine.push_all([row], Klaviyo(connection))

    time_passes(16)
    until_at_rest(scene)

    (profile,) = scene.klaviyo.profiles()
    assert profile_id_of(ana) == profile["id"]
    assert [one["operation"] for one in scene.writes()].count("create_profile") == 1


def give_up_early(scene: Scene, operation: str) -> None:
    """A time slice whose request is given up; it is applied when the faults are lifted."""
    scene.klaviyo.fault("hold", operation=operation, apply=False, times=1)
    with pytest.MonkeyPatch.context() as hasty:
        hasty.setattr(http, "DEADLINE_S", 0.3)
        time_slices(1)


def wait_for(happens: Callable[[], bool]) -> None:
    ends_at = time.monotonic() + 30  # machines may be slow
    while not happens():
        assert time.monotonic() < ends_at
        time.sleep(0.05)
