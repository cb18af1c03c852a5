import smtplib
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.core.mail.message import sanitize_address
from django.test import Client as Browser

from studios.accounts import signup
from studios.models import Membership, Role, Studio, User
from studios.team import owner_is_verified
from tests.support.cast import PASSWORD

PAULA = {
    "name": "Paula Reyes",
    "email": "Paula@studio.test",
    "password1": PASSWORD,
    "studio_name": "Casa  Yoga",
    "country": "ES",
}


def test_signing_up_makes_a_person_a_studio_and_its_owner(client: Browser, db: None) -> None:
    answer = client.post("/accounts/signup/", PAULA, follow=True)

    membership = Membership.objects.get()
    assert answer.redirect_chain[-1][0] == "/s/casa-yoga/clients/"
    assert membership.role == Role.OWNER
    assert (membership.user.name, membership.user.email) == ("Paula Reyes", "paula@studio.test")
    assert (membership.studio.name, membership.studio.timezone) == ("Casa Yoga", "Europe/Madrid")


def test_the_address_is_unverified_until_its_link_is_opened(client: Browser, db: None) -> None:
    client.post("/accounts/signup/", PAULA)
    studio = Studio.objects.get()
    before = owner_is_verified(studio)
    (letter,) = mail.outbox
    link = next(word for word in letter.body.split() if "confirm-email" in word)

    client.post(link.removeprefix("http://testserver"))

    assert letter.to == ["paula@studio.test"]
    assert letter.subject == "Confirm your email address"
    assert "testserver" not in letter.body.replace(link, "")
    assert before is False
    assert owner_is_verified(studio) is True


def test_the_letter_carries_nothing_that_a_stranger_could_write_in_it(
    client: Browser, db: None
) -> None:
    client.post("/accounts/signup/", PAULA | {"name": "You won a prize! Write to us"})

    (letter,) = mail.outbox
    assert "prize" not in f"{letter.subject} {letter.body}"


def test_its_link_leads_home_whatever_host_was_asked(client: Browser, db: None) -> None:
    client.post("/accounts/signup/", PAULA, headers={"host": "testserver:6666"})

    (letter,) = mail.outbox
    assert "http://testserver/accounts/confirm-email/" in letter.body
    assert "6666" not in letter.body


def test_an_address_that_no_email_can_carry_stops_no_sign_up(
    client: Browser, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(letter: EmailMessage) -> None:
        sanitize_address(letter.to[0], "utf-8")  # as SMTP does

    monkeypatch.setattr(EmailMessage, "send", send)

    answer = client.post("/accounts/signup/", PAULA | {"email": "=?utf-8?q?a=0Ab?=@studio.test"})

    assert answer.headers["Location"] == "/"


def test_what_fails_halfway_leaves_nobody(
    client: Browser, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*args: Any, **kwargs: Any) -> None:
        raise RuntimeError("the power went out")

    monkeypatch.setattr(signup, "create_studio", fail)

    with pytest.raises(RuntimeError):
        client.post("/accounts/signup/", PAULA)

    assert not User.objects.exists()


def test_a_mail_server_out_of_reach_stops_no_sign_up(
    client: Browser, db: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(letter: EmailMessage) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(EmailMessage, "send", refuse)

    client.post("/accounts/signup/", PAULA)

    assert Membership.objects.get().studio.slug == "casa-yoga"


@pytest.mark.parametrize("email", ["olive@studio.test", "OLIVE@studio.test"])
def test_an_address_signs_up_once(client: Browser, olive: User, email: str) -> None:
    client.post("/accounts/signup/", PAULA | {"email": email})

    assert User.objects.get() == olive
    assert Studio.objects.count() == 1


@pytest.mark.parametrize("missing", ["name", "email", "password1", "studio_name", "country"])
def test_everything_on_the_form_is_asked_for(client: Browser, db: None, missing: str) -> None:
    answer = client.post("/accounts/signup/", PAULA | {missing: " "})

    assert answer.context["form"].errors.keys() == {missing}
    assert not User.objects.exists()


def test_a_password_like_the_address_is_refused(client: Browser, db: None) -> None:
    answer = client.post("/accounts/signup/", PAULA | {"password1": "paula@studio.test"})

    assert "password1" in answer.context["form"].errors


def test_a_button_pressed_twice_signs_up_once(
    client: Browser, olive: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Both presses find the address free; the other one's person is there first."""
    monkeypatch.setattr(signup.SignUpForm, "validate_unique_email", lambda form, email: email)

    answer = client.post("/accounts/signup/", PAULA | {"email": olive.email})

    assert answer.headers["Location"] == "/accounts/login/"
    assert User.objects.get() == olive
    assert Studio.objects.count() == 1
