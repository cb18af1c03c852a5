"""A client's line about Klaviyo: true, and in words that the front desk understands."""

import re
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import formats, timezone

from clients.models import Client
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import ClientSync, Connection, Worker
from integrations.klaviyo.reasons import Reason
from studios.models import Studio, User
from tests.support.cast import browser_of
from tests.support.klaviyo.outages import klaviyo_is_down, klaviyo_is_silent
from tests.support.klaviyo.page_text import see, words
from tests.support.klaviyo.scene import Scene, time_passes

pytestmark = pytest.mark.django_db
AGREED = {"email": "ana@lotus.test", "first_name": "Ana"}


def line(client: Client, viewer: User) -> str:
    """What the client's page says of Klaviyo to this person."""
    html = browser_of(viewer).get(Client.objects.get(pk=client.pk).get_absolute_url())
    said = re.search(r'aria-label="Klaviyo">(.*?)</section>', html.content.decode(), re.DOTALL)
    return words(said.group(1)) if said else ""


def test_without_a_connection_nothing_is_said(scene: Scene, fay: User, fays: Browser) -> None:
    ana = scene.add(**AGREED)

    assert line(ana, fay) == ""
    assert "Klaviyo" not in see(fays)


def test_a_client_on_the_way_is_being_sent(connection: Connection, scene: Scene, fay: User) -> None:
    assert line(scene.add(**AGREED), fay) == "Klaviyo Being sent"


def test_a_client_that_is_there_is_up_to_date(
    connection: Connection, scene: Scene, fay: User
) -> None:
    ana = scene.add(**AGREED)
    scene.work()

    assert line(ana, fay) == "Klaviyo In Klaviyo, up to date"


def test_an_edit_on_its_way_is_being_updated(
    connection: Connection, scene: Scene, fay: User
) -> None:
    ana = scene.add(**AGREED)
    scene.work()

    scene.change(ana, first_name="Anna")

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
    connection: Connection, scene: Scene, fay: User, fields: dict[str, Any], why: str
) -> None:
    ana = scene.add(**fields)
    before = line(ana, fay)
    scene.work()

    assert before == line(ana, fay) == f"Klaviyo Not sent: {why}"


def test_an_opt_out_says_when_klaviyo_was_told(
    connection: Connection, scene: Scene, fay: User, lotus: Studio
) -> None:
    ana = scene.add(**AGREED)
    scene.work()
    scene.opt_out(ana)
    on_its_way = line(ana, fay)
    scene.work()

    told = ClientSync.objects.get().suppressed_at
    assert told
    at = formats.date_format(timezone.localtime(told, lotus.zone), "H:i")
    assert on_its_way == "Klaviyo Opted out: being told to Klaviyo"
    assert line(ana, fay) == f"Klaviyo Opted out: Klaviyo told at {at}"


def test_an_opt_out_of_somebody_klaviyo_does_not_know_says_so(
    connection: Connection, scene: Scene, fay: User
) -> None:
    ana = scene.add(**AGREED, email_opt_in=False, opted_out_at=timezone.now())
    scene.work()

    assert line(ana, fay) == "Klaviyo Opted out: not in Klaviyo"


def test_an_opt_out_without_permission_waits_for_the_owner(
    scene: Scene, fay: User, olive: User
) -> None:
    scene.connect(scopes=SCOPES)
    ana = scene.add_opted_out(**AGREED)

    assert line(ana, fay) == "Klaviyo Opted out: owner still has to act"
    assert line(ana, olive).endswith("Allow automatic suppression")


def test_a_phone_that_klaviyo_refuses_is_left_out_and_said(
    connection: Connection, scene: Scene, fay: User
) -> None:
    scene.klaviyo.configure(refused_phone_prefixes=["+49"])
    ana = scene.add(**AGREED, phone="+4930123456")
    scene.work()

    assert line(ana, fay) == "Klaviyo In Klaviyo, without the phone: not a number it takes"


def test_a_phone_of_somebody_else_there_is_left_out_and_said(
    connection: Connection, scene: Scene, fay: User
) -> None:
    scene.klaviyo.seed({"email": "mother@lotus.test", "phone_number": "+4930123456"})
    ana = scene.add(**AGREED, phone="+4930123456")
    scene.work()
    time_passes()
    scene.work()

    assert line(ana, fay) == "Klaviyo In Klaviyo, without the phone: another profile has it"


def test_who_opted_in_again_is_still_suppressed_there(
    connection: Connection, scene: Scene, fay: User
) -> None:
    ana = scene.add_opted_out(**AGREED)
    scene.opt_in(ana)
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@lotus.test"}
    assert "suppressed there after the opt-out, until an owner lifts that in Klaviyo" in line(
        ana, fay
    )


def test_who_opts_in_again_while_the_owner_has_not_acted_is_not_called_opted_out(
    scene: Scene, fay: User
) -> None:
    scene.connect(scopes=SCOPES)
    ana = scene.add_opted_out(**AGREED)
    scene.opt_in(ana)
    before = line(ana, fay)
    scene.work()

    assert before == "Klaviyo In Klaviyo, being updated"
    assert line(ana, fay) == "Klaviyo In Klaviyo, up to date"


def test_an_address_of_somebody_else_there_needs_the_owner_who_gets_a_button(
    connection: Connection, scene: Scene, fay: User, olive: User
) -> None:
    ana = scene.add(**AGREED)
    scene.work()
    scene.change_to_taken(ana, "taken@lotus.test")

    said = "Klaviyo Change not sent: email belongs to another profile"
    assert line(ana, fay) == said
    assert line(ana, olive) == f"{said} Send again"


def test_pressing_send_again_sends_it_again(
    connection: Connection, scene: Scene, olives: Browser
) -> None:
    ana = scene.add(**AGREED)
    scene.work()
    [taken] = scene.klaviyo.seed({"email": "taken@lotus.test"})
    scene.change(ana, email="taken@lotus.test")
    scene.work()
    scene.klaviyo.delete_profile(taken)

    answer = olives.post(
        f"/s/lotus/settings/integrations/klaviyo/clients/{ana.public_id}/send/", follow=True
    )
    scene.work()

    assert "Ana is being sent again" in words(answer.content.decode())
    assert scene.klaviyo.profile("taken@lotus.test")


def test_sending_again_what_needs_nobody_says_so(
    connection: Connection, scene: Scene, olives: Browser
) -> None:
    ana = scene.add(**AGREED)
    scene.work()

    answer = olives.post(
        f"/s/lotus/settings/integrations/klaviyo/clients/{ana.public_id}/send/", follow=True
    )

    assert "Nothing of Ana waits" in words(answer.content.decode())
    assert not ClientSync.objects.unsettled()


def test_while_paused_a_client_waits(connection: Connection, scene: Scene, fay: User) -> None:
    bo = scene.add(email="bo@lotus.test")
    scene.work()
    Connection.objects.live().pause()
    ana = scene.add(**AGREED)
    scene.change(bo, first_name="Bo")

    assert line(ana, fay) == "Klaviyo Waiting: paused by an owner"
    assert line(bo, fay) == "Klaviyo In Klaviyo, change waits: paused by an owner"


def test_while_klaviyo_refuses_the_connection_a_client_waits_for_the_owner(
    connection: Connection, scene: Scene, fay: User
) -> None:
    lifecycle.suspend(connection, Reason.PERMISSION_MISSING)

    ana = scene.add(**AGREED)

    assert re.fullmatch(
        r"Klaviyo Waiting: an owner has to look, next try \d\d:\d\d", line(ana, fay)
    )


# --- While nothing goes out -----------------------------------------------------------------------


def test_while_no_worker_runs_nobody_is_said_to_be_on_the_way(
    connection: Connection, scene: Scene, fay: User
) -> None:
    ana, bea = scene.add(**AGREED), scene.add(email="bea@lotus.test")
    scene.work()
    scene.opt_out(bea)
    scene.change(ana, first_name="Anna")
    cleo = scene.add(email="cleo@lotus.test")

    Worker.objects.all().delete()

    held = "nothing is being sent at the moment"
    assert line(ana, fay) == f"Klaviyo In Klaviyo, change waits: {held}"
    assert line(cleo, fay) == f"Klaviyo Waiting: {held}"
    assert line(bea, fay) == f"Klaviyo Opted out: Klaviyo not told yet, {held}"


@pytest.mark.parametrize("for_everybody", [True, False])
def test_while_klaviyo_is_not_answering_a_line_says_when_it_is_tried_again(
    for_everybody: bool, connection: Connection, scene: Scene, fay: User
) -> None:
    ana, bea = scene.add(**AGREED), scene.add(email="bea@lotus.test")
    scene.work()
    scene.change(ana, first_name="Anna")
    scene.opt_out(bea)

    klaviyo_is_down() if for_everybody else klaviyo_is_silent(connection)

    held = r"Klaviyo is not answering, next try \d\d:\d\d"
    assert re.fullmatch(f"Klaviyo In Klaviyo, change waits: {held}", line(ana, fay))
    assert re.fullmatch(f"Klaviyo Opted out: Klaviyo not told yet, {held}", line(bea, fay))


def test_in_a_pause_an_opt_out_is_not_held_back(
    connection: Connection, scene: Scene, fay: User
) -> None:
    ana, bea = scene.add(**AGREED), scene.add(email="bea@lotus.test")
    scene.work()
    Connection.objects.update(paused_at=timezone.now())
    scene.change(ana, first_name="Anna")
    scene.opt_out(bea)

    assert line(ana, fay) == "Klaviyo In Klaviyo, change waits: paused by an owner"
    assert line(bea, fay) == "Klaviyo Opted out: being told to Klaviyo"
