from datetime import timedelta

import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.test import Client as Browser
from django.utils import timezone

from studios import invitations
from studios.models import INVITATION_LIFE, Invitation, Role, Studio, User
from tests.studios.conftest import NEWCOMER, make_older
from tests.support.cast import PASSWORD, make_member, make_user, sign_in
from tests.support.threads import at_once


def roles_of(person: User) -> list[tuple[str, int]]:
    return list(person.memberships.values_list("studio__slug", "role"))


def test_somebody_new_signs_up_into_the_studio(client: Browser, lotus: Studio, link: str) -> None:
    page = client.get(link, follow=True)

    answer = client.post(f"{link}join/", {"name": "Nora Nilsen", "password1": PASSWORD})

    nora = User.objects.get(email=NEWCOMER)
    assert "Olive Okafor invites you." in page.content.decode()
    assert answer.headers["Location"] == "/s/lotus/clients/"
    assert roles_of(nora) == [("lotus", Role.FRONT_DESK)]
    assert EmailAddress.objects.get(user=nora).verified
    assert Studio.objects.get() == lotus
    assert not mail.outbox


def test_who_joins_cannot_choose_another_address(client: Browser, link: str) -> None:
    body = {"name": "Nora", "password1": PASSWORD, "email": "eve@studio.test"}

    client.post(f"{link}join/?email=eve@studio.test", body)

    assert User.objects.filter(email=NEWCOMER).exists()
    assert not User.objects.filter(email="eve@studio.test").exists()


def test_a_link_works_once(client: Browser, link: str) -> None:
    body = {"name": "Nora", "password1": PASSWORD}
    client.post(f"{link}join/", body)

    answer = Browser().post(f"{link}join/", body)

    assert answer.status_code == 410
    assert User.objects.filter(email=NEWCOMER).count() == 1


def test_an_invitation_spent_while_the_form_was_read_signs_nobody_up(
    client: Browser, invitation: Invitation, link: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(invitations, "read", lambda token: invitation)
    Invitation.objects.update(withdrawn_at=timezone.now())

    answer = client.post(f"{link}join/", {"name": "Nora", "password1": PASSWORD})

    assert answer.status_code == 410
    assert not User.objects.filter(email=NEWCOMER).exists()


def test_who_has_an_account_signs_in_and_accepts(client: Browser, stans: Studio, link: str) -> None:
    nora = make_member(stans, Role.INSTRUCTOR, "Nora Nilsen")
    signed_out = client.get(link)
    sign_in(client, nora)
    page = client.get(link)

    answer = client.post(f"{link}accept/")

    assert f"/accounts/login/?next={link.replace(':', '%3A')}" in signed_out.content.decode()
    assert "Join Lotus Yoga" in page.content.decode()
    assert answer.headers["Location"] == "/s/lotus/clients/"
    assert sorted(roles_of(nora)) == [("lotus", Role.FRONT_DESK), ("stans", Role.INSTRUCTOR)]


def test_reading_the_link_accepts_nothing(client: Browser, link: str) -> None:
    nora = make_user("Nora Nilsen")
    sign_in(client, nora)

    client.get(link)
    refused = client.get(f"{link}accept/")

    assert refused.status_code == 405
    assert roles_of(nora) == []


def test_somebody_else_than_it_was_sent_to_cannot_accept(
    client: Browser, stan: User, link: str
) -> None:
    sign_in(client, stan)

    page = client.get(link)
    client.post(f"{link}accept/")

    assert f"This invitation is for {NEWCOMER}" in page.content.decode()
    assert roles_of(stan) == [("stans", Role.OWNER)]


def test_a_second_address_that_was_proven_counts(client: Browser, stan: User, link: str) -> None:
    EmailAddress.objects.create(user=stan, email=NEWCOMER, verified=True)
    sign_in(client, stan)

    client.post(f"{link}accept/")

    assert ("lotus", Role.FRONT_DESK) in roles_of(stan)


def test_a_second_address_that_was_only_claimed_does_not(
    client: Browser, stan: User, link: str
) -> None:
    EmailAddress.objects.create(user=stan, email=NEWCOMER, verified=False)
    sign_in(client, stan)

    client.post(f"{link}accept/")

    assert roles_of(stan) == [("stans", Role.OWNER)]


def test_a_link_lives_for_seven_days(client: Browser, invitation: Invitation, link: str) -> None:
    make_older(invitation, INVITATION_LIFE - timedelta(minutes=1))
    before = client.get(link).status_code

    make_older(invitation, timedelta(minutes=2))

    assert before == 302
    assert client.get(link).status_code == 410


@pytest.mark.parametrize("token", ["1", "IjEi:1abcde:forged", "%20"])
def test_a_forged_link_says_the_same(client: Browser, db: None, token: str) -> None:
    assert client.get(f"/invitations/{token}/").status_code == 410


def test_a_link_of_a_studio_that_is_gone_says_the_same(
    client: Browser, invitation: Invitation, link: str
) -> None:
    invitation.delete()

    assert client.get(link).status_code == 410


@pytest.mark.django_db(transaction=True)
def test_a_link_pressed_twice_at_once_makes_one_member(lotus: Studio, olive: User) -> None:
    named = invitations.invite(lotus, NEWCOMER, Role.FRONT_DESK, by=olive)
    again = Invitation.objects.get(pk=named.pk)
    nora = make_user("Nora Nilsen")

    outcomes = at_once(
        lambda: invitations.accept(named, nora), lambda: invitations.accept(again, nora)
    )

    assert sorted(type(outcome).__name__ for outcome in outcomes) == [
        "NoLongerValidError",
        "NoneType",
    ]
    assert roles_of(nora) == [("lotus", Role.FRONT_DESK)]
