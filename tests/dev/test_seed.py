"""The demo's studios: as real lists are, and the same every time."""

import json
from importlib.resources import files

import pytest
from django.core import mail

from clients import phones
from clients.forms import ClientForm
from clients.models import Client, ClientEvent, Withdrawal
from clients.tasks import send_welcomes
from dev.seed import roster
from dev.seed.studios import seed
from studios.models import Membership, Role, Studio

pytestmark = pytest.mark.django_db

PASSWORD = "a quiet room at noon"
RESERVED = ("@example.com", "@example.org", "@example.net", "@mail.example")


@pytest.fixture
def demo() -> Studio:
    seed(PASSWORD)
    return Studio.objects.get(slug="lotus")


def test_two_studios_stand_with_their_people(demo: Studio) -> None:
    people = Membership.objects.filter(studio=demo).order_by("-role")

    assert [(person.user.email, person.role) for person in people] == [
        ("olive@lotus.example", Role.OWNER),
        ("fay@lotus.example", Role.FRONT_DESK),
        ("ian@lotus.example", Role.INSTRUCTOR),
    ]
    assert Client.objects.for_studio(demo).count() == 250
    assert Client.objects.filter(studio__slug="stans-pilates").count() == 40


def test_the_list_is_as_untidy_as_a_real_one(demo: Studio) -> None:
    clients = Client.objects.for_studio(demo)

    assert clients.opted_out().count() == 12
    assert clients.never_agreed().count() > 20
    assert clients.opted_in().count() > 180
    assert clients.filter(email="").count() > 10
    assert clients.filter(phone="").count() > 30
    assert clients.exclude(phone="").exclude(phone__startswith="+49").exists()
    assert any(client.email != client.email.lower() for client in clients)


def test_every_address_is_at_a_domain_kept_for_examples(demo: Studio) -> None:
    for client in Client.objects.exclude(email=""):
        assert client.email.lower().endswith(RESERVED)


def test_the_desks_form_would_take_each_as_it_is(demo: Studio) -> None:
    for person in roster.lotus():
        phone = phones.parse(person.phone, "DE")
        typed = {"first_name": person.first_name, "email": person.email, "phone": phone}
        form = ClientForm(
            {key: value for key, value in typed.items() if value}, studio=Studio(country="DE", pk=0)
        )
        assert form.is_valid() or not any(typed.values()), form.errors


def test_whoever_opted_out_has_a_history_of_it_and_a_withdrawal(demo: Studio) -> None:
    for client in Client.objects.for_studio(demo).opted_out():
        assert client.events.get(what=ClientEvent.What.WITHDREW).at == client.opted_out_at
        assert Withdrawal.stands(demo, client.email) or not client.email
        assert client.created_at < client.opted_out_at


def test_done_twice_it_changes_nothing(demo: Studio) -> None:
    before = list(Client.objects.order_by("pk").values())

    seed(PASSWORD)

    assert list(Client.objects.order_by("pk").values()) == before


def test_nobody_is_welcomed_for_having_been_there_for_years(demo: Studio) -> None:
    send_welcomes()

    assert mail.outbox == []


def test_the_sandboxs_old_profiles_meet_the_lists_regulars(demo: Studio) -> None:
    profiles = json.loads((files("dev.seed") / "profiles.json").read_text())
    clients = Client.objects.for_studio(demo)

    met = [clients.with_address(profile["email"]).first() for profile in profiles]
    assert [client and client.first_name for client in met] == [
        "Ana",
        "Jonas",
        "Sofia",
        "Mia",
        None,
        None,
    ]
    assert met[3] is not None
    assert met[3].has_opted_out
    assert clients.get(phone=profiles[4]["phone_number"]).first_name == "Emre"
