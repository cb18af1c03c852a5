"""Taking an import back within ten minutes, and what waits for that."""

from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import time_machine
from django.utils import timezone

from clients import consent
from clients.models import Client, ConsentSource, Run, Withdrawal
from clients.models.client import DETAILS
from clients.runs import control, runner
from clients.signals import clients_changed, clients_released
from studios.models import Studio
from tests.clients.conftest import AddClient, Desk
from tests.clients.imports.conftest import Importer

pytestmark = pytest.mark.django_db

UNSUBSCRIBED = {"Unsubscribed": {"*": "no"}}
KEPT = (*DETAILS, "email_opt_in", "opted_out_at", "consent_changed_at", "consent_source")


def everybody() -> list[dict[str, Any]]:
    return list(Client.objects.order_by("pk").values(*KEPT))


def test_everything_goes_back(fays_list: Importer, add_client: AddClient, lotus: Studio) -> None:
    add_client(first_name="Ana", email="ana@example.com", phone="+4930123456", email_opt_in=True)
    add_client(first_name="Bo", email="bo@example.com")
    before = everybody()
    run = fays_list.run(
        "First name,Email,Phone,Unsubscribed,Opt in\n"
        "Anna,ana@example.com,030 999999,yes,\n"
        "Bo,bo@example.com,,,ja\n"
        "Cy,cy@example.com,,yes,\n"
        ",dee@example.com,no number,yes,\n",
        UNSUBSCRIBED | {"Opt in": {"ja": "yes"}},
    )
    assert everybody() != before

    fays_list.undo(run)

    run.refresh_from_db()
    assert run.state == Run.State.UNDONE
    assert everybody() == before
    for name in ("ana", "cy", "dee"):
        assert not Withdrawal.stands(lotus, f"{name}@example.com")
    ana = Client.objects.get(first_name="Ana")
    assert [event.text for event in ana.events.order_by("pk")][-2:] == [
        "First name Anna → Ana, phone 030 999999 → 030 123456"
        " as something was taken back, by Fay Lindqvist",
        "Agreed to emails as something was taken back, by Fay Lindqvist",
    ]


def test_what_a_person_did_since_stays(
    fays_list: Importer, fays_desk: Desk, add_client: AddClient
) -> None:
    old = add_client(first_name="Ana", last_name="Old", email="ana@example.com")
    run = fays_list.run(
        "First name,Last name,Email\nAnna,New,ana@example.com\nBo,,bo@example.com\nCy,,\n"
    )
    fays_desk.edit(old, first_name="Annabel")
    bo = Client.objects.get(first_name="Bo")
    fays_desk.edit(bo, email_opt_in="on")

    fays_list.undo(run)

    assert sorted(client.full_name for client in Client.objects.all()) == ["Annabel Old", "Bo"]
    assert run.counts["kept"] == 2


def test_a_click_of_the_clients_own_is_not_taken_back(
    fays_list: Importer, add_client: AddClient, lotus: Studio
) -> None:
    ana = add_client(email="ana@example.com", email_opt_in=True)
    run = fays_list.run("Email,Unsubscribed\nana@example.com,x\n", UNSUBSCRIBED)
    ana.refresh_from_db()
    consent.withdraw(ana, source=ConsentSource.FOOTER)

    fays_list.undo(run)

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.FOOTER
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_a_withdrawal_from_before_stays(
    fays_list: Importer, add_client: AddClient, lotus: Studio
) -> None:
    gone = add_client(email="gone@example.com", email_opt_in=True)
    consent.withdraw(gone, source=ConsentSource.FOOTER)
    gone.delete()
    run = fays_list.run("Email,Unsubscribed\ngone@example.com,x\n", UNSUBSCRIBED)

    fays_list.undo(run)

    assert not Client.objects.exists()
    assert Withdrawal.stands(lotus, "gone@example.com")


def test_after_ten_minutes_it_stays(fays_list: Importer) -> None:
    run = fays_list.run("Email\na@example.com\n")

    later = time_machine.travel(timezone.now() + timedelta(minutes=11))
    with later, pytest.raises(control.NotNowError):
        control.undo(run)

    assert Client.objects.exists()


def test_an_undo_goes_on_where_the_last_commit_left_it(
    fays_list: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.runs.undoing.AT_ONCE", 2)
    run = fays_list.run("Email\n" + "".join(f"{number}@example.com\n" for number in range(5)))
    control.undo(run)
    run.refresh_from_db()

    next(runner.steps(run))
    assert Client.objects.count() == 3
    runner.run_all()

    run.refresh_from_db()
    assert run.state == Run.State.UNDONE
    assert not Client.objects.exists()


# --- What integrations hear, and when -------------------------------------------------------------


@pytest.fixture
def heard() -> Iterator[list[Any]]:
    """Until when each bulk change is held back, and what was let go."""
    told: list[Any] = []

    def changed(hold_until: Any = None, **_: Any) -> None:
        told.append(hold_until)

    def released(hold_until: Any = None, **_: Any) -> None:
        told.append(("released", hold_until))

    clients_changed.connect(changed)
    clients_released.connect(released)
    yield told
    clients_changed.disconnect(changed)
    clients_released.disconnect(released)


MANY = "Email\n" + "".join(f"{number}@example.com\n" for number in range(51))


def test_a_few_are_told_at_once(fays_list: Importer, heard: list[Any]) -> None:
    fays_list.run("Email\na@example.com\n")

    assert heard == [None]


def test_many_wait_for_the_ten_minutes(fays_list: Importer, heard: list[Any]) -> None:
    run = fays_list.run(MANY)

    assert heard == [run.hold_until]
    runner.run_all()
    assert len(heard) == 1
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        runner.run_all()
        runner.run_all()

    assert heard == [run.hold_until, ("released", run.hold_until)]


def test_send_now_gives_up_the_undo(fays_list: Importer, heard: list[Any]) -> None:
    run = fays_list.run(MANY)

    control.send_now(run)
    runner.run_all()

    assert heard == [run.hold_until, ("released", run.hold_until)]
    with pytest.raises(control.NotNowError):
        control.undo(run)


def test_what_was_taken_back_is_let_go_with_what_was_held(
    fays_list: Importer, add_client: AddClient, heard: list[Any]
) -> None:
    add_client(first_name="Ana", email="ana@example.com")
    run = fays_list.run("Email,First name\nana@example.com,Anna\n" + MANY.partition("\n")[2])
    heard.clear()

    fays_list.undo(run)
    runner.run_all()

    assert heard[-1] == ("released", run.hold_until)
