"""Opt-outs against everything else that happens: what goes first, what is the last word."""

import pytest

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.outbox import consumer
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import backfill, engine
from studios.models import User
from tests.support.klaviyo.scene import (
    FOUR_SCOPES,
    Scene,
    claim,
    expose,
    statuses,
    time_passes,
)

THREE_SCOPES = ("accounts:read", "profiles:read", "profiles:write")
pytestmark = pytest.mark.django_db


def test_without_the_scope_opt_outs_wait_for_the_owner_and_go_first_when_it_is_given(
    scene: Scene,
) -> None:
    ana, bea = scene.add(email="ana@example.com"), scene.add(email="bea@example.com")
    connection = scene.sync(scopes=THREE_SCOPES)

    scene.opt_out(ana)
    scene.work()
    waiting = ClientSync.objects.opt_outs_waiting().get()
    assert (waiting.client, waiting.reason) == (ana, Reason.PERMISSION_MISSING)
    assert scene.klaviyo.suppressed() == set()
    assert statuses(scene.klaviyo.request_log(operation="bulk_suppress_profiles")) == [403]
    assert not Connection.objects.get().is_suspended

    seen = scene.last_entry()
    scene.change(bea, first_name="Bea")
    add_scopes(scene.klaviyo, connection)
    scene.work()

    assert scene.operations(seen) == ["bulk_suppress_profiles", "update_profile"]
    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.opt_outs_waiting().exists()


def test_a_deleted_client_whose_opt_out_waited_for_the_owner_is_suppressed_as_well(
    scene: Scene,
) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.sync(scopes=THREE_SCOPES)
    scene.opt_out(ana)
    scene.work()
    Client.objects.get(pk=ana.pk).delete()

    add_scopes(scene.klaviyo, connection)
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.exists()


def add_scopes(sandbox: SandboxProcess, connection: Connection) -> None:
    answer = sandbox.issue_tokens(LOTUS.id, " ".join(FOUR_SCOPES))
    grant = Grant("", answer["refresh_token"], frozenset(FOUR_SCOPES), 3600)
    lifecycle.add_scopes(
        connection.studio, User.objects.get(), Account(LOTUS.id, "Lotus Yoga Berlin"), grant
    )


def test_an_opt_in_again_before_anything_was_sent_leaves_everything_as_it_was(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    seen = scene.last_entry()

    scene.opt_out(ana)
    scene.opt_in(ana)
    scene.work()

    assert scene.operations(seen) == []
    assert scene.klaviyo.suppressed() == set()


def test_an_opt_in_again_is_pushed_and_never_lifts_the_suppression(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    scene.sync()
    scene.opt_out(ana)
    scene.work()
    seen = scene.last_entry()

    scene.opt_in(ana)
    scene.change(ana, first_name="Anna")
    scene.work()

    assert scene.operations(seen) == ["update_profile"]
    assert scene.values()["ana@example.com"] == ("Anna", None, None)
    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def test_an_opt_in_between_claim_and_request_is_pushed_instead(scene: Scene) -> None:
    """Not even an address that she had once is suppressed."""
    scene.klaviyo.seed({"email": "once@example.com"})
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    expose(ana, **{"ana@example.com": None, "once@example.com": None})
    scene.opt_out(ana)
    rows = claim(connection, Priority.OPT_OUT)

    scene.opt_in(ana)
    engine.suppress_all(rows, Klaviyo(connection))
    scene.work()

    assert scene.klaviyo.suppressed() == set()


def test_an_opt_out_between_claim_and_request_is_suppressed_instead(scene: Scene) -> None:
    ana = scene.add(first_name="Ana", email="ana@example.com")
    connection = scene.sync()
    seen = scene.last_entry()
    scene.change(ana, first_name="Anna")
    rows = claim(connection)

    scene.opt_out(ana)
    engine.push_all(rows, Klaviyo(connection))
    scene.work()

    assert scene.operations(seen) == ["bulk_suppress_profiles"]
    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def test_an_opt_out_during_the_backfill_overtakes_it(scene: Scene) -> None:
    scene.klaviyo.seed({"email": "client39@example.com"})
    people = [scene.add(email=f"client{number}@example.com") for number in range(40)]
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass
    claimed = claim(connection, Priority.BACKFILL)
    engine.push_all(claimed[:8], Klaviyo(connection, backfill=True))
    for row in claimed[8:]:
        consumer.release(row)

    scene.opt_out(people[-1])
    scene.work()

    told = [(one["operation"], one["email"]) for one in scene.writes()]
    assert told.index(("bulk_suppress_profiles", "client39@example.com")) == 8
    assert ("create_profile", "client39@example.com") not in told
    assert len(scene.klaviyo.profiles()) == 40


def test_a_suppression_is_asserted_again_after_an_unknown_outcome(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.klaviyo.fault("reset_after", operation="bulk_suppress_profiles", times=1)

    scene.opt_out(ana)
    scene.work()
    time_passes()
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}
    assert ClientSync.objects.settled().get().suppressed_at
    assert scene.operations().count("bulk_suppress_profiles") == 2
