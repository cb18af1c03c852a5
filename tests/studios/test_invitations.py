import re
import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.exceptions import ValidationError
from django.test import Client as Browser

from studios import invitations
from studios.models import Invitation, Role, Studio, User
from tests.studios.conftest import NEWCOMER, make_older
from tests.support.cast import make_member, sign_in


def test_an_owner_invites_by_email(client: Browser, lotus: Studio, olive: User) -> None:
    sign_in(client, olive)

    answer = client.post(
        "/s/lotus/settings/team/invite/", {"email": NEWCOMER, "role": Role.INSTRUCTOR}, follow=True
    )

    (letter,) = mail.outbox
    assert letter.to == [NEWCOMER]
    assert letter.subject == "Olive Okafor invites you to Lotus Yoga"
    (link,) = re.findall(r"http://testserver(/invitations/\S+)", str(letter.body))
    assert Browser().get(link, follow=True).status_code == 200
    assert "instructor" in letter.body
    assert f"An invitation is on its way to {NEWCOMER}." in answer.content.decode()


def test_a_mail_server_out_of_reach_leaves_the_invitation_to_be_sent_again(
    client: Browser, lotus: Studio, olive: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(**letter: Any) -> None:
        raise smtplib.SMTPServerDisconnected

    monkeypatch.setattr(invitations, "send_mail", refuse)
    sign_in(client, olive)

    answer = client.post(
        "/s/lotus/settings/team/invite/", {"email": NEWCOMER, "role": Role.INSTRUCTOR}, follow=True
    )

    assert "could not be sent just now" in answer.content.decode()
    assert Invitation.objects.pending().count() == 1


@pytest.mark.parametrize("email", ["fay@studio.test", "Fay@Studio.test"])
def test_a_member_is_not_invited_again(
    client: Browser, lotus: Studio, olive: User, fay: User, email: str
) -> None:
    sign_in(client, olive)

    answer = client.post("/s/lotus/settings/team/invite/", {"email": email, "role": Role.OWNER})

    assert "Fay Lindqvist is on the team already." in answer.content.decode()
    assert not Invitation.objects.exists()
    assert not mail.outbox


def test_an_unverified_owner_invites_nobody(lotus: Studio) -> None:
    ann = make_member(lotus, Role.OWNER, "Ann Berg", verified=False)

    with pytest.raises(ValidationError, match="Confirm your own address first"):
        invitations.invite(lotus, NEWCOMER, Role.OWNER, by=ann)


def test_a_studio_sends_a_bounded_number_a_day_however_they_end(
    lotus: Studio, olive: User, settings: Any
) -> None:
    settings.INVITATIONS_PER_STUDIO_AND_DAY = 2
    first = invitations.invite(lotus, NEWCOMER, Role.OWNER, by=olive)
    invitations.withdraw(first, by=olive)
    invitations.invite(lotus, NEWCOMER, Role.OWNER, by=olive)

    with pytest.raises(ValidationError, match="in the last 24 hours"):
        invitations.invite(lotus, NEWCOMER, Role.OWNER, by=olive)

    make_older(first, timedelta(hours=25))
    assert invitations.invite(lotus, NEWCOMER, Role.OWNER, by=olive)


def test_sending_again_ends_the_earlier_link(
    client: Browser, olive: User, invitation: Invitation, link: str
) -> None:
    sign_in(client, olive)

    client.post(f"/s/lotus/settings/team/invitations/{invitation.public_id}/send/")

    assert Browser().get(link).status_code == 410
    assert Browser().get(invitations.path_of(Invitation.objects.pending().get())).status_code == 302
    assert len(mail.outbox) == 1


def test_a_withdrawn_link_is_spent(
    client: Browser, olive: User, invitation: Invitation, link: str
) -> None:
    sign_in(client, olive)

    client.post(f"/s/lotus/settings/team/invitations/{invitation.public_id}/withdraw/")

    assert Browser().get(link).status_code == 410


def test_another_studios_invitation_is_not_found(
    client: Browser, stan: User, invitation: Invitation
) -> None:
    sign_in(client, stan)
    there = f"/s/stans/settings/team/invitations/{invitation.public_id}"

    answers = [client.post(f"{there}/send/"), client.post(f"{there}/withdraw/")]

    assert [answer.status_code for answer in answers] == [404, 404]
    assert Invitation.objects.pending().count() == 1
