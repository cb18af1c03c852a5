import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.totp.internal.auth import TOTP
from django.test import Client as Browser

from studios.models import Invitation, Membership, Role, Studio, User
from tests.support.cast import make_user, sign_in


@pytest.fixture
def ada(db: None) -> User:
    """She runs the installation."""
    return make_user("Ada Quist", is_staff=True, is_superuser=True)


def test_the_admin_is_entered_as_everything_is(client: Browser, db: None) -> None:
    answer = client.get("/admin/", follow=True)

    assert answer.redirect_chain[-1][0].startswith("/accounts/login/?next=")
    assert client.post("/admin/login/", {"username": "a", "password": "b"}).status_code == 302


def test_an_owner_is_no_administrator(client: Browser, olive: User) -> None:
    sign_in(client, olive)

    assert client.get("/admin/", follow=True).status_code == 403


def test_its_pages_open_and_show_no_secret(
    client: Browser, ada: User, lotus: Studio, olive: User
) -> None:
    Invitation.objects.create(
        studio=lotus, email="new@studio.test", role=Role.OWNER, invited_by=olive
    )
    sign_in(client, ada)
    paths = [
        "/admin/studios/user/",
        f"/admin/studios/user/{olive.pk}/change/",
        "/admin/studios/studio/",
        f"/admin/studios/studio/{lotus.pk}/change/",
        "/admin/studios/invitation/",
    ]

    answers = [client.get(path) for path in paths]

    assert [answer.status_code for answer in answers] == [200] * len(paths)
    pages = "".join(answer.content.decode() for answer in answers)
    assert "withdrawal" not in pages
    assert olive.password not in pages


def test_a_second_factor_is_taken_away_there_and_never_read(
    client: Browser, ada: User, olive: User
) -> None:
    factor = TOTP.activate(olive, "JBSWY3DPEHPK3PXP").instance
    sign_in(client, ada)
    page = f"/admin/mfa/authenticator/{factor.pk}/"

    shown = client.get(f"{page}change/")
    client.post(f"{page}delete/", {"post": "yes"})

    assert shown.status_code == 200
    assert "JBSWY3DPEHPK3PXP" not in shown.content.decode()
    assert not Authenticator.objects.filter(user=olive).exists()


def test_nobody_is_deleted_or_demoted_there(
    client: Browser, ada: User, lotus: Studio, olive: User
) -> None:
    sign_in(client, ada)

    answers = [
        client.post(f"/admin/studios/user/{olive.pk}/delete/", {"post": "yes"}),
        client.post(f"/admin/studios/studio/{lotus.pk}/delete/", {"post": "yes"}),
        client.get("/admin/studios/studio/add/"),
    ]

    assert [answer.status_code for answer in answers] == [403, 403, 403]
    assert Membership.objects.get(studio=lotus, user=olive).role == Role.OWNER
