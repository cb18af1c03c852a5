"""What the desk sees of Klaviyo: a true line for each client, and nothing that is the owner's."""

import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client as Browser
from django.utils import formats, timezone

from clients.models import Client
from integrations.klaviyo import client_pages, connections
from integrations.klaviyo.card import State
from integrations.klaviyo.models import ClientSync, Connection, EndCause, SyncEvent
from integrations.klaviyo.operations import SCOPES
from integrations.klaviyo.reasons import Reason
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from studios.models import Membership, Studio, User
from tests.klaviyo.conftest import AddClient, Connect, browser_of
from tests.klaviyo.scenes import change, opt_in, opt_out, time_passes

pytestmark = pytest.mark.django_db

Work = Callable[[], None]
LIST = "/s/lotus/clients/"
AGREED = {"email": "ana@lotus.test", "first_name": "Ana"}
OUTSIDE = client_pages.KlaviyoOnClientPages()


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


def words(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def see(browser: Browser, url: str = LIST) -> str:
    return words(browser.get(url).content.decode())


# --- A client's line ------------------------------------------------------------------------------


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
    assert "suppressed there after the opt-out, until an owner lifts it there" in line(ana, fay)


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


# --- The list: chips ------------------------------------------------------------------------------


def test_chips_count_and_narrow_the_list(
    connection: Connection, add: AddClient, fays: Browser, work: Work
) -> None:
    add(**AGREED)
    add(first_name="Bo")
    work()
    add(first_name="Cyd", email="cyd@lotus.test")

    said = see(fays)

    for chip in ("Needs attention 0", "Not sent 1", "In Klaviyo 1", "Waiting 1"):
        assert chip in said
    for chip, found in {"in_klaviyo": "Ana", "not_sent": "Bo", "waiting": "Cyd"}.items():
        rows = re.findall(r"data-row>([^<]+)<", fays.get(LIST, {"klaviyo": chip}).content.decode())
        assert rows == [found]


def test_a_chip_that_nobody_made_filters_nothing(
    connection: Connection, add: AddClient, fays: Browser
) -> None:
    add(**AGREED)

    assert "Ana" in see(fays, f"{LIST}?klaviyo=%00nonsense")


# --- The list: how Klaviyo is doing ---------------------------------------------------------------

NOTICES = {
    State.NOT_CONNECTED: "",
    State.SENDING: "Klaviyo: sending clients",
    State.CONNECTED: "Klaviyo: working",
    State.PAUSED: "Klaviyo: paused",
    State.NEEDS_ATTENTION: "Klaviyo: needs the owner",
    State.REFUSED: "Klaviyo: needs the owner",
    State.OPT_OUTS_WAITING: "Klaviyo: needs the owner",
    State.NOT_ANSWERING: "Klaviyo: not answering, changes are safe",
    State.RECONNECT_REQUIRED: "Klaviyo: needs the owner",
    State.DISCONNECTING: "",
    State.DISCONNECTED: "",
}


@pytest.mark.parametrize("state", State)
def test_each_state_has_its_word_for_the_desk(
    fay: User, state: State, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Looked:
        def __init__(self, studio: Studio) -> None:
            self.state = state

    monkeypatch.setattr(client_pages, "Card", Looked)
    notice = OUTSIDE.notice(Membership.objects.get(user=fay))

    assert (notice.text if notice else "") == NOTICES[state]
    assert notice is None or notice.action is None


def test_the_desk_sees_klaviyo_working_and_needing_the_owner(
    connection: Connection, fays: Browser, work: Work
) -> None:
    work()
    working = see(fays)
    connections.fence(connection, EndCause.UNINSTALLED)
    work()
    ended = see(fays)

    assert "Klaviyo: working" in working
    assert "Klaviyo: needs the owner" in ended


def test_account_name_ids_and_raw_errors_stay_with_the_owner(
    connection: Connection,
    sandbox: SandboxProcess,
    add: AddClient,
    fays: Browser,
    ian: User,
    work: Work,
) -> None:
    ana = add(**AGREED)
    work()
    sandbox.seed({"email": "taken@lotus.test"})
    change(ana, email="taken@lotus.test")
    work()
    profile_id = Client.objects.get().klaviyo_profile_id
    assert profile_id

    for browser in (fays, browser_of(ian)):
        for url in (LIST, ana.get_absolute_url()):
            html = browser.get(url).content.decode()
            for secret in (
                LOTUS.organization,
                LOTUS.id,
                profile_id,
                "409",
                "duplicate",
                "Send again",
            ):
                assert secret not in html, (url, secret)


# --- The timeline, and after a deletion -----------------------------------------------------------


def test_the_timeline_tells_what_klaviyo_was_told(
    connection: Connection, add: AddClient, fays: Browser, work: Work
) -> None:
    ana = add(**AGREED)
    work()
    change(ana, first_name="Anna")
    work()
    opt_out(ana)
    work()

    said = see(fays, ana.get_absolute_url())

    told = ["Suppressed in Klaviyo", "Sent to Klaviyo", "Created in Klaviyo"]
    assert [said.index(one) for one in told] == sorted(said.index(one) for one in told)


@pytest.mark.parametrize("what", SyncEvent.What)
def test_each_event_reads_well(
    connection: Connection, add: AddClient, what: SyncEvent.What
) -> None:
    ana = add(**AGREED)
    SyncEvent.objects.create(connection=connection, client=ana, what=what)

    [told] = OUTSIDE.timeline(ana)

    assert told.text == what.label


def test_deleting_a_client_says_that_the_profile_stays(
    connection: Connection, add: AddClient, olives: Browser, work: Work
) -> None:
    ana, bo = add(**AGREED), add(first_name="Bo")
    work()

    asked = see(olives, f"{ana.get_absolute_url()}delete/")
    never_there = see(olives, f"{bo.get_absolute_url()}delete/")

    assert "The profile stays in Klaviyo and may still be emailed from there" in asked
    assert "Delete profile" in asked
    assert "stays in Klaviyo" not in never_there


def test_deleting_who_opted_out_does_not_claim_that_they_may_still_be_emailed(
    connection: Connection, add: AddClient, olives: Browser, work: Work
) -> None:
    ana = add(**AGREED)
    work()
    opt_out(ana)
    work()

    asked = see(olives, f"{ana.get_absolute_url()}delete/")

    assert "The profile stays in Klaviyo." in asked
    assert "may still be emailed" not in asked
