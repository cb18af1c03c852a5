"""What an outside service registers appears on client pages, and nothing without one."""

from collections.abc import Mapping, Sequence

import pytest
from django.db.models import Case, Value, When
from django.test import Client as Browser
from django.utils import timezone

from clients import extensions
from clients.extensions import Action, FilterOption, FirstStep, StatusLine, TimelineEntry
from clients.models import Client, ClientQuerySet
from studios.models import Membership, Studio
from tests.clients.conftest import AddClient, address_of

pytestmark = pytest.mark.django_db


class PostSeen:
    key, label = "post", "Post"
    options = (FilterOption("sent", "Letter sent"),)
    notice = StatusLine("Post: working", "good")
    first_step = FirstStep("Connect the post", "It writes letters.", "/post/", is_done=True)

    def __init__(self, viewer: Membership) -> None:
        self.may_edit = viewer.may_edit_clients

    def status_lines(self, clients: Sequence[Client]) -> Mapping[int, StatusLine]:
        action = Action("Write again", "/post/again/") if self.may_edit else None
        return {
            client.pk: StatusLine("Letter sent", "good", action, short="Sent")
            for client in clients
            if client.first_name == "Ana"
        }


class Post:
    """A service that writes letters to clients whose first name is Ana."""

    key, label = "post", "Post"
    option_keys = ("sent",)
    facet = Case(When(first_name="Ana", then=Value("sent")), default=Value(""))

    def seen_by(self, viewer: Membership) -> PostSeen:
        return PostSeen(viewer)

    def narrow(self, clients: ClientQuerySet, studio: Studio, option: str) -> ClientQuerySet:
        return clients.filter(first_name="Ana") if option == "sent" else clients

    def timeline(self, client: Client) -> Sequence[TimelineEntry]:
        return [TimelineEntry(timezone.now(), "Letter put in the box")]

    def after_deletion(self, client: Client) -> str:
        return "Letters that were sent stay with the client."


@pytest.fixture(autouse=True)
def post(no_services: None) -> None:
    extensions.register(Post())


def test_the_list_has_its_notice_its_column_and_its_chips(
    ians: Browser, ana: Client, add_client: AddClient
) -> None:
    add_client(first_name="Bea")

    page = ians.get("/s/lotus/clients/").content.decode()

    assert "Post: working" in page
    assert ">Post</th>" in page
    assert page.count("Letter sent") == 2  # the chip, and what Ana's mark stands for
    assert page.count("Sent") == 1
    assert "/s/lotus/clients/?post=sent" in page


def test_its_chip_narrows_the_list_and_stays_in_the_search(
    ians: Browser, ana: Client, add_client: AddClient
) -> None:
    add_client(first_name="Bea")

    page = ians.get("/s/lotus/clients/", {"post": "sent"}).content.decode()

    assert "Ana" in page
    assert "Bea" not in page
    assert '<input type="hidden" form="search" name="post" value="sent">' in page


def test_a_clients_page_has_its_line_its_button_and_its_entries(
    fays: Browser, ians: Browser, ana: Client
) -> None:
    page = fays.get(address_of("detail", ana)).content.decode()

    assert "Letter sent" in page
    assert 'action="/post/again/"' in page
    assert "Letter put in the box" in page
    assert 'action="/post/again/"' not in ians.get(address_of("detail", ana)).content.decode()


def test_deleting_tells_what_stays_there(olives: Browser, ana: Client) -> None:
    assert "Letters that were sent stay" in olives.get(address_of("delete", ana)).content.decode()


def test_without_a_service_nothing_of_it_is_shown(
    ians: Browser, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(extensions, "_registered", [])

    assert "Post" not in ians.get("/s/lotus/clients/", {"post": "sent"}).content.decode()
    assert "Letter" not in ians.get(address_of("detail", ana)).content.decode()
