"""What an administrator sees of connections: everything but secrets, and no button."""

import pytest
from django.contrib import admin
from django.db.models import Model
from django.test import Client as Browser
from django.urls import reverse

from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection, EndCause, EndedConnection
from integrations.sealing import keyring
from studios.models import User
from tests.support.cast import browser_of, make_user
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db

SHOWN: list[type[Model]] = [ClientSync, Connection, EndedConnection]


@pytest.fixture
def root() -> Browser:
    return browser_of(make_user("Root", is_staff=True, is_superuser=True))


@pytest.fixture
def rows(scene: Scene) -> list[Model]:
    """One of each."""
    scene.add(email="ana@example.com", first_name="Ana")
    connection = scene.sync()
    ended = EndedConnection.objects.create(
        studio=scene.lotus, cause=EndCause.OWNER, at=connection.connected_at, by=scene.olive
    )
    return [ClientSync.objects.get(), Connection.objects.get(), ended]


def address(row: Model, page: str) -> str:
    arguments = [] if page in ("changelist", "add") else [row.pk]
    return reverse(f"admin:klaviyo_{row._meta.model_name}_{page}", args=arguments)


def test_its_pages_open(root: Browser, rows: list[Model]) -> None:
    for row in rows:
        for page in ("changelist", "change"):
            assert root.get(address(row, page)).status_code == 200
        assert root.get(address(row, "changelist"), {"q": "lotus"}).status_code == 200


def test_no_secret_stands_there(root: Browser, rows: list[Model]) -> None:
    connection = Connection.objects.get()
    token = keyring().open(connection.refresh_token, *connection.sealing_context)

    pages = [root.get(address(row, page)) for row in rows for page in ("changelist", "change")]

    told = "".join(page.content.decode() for page in pages)
    assert "Lotus" in told
    assert token not in told
    assert connection.refresh_token not in told
    assert "refresh token" not in told.lower()


def test_nothing_is_done_there(root: Browser, rows: list[Model]) -> None:
    for row in rows:
        assert root.get(address(row, "add")).status_code == 403
        assert root.post(address(row, "change"), {"phase": "clients"}).status_code == 403
        assert root.post(address(row, "delete"), {"post": "yes"}).status_code == 403
        many = {"action": "delete_selected", "_selected_action": [row.pk], "post": "yes"}
        root.post(address(row, "changelist"), many)
        assert type(row)._default_manager.filter(pk=row.pk).exists()


def test_a_token_on_its_way_a_code_or_a_count_is_no_page_of_it() -> None:
    ours = {model for model in admin.site._registry if model._meta.app_label == "klaviyo"}

    assert ours == set(SHOWN)


def test_it_is_nobodys_but_an_administrators(rows: list[Model], olive: User, fay: User) -> None:
    for person in (olive, fay, make_user("Sam", is_staff=True)):
        answers = [browser_of(person).get(address(row, "changelist")) for row in rows]
        assert {answer.status_code for answer in answers} <= {302, 403}


def test_a_studio_that_is_gone_from_klaviyo_has_its_end_there(root: Browser, scene: Scene) -> None:
    lifecycle.begin_disconnect(scene.sync(), EndCause.GRANT_DEAD)
    scene.work()

    page = root.get(reverse("admin:klaviyo_endedconnection_changelist")).content.decode()

    assert "Klaviyo stopped accepting our access" in page
