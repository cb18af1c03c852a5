from django.core import mail
from django.test import Client as Browser

from studios.models import Role, Studio, User
from tests.support.cast import make_member, sign_in

PAGE = "/s/lotus/settings/"
DETAILS = {
    "name": "Lotus Yoga Lisboa",
    "country": "PT",
    "timezone": "Atlantic/Madeira",
    "postal_address": "Rua das Flores 1\r\nLisboa",
}


def test_an_owner_changes_the_studios_details(client: Browser, lotus: Studio, olive: User) -> None:
    sign_in(client, olive)

    answer = client.post(PAGE, DETAILS)

    lotus.refresh_from_db()
    assert answer.headers["Location"] == PAGE
    assert (lotus.name, lotus.country) == ("Lotus Yoga Lisboa", "PT")
    assert lotus.timezone == "Atlantic/Madeira"
    assert lotus.postal_address.splitlines() == ["Rua das Flores 1", "Lisboa"]


def test_the_slug_stays(client: Browser, lotus: Studio, olive: User) -> None:
    sign_in(client, olive)

    client.post(PAGE, DETAILS | {"slug": "elsewhere", "withdrawal_key": "0"})

    before, lotus_now = lotus, Studio.objects.get(pk=lotus.pk)
    assert lotus_now.slug == "lotus"
    assert bytes(lotus_now.withdrawal_key) == before.withdrawal_key


def test_a_name_is_one_line(client: Browser, lotus: Studio, olive: User) -> None:
    sign_in(client, olive)

    client.post(PAGE, DETAILS | {"name": "Lotus\r\nBcc: everybody@studio.test"})

    lotus.refresh_from_db()
    assert lotus.name == "Lotus Bcc: everybody@studio.test"


def test_what_does_not_exist_is_refused_and_the_frame_keeps_the_name(
    client: Browser, lotus: Studio, olive: User
) -> None:
    sign_in(client, olive)

    answer = client.post(PAGE, {"name": "Not yet", "country": "XX", "timezone": "Europe/Atlantis"})

    assert answer.context["form"].errors.keys() == {"country", "timezone"}
    assert answer.context["studio"].name == "Lotus Yoga"


def test_an_unverified_owner_reads_that_no_emails_go_out(client: Browser, lotus: Studio) -> None:
    ann = make_member(lotus, Role.OWNER, "Ann Berg", verified=False)
    sign_in(client, ann)

    page = client.get(PAGE).content.decode()

    assert "Junocal sends no emails" in page


def test_a_verified_owner_reads_nothing_of_it(client: Browser, olive: User) -> None:
    sign_in(client, olive)

    assert "Junocal sends no emails" not in client.get(PAGE).content.decode()


def test_the_link_is_sent_again_but_not_twice_in_a_row(client: Browser, lotus: Studio) -> None:
    ann = make_member(lotus, Role.OWNER, "Ann Berg", verified=False)
    sign_in(client, ann)

    first = client.post(f"{PAGE}verify/", follow=True)
    second = client.post(f"{PAGE}verify/", follow=True)

    (letter,) = mail.outbox
    assert letter.to == ["ann@studio.test"]
    assert "/accounts/confirm-email/" in letter.body
    assert "A link is on its way to ann@studio.test." in first.content.decode()
    assert "in three minutes you can ask for another" in second.content.decode()
