"""Opt-outs: who is suppressed, and who never is."""

from collections.abc import Callable

import pytest
from django.db.models import F
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo import sync
from integrations.klaviyo.api import Klaviyo
from integrations.klaviyo.models import ClientSync, Priority, SyncEvent
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Studio
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import (
    change,
    claim,
    last_entry,
    operations,
    opt_out,
    row_of,
    time_passes,
    values,
)

Work = Callable[[], None]
THREE_SCOPES = ("accounts:read", "profiles:read", "profiles:write")
pytestmark = pytest.mark.django_db


def test_an_opt_out_is_suppressed_and_never_pushed_again(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    seen = last_entry(sandbox)

    opt_out(ana)
    work()
    change(ana, first_name="Anna")
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert set(operations(sandbox, seen)) == {"bulk_suppress_profiles"}
    assert row_of(ana).suppressed_at


def test_an_opt_out_of_a_client_never_pushed_is_looked_up_and_suppressed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.seed({"email": "Ana@Example.com", "first_name": "A."})
    connect()
    work()

    opt_out(add(first_name="Ana", email="ana@example.com", email_opt_in=False))
    work()

    assert len(sandbox.suppressed()) == 1
    assert operations(sandbox) == ["bulk_suppress_profiles"]
    assert values(sandbox)["Ana@Example.com"] == ("A.", None, None)


def test_an_opt_out_that_klaviyo_does_not_know_creates_nobody(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    connect()
    work()
    ana = add(email="ana@example.com", email_opt_in=False)

    opt_out(ana)
    work()

    assert sandbox.profiles() == []
    assert operations(sandbox) == []
    assert row_of(ana).reason == ""
    assert SyncEvent.objects.get(client=ana).what == SyncEvent.What.NOT_FOUND


def test_those_who_opted_out_before_connecting_go_first_and_are_created_by_nothing(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.seed({"email": "bea@example.com"})
    add(email="ana@example.com")
    opt_out(add(email="bea@example.com"))
    opt_out(add(email="cleo@example.com"))

    connect()
    work()

    assert operations(sandbox) == ["bulk_suppress_profiles", "create_profile"]
    assert sandbox.suppressed() == {"bea@example.com"}
    assert set(values(sandbox)) == {"ana@example.com", "bea@example.com"}


def test_an_opt_out_covers_the_old_address_and_the_new_one(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    """The new address never reached Klaviyo, or did: nobody knows."""
    ana = add(email="ana@example.com")
    connect()
    work()
    sandbox.seed({"email": "pereira@example.com"})

    change(ana, email="pereira@example.com")
    opt_out(ana)
    work()

    assert sandbox.suppressed() == {"ana@example.com", "pereira@example.com"}
    assert len(sandbox.profiles()) == 2


def test_a_new_address_that_klaviyo_does_not_know_is_not_created_by_the_opt_out(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()

    change(ana, email="pereira@example.com")
    opt_out(ana)
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert len(sandbox.profiles()) == 1


def test_an_address_that_another_opted_in_client_holds_is_not_suppressed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(first_name="Ana", email="family@example.com")
    bea = add(first_name="Bea", email="bea@example.com")
    connect()
    work()
    sandbox.fault("500", operation="update_profile", times=1)  # Ana's change stays on its way

    change(ana, email="ana@example.com")
    work()
    change(bea, email="family@example.com")
    opt_out(ana)
    time_passes()
    work()

    assert "family@example.com" not in sandbox.suppressed()
    assert values(sandbox)["family@example.com"] == ("Bea", None, None)


def test_a_deleted_clients_waiting_opt_out_still_goes_out_and_then_its_address_is_forgotten(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()

    opt_out(ana)
    Client.objects.get(pk=ana.pk).delete()
    assert ClientSync.objects.get().client is None
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.exists()


def test_a_client_deleted_while_its_opt_out_is_on_its_way_leaves_nothing_behind(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connection = connect()
    work()
    opt_out(ana)
    rows = claim(connection, Priority.OPT_OUT)

    Client.objects.get(pk=ana.pk).delete()
    sync._suppress(rows, Klaviyo(connection))
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert not ClientSync.objects.exists()


def test_a_hundred_and_fifty_opt_outs_go_out_in_a_few_calls(
    sandbox: SandboxProcess, connect: Connect, work: Work, lotus: Studio
) -> None:
    addresses = [f"client{number}@example.com" for number in range(150)]
    sandbox.seed(*({"email": address} for address in addresses))
    gone = [Client(studio=lotus, email=one, opted_out_at=timezone.now()) for one in addresses]
    Client.objects.bulk_create(gone)

    connect()
    work()

    assert sandbox.suppressed() == set(addresses)
    assert len(sandbox.arrivals(operation="get_profiles")) == 3
    assert len(sandbox.arrivals(operation="bulk_suppress_profiles")) == 3

    ClientSync.objects.update(wanted=F("done") + 1)
    work()

    assert len(sandbox.arrivals(operation="get_profiles")) == 3
    assert len(sandbox.arrivals(operation="bulk_suppress_profiles")) == 5


def test_one_address_that_klaviyo_refuses_keeps_no_other_from_being_suppressed(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    people = [add(email=f"client{number}@example.com") for number in range(9)]
    connect()
    work()
    bad = people[4]
    ClientSync.objects.filter(client=bad).update(exposed={"client4@no-dots": None})
    Client.objects.filter(pk=bad.pk).update(email="client4@no-dots")

    for client in people:
        opt_out(client)
    work()

    good = {client.email for client in people if client != bad}
    assert sandbox.suppressed() == good
    assert row_of(bad).reason == Reason.EMAIL_INVALID
    assert not ClientSync.objects.exclude(client=bad).exclude(reason="").exists()


def test_an_address_mistyped_once_keeps_its_correction_from_nothing(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@no-dots")
    connect()
    work()
    change(ana, email="ana@example.com")
    work()

    opt_out(ana)
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
    assert row_of(ana).reason == ""


def test_an_address_that_no_look_up_can_be_made_of_holds_no_other_opt_out_back(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    sandbox.seed({"email": "ana@example.com"}, {"email": "cleo@example.com"})
    for address in ("ana@example.com", '"a]b"@example.com', "cleo@example.com"):
        opt_out(add(email=address))

    connect()
    work()

    assert sandbox.suppressed() == {"ana@example.com", "cleo@example.com"}
    assert ClientSync.objects.get(client__email__contains="]").reason == Reason.EMAIL_INVALID


def test_an_opt_out_that_needs_no_look_up_does_not_wait_for_one(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    sandbox.fault("500", operation="get_profiles")

    opt_out(add(email="bea@example.com", email_opt_in=False))
    opt_out(ana)
    work()

    assert sandbox.suppressed() == {"ana@example.com"}
