"""A client's line about Klaviyo: true, and in words that the front desk understands."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import formats, timezone

from clients.models import Client
from integrations.klaviyo import connections
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.operations import SCOPES
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import SandboxProcess
from studios.models import Studio, User
from tests.klaviyo.conftest import AddClient, Connect, browser_of
from tests.klaviyo.reading import see, words
from tests.klaviyo.scenes import change, opt_in, opt_out, time_passes

pytestmark = pytest.mark.django_db
Work = Callable[[], None]
AGREED = {"email": "ana@lotus.test", "first_name": "Ana"}


@pytest.fixture
def fays(fay: User) -> Browser:
    return browser_of(fay)


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect()


def line(client: Client, viewer: User) -> str:
    """What the client's page says of Klaviyo to this person."""
    html = browser_of(viewer).get(Client.objects.get(pk=client.pk).get_absolute_url())
    said = re.search(r'aria-label="Klaviyo">(.*?)</section>', html.content.decode(), re.DOTALL)
    return words(said.group(1)) if said else ""


def test_without_a_connection_nothing_is_said(add: AddClient, fay: User, fays: Browser) -> None:
    ana = add(**AGREED)

    assert line(ana, fay) == ""
    assert "Klaviyo" not in see(fays)


def test_a_client_on_the_way_is_being_sent(
    connection: Connection, add: AddClient, fay: User
) -> None:
    assert line(add(**AGREED), fay) == "Klaviyo Being sent"


def test_a_client_that_is_there_is_up_to_date(
    connection: Connection, add: AddClient, fay: User, work: Work
) -> None:
    ana = add(**AGREED)
    work()

    assert line(ana, fay) == "Klaviyo In Klaviyo, up to date"


def test_an_edit_on_its_way_is_being_updated(
    connection: Connection, add: AddClient, fay: User, work: Work
) -> None:
    ana = add(**AGREED)
    work()

    change(ana, first_name="Anna")

    assert line(ana, fay) == "Klaviyo In Klaviyo, being updated"


@pytest.mark.parametrize(
    ("fields", "why"),
    [
        ({"email": "ana@lotus.test", "email_opt_in": False}, "has not agreed to emails"),
        ({"first_name": "Ana"}, "has no email address"),
        ({"first_name": "Ana", "email_opt_in": False}, "has not agreed to emails"),
    ],
)
def test_who_is_not_sent_is_told_why(
    connection: Connection, add: AddClient, fay: User, fields: dict[str, Any], why: str, work: Work
) -> None:
    ana = add(**fields)
    before = line(ana, fay)
    work()

    assert before == line(ana, fay) == f"Klaviyo Not sent: {why}"


def test_an_opt_out_says_when_klaviyo_was_told(
    connection: Connection, add: AddClient, fay: User, lotus: Studio, work: Work
) -> None:
    ana = add(**AGREED)
    work()
    opt_out(ana)
    on_its_way = line(ana, fay)
    work()

    told = ClientSync.objects.get().suppressed_at
    assert told
    at = formats.date_format(timezone.localtime(told, lotus.zone), "H:i")
    assert on_its_way == "Klaviyo Opted out: being told to Klaviyo"
    assert line(ana, fay) == f"Klaviyo Opted out: Klaviyo told at {at}"


def test_an_opt_out_of_somebody_klaviyo_does_not_know_says_so(
    connection: Connection, add: AddClient, fay: User, work: Work
) -> None:
    ana = add(**AGREED, email_opt_in=False, opted_out_at=timezone.now())
    work()

    assert line(ana, fay) == "Klaviyo Opted out: not in Klaviyo"


def test_an_opt_out_without_permission_waits_for_the_owner(
    connect: Connect, add: AddClient, fay: User, olive: User, work: Work
) -> None:
    connect(scopes=SCOPES)
    ana = add(**AGREED)
    work()
    opt_out(ana)
    work()

    assert line(ana, fay) == "Klaviyo Opted out: owner still has to act"
    assert line(ana, olive).endswith("Allow automatic suppression")


def test_a_phone_that_klaviyo_refuses_is_left_out_and_said(
    connection: Connection, sandbox: SandboxProcess, add: AddClient, fay: User, work: Work
) -> None:
    sandbox.configure(refused_phone_prefixes=["+49"])
    ana = add(**AGREED, phone="+4930123456")
    work()

    assert line(ana, fay) == "Klaviyo In Klaviyo, without the phone: not a number it takes"


def test_a_phone_of_somebody_else_there_is_left_out_and_said(
    connection: Connection, sandbox: SandboxProcess, add: AddClient, fay: User, work: Work
) -> None:
    sandbox.seed({"email": "mother@lotus.test", "phone_number": "+4930123456"})
    ana = add(**AGREED, phone="+4930123456")
    work()
    time_passes()
    work()

    assert line(ana, fay) == "Klaviyo In Klaviyo, without the phone: another profile has it"


def test_who_opted_in_again_is_still_suppressed_there(
    connection: Connection, sandbox: SandboxProcess, add: AddClient, fay: User, work: Work
) -> None:
    ana = add(**AGREED)
    work()
    opt_out(ana)
    work()
    opt_in(ana)
    work()

    assert sandbox.suppressed() == {"ana@lotus.test"}
    assert "suppressed there after the opt-out, until an owner lifts that in Klaviyo" in line(
        ana, fay
    )


def test_who_opts_in_again_while_the_owner_has_not_acted_is_not_called_opted_out(
    connect: Connect, add: AddClient, fay: User, work: Work
) -> None:
    connect(scopes=SCOPES)
    ana = add(**AGREED)
    work()
    opt_out(ana)
    work()
    opt_in(ana)
    before = line(ana, fay)
    work()

    assert before == "Klaviyo In Klaviyo, being updated"
    assert line(ana, fay) == "Klaviyo In Klaviyo, up to date"


def test_an_address_of_somebody_else_there_needs_the_owner_who_gets_a_button(
    connection: Connection,
    sandbox: SandboxProcess,
    add: AddClient,
    fay: User,
    olive: User,
    work: Work,
) -> None:
    ana = add(**AGREED)
    work()
    sandbox.seed({"email": "taken@lotus.test"})
    change(ana, email="taken@lotus.test")
    work()

    said = "Klaviyo Change not sent: email belongs to another profile"
    assert line(ana, fay) == said
    assert line(ana, olive) == f"{said} Send again"


def test_pressing_send_again_sends_it_again(
    connection: Connection, sandbox: SandboxProcess, add: AddClient, olives: Browser, work: Work
) -> None:
    ana = add(**AGREED)
    work()
    [taken] = sandbox.seed({"email": "taken@lotus.test"})
    change(ana, email="taken@lotus.test")
    work()
    sandbox.delete_profile(taken)

    answer = olives.post(
        f"/s/lotus/settings/integrations/klaviyo/clients/{ana.public_id}/send/", follow=True
    )
    work()

    assert "Ana is being sent again" in words(answer.content.decode())
    assert sandbox.profile("taken@lotus.test")


def test_sending_again_what_needs_nobody_says_so(
    connection: Connection, add: AddClient, olives: Browser, work: Work
) -> None:
    ana = add(**AGREED)
    work()

    answer = olives.post(
        f"/s/lotus/settings/integrations/klaviyo/clients/{ana.public_id}/send/", follow=True
    )

    assert "Nothing of Ana waits" in words(answer.content.decode())
    assert not ClientSync.objects.unsettled()


def test_while_paused_a_client_waits(
    connection: Connection, add: AddClient, fay: User, work: Work
) -> None:
    bo = add(email="bo@lotus.test")
    work()
    Connection.objects.live().pause()
    ana = add(**AGREED)
    change(bo, first_name="Bo")

    assert line(ana, fay) == "Klaviyo Waiting: paused by an owner"
    assert line(bo, fay) == "Klaviyo In Klaviyo, change waits: paused by an owner"


def test_while_klaviyo_refuses_the_connection_a_client_waits_for_the_owner(
    connection: Connection, add: AddClient, fay: User
) -> None:
    connections.refuse(connection, Reason.PERMISSION_MISSING)

    assert line(add(**AGREED), fay) == "Klaviyo Waiting: an owner has to act"
