"""Opt-outs against everything else that happens: what goes first, what is the last word."""

from collections.abc import Callable

import pytest

from clients.models import Client
from integrations.klaviyo import backfill, connections, sync
from integrations.klaviyo.api import Account, Klaviyo
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import User
from tests.klaviyo.conftest import FOUR_SCOPES, LOTUS, AddClient, Connect
from tests.klaviyo.scenes import (
    change,
    claim,
    last_entry,
    operations,
    opt_in,
    opt_out,
    statuses,
    time_passes,
    values,
    writes,
)

Work = Callable[[], None]
THREE_SCOPES = ("accounts:read", "profiles:read", "profiles:write")
pytestmark = pytest.mark.django_db


def test_without_the_scope_opt_outs_wait_for_the_owner_and_go_first_when_it_is_given(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana, bea = add(email="ana@example.com"), add(email="bea@example.com")
    connection = connect(scopes=THREE_SCOPES)
    work()

    opt_out(ana)
    work()
    waiting = ClientSync.objects.opt_outs_waiting().get()
    assert (waiting.client, waiting.reason) == (ana, Reason.PERMISSION_MISSING)
    assert sandbox.suppressed() == set()
    assert statuses(sandbox.arrivals(operation="bulk_suppress_profiles")) == [403]
    assert not Connection.objects.get().is_refused

    seen = last_entry(sandbox)
    change(bea, first_name="Bea")
    widen(sandbox, connection)
    work()

    assert operations(sandbox, seen) == ["bulk_suppress_profiles", "update_profile"]
    assert sandbox.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.opt_outs_waiting().exists()


def test_a_deleted_client_whose_opt_out_waited_for_the_owner_is_suppressed_as_well(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connection = connect(scopes=THREE_SCOPES)
    work()
    opt_out(ana)
    work()
    Client.objects.get(pk=ana.pk).delete()

    widen(sandbox, connection)
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.exists()


def widen(sandbox: SandboxProcess, connection: Connection) -> None:
    answer = sandbox.issue_tokens(LOTUS.id, " ".join(FOUR_SCOPES))
    grant = Grant("", answer["refresh_token"], frozenset(FOUR_SCOPES), 3600)
    connections.widen(
        connection.studio, User.objects.get(), Account(LOTUS.id, "Lotus Yoga Berlin"), grant
    )


def test_an_opt_in_again_before_anything_was_sent_leaves_everything_as_it_was(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    seen = last_entry(sandbox)

    opt_out(ana)
    opt_in(ana)
    work()

    assert operations(sandbox, seen) == []
    assert sandbox.suppressed() == set()


def test_an_opt_in_again_is_pushed_and_never_lifts_the_suppression(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connect()
    work()
    opt_out(ana)
    work()
    seen = last_entry(sandbox)

    opt_in(ana)
    change(ana, first_name="Anna")
    work()

    assert operations(sandbox, seen) == ["update_profile"]
    assert values(sandbox)["ana@example.com"] == ("Anna", None, None)
    assert sandbox.suppressed() == {"ana@example.com"}


def test_an_opt_in_between_claim_and_request_is_pushed_instead(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """Not even an address that she had once is suppressed."""
    sandbox.seed({"email": "once@example.com"})
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    ClientSync.objects.update(exposed={"ana@example.com": None, "once@example.com": None})
    opt_out(ana)
    rows = claim(connection, Priority.OPT_OUT)

    opt_in(ana)
    sync._suppress(rows, Klaviyo(connection))
    work()

    assert sandbox.suppressed() == set()


def test_an_opt_out_between_claim_and_request_is_suppressed_instead(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="ana@example.com")
    connection = connect()
    work()
    seen = last_entry(sandbox)
    change(ana, first_name="Anna")
    rows = claim(connection)

    opt_out(ana)
    sync._push(rows, Klaviyo(connection))
    work()

    assert operations(sandbox, seen) == ["bulk_suppress_profiles"]
    assert sandbox.suppressed() == {"ana@example.com"}


def test_an_opt_out_during_the_backfill_overtakes_it(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.seed({"email": "client39@example.com"})
    people = [add(email=f"client{number}@example.com") for number in range(40)]
    connection = connect()
    while backfill.seed(connection):
        pass
    sync._work(connection, Priority.BACKFILL)

    opt_out(people[-1])
    work()

    told = [(one["operation"], one["email"]) for one in writes(sandbox)]
    assert told.index(("bulk_suppress_profiles", "client39@example.com")) <= sync.CLAIM_ROWS
    assert ("create_profile", "client39@example.com") not in told
    assert len(sandbox.profiles()) == 40


def test_a_suppression_is_asserted_again_after_an_unknown_outcome(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    sandbox.fault("reset_after", operation="bulk_suppress_profiles", times=1)

    opt_out(ana)
    work()
    time_passes()
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert ClientSync.objects.settled().get().suppressed_at
    assert operations(sandbox).count("bulk_suppress_profiles") == 2
