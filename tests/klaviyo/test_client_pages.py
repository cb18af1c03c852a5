"""What the desk sees of Klaviyo besides the lines, and nothing that is the owner's."""

import re
from collections.abc import Callable

import pytest
from django.test import Client as Browser

from clients.models import Client
from integrations.klaviyo import client_pages, connections
from integrations.klaviyo.card import State
from integrations.klaviyo.models import Connection, EndCause, SyncEvent
from klaviyo_sandbox.testing import LOTUS, SandboxProcess
from studios.models import Membership, Studio, User
from tests.klaviyo.conftest import AddClient, Connect, browser_of
from tests.klaviyo.reading import LIST, see
from tests.klaviyo.scenes import change, opt_out

pytestmark = pytest.mark.django_db
Work = Callable[[], None]
AGREED = {"email": "ana@lotus.test", "first_name": "Ana"}
OUTSIDE = client_pages.KlaviyoOnClientPages()


@pytest.fixture
def fays(fay: User) -> Browser:
    return browser_of(fay)


@pytest.fixture
def connection(connect: Connect) -> Connection:
    return connect()


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
