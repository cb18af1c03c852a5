import pytest
from allauth.mfa.models import Authenticator
from allauth.mfa.recovery_codes.internal.auth import RecoveryCodes
from allauth.mfa.totp.internal import auth as totp
from django.core import mail
from django.test import Client as Browser

from studios.models import User
from tests.support.cast import PASSWORD, sign_in

LOGIN = "/accounts/login/"


def sign_in_by_form(browser: Browser, email: str, password: str) -> bool:
    browser.post(LOGIN, {"login": email, "password": password})
    return "_auth_user_id" in browser.session


def test_the_right_password_signs_in(client: Browser, olive: User) -> None:
    assert sign_in_by_form(client, "Olive@Studio.test", PASSWORD)


def test_the_session_key_changes_at_sign_in(client: Browser, olive: User) -> None:
    planted = client.session
    planted["from"] = "somebody who knows this key"
    planted.save()
    key = str(planted.session_key)
    client.cookies["sessionid"] = key

    sign_in_by_form(client, olive.email, PASSWORD)

    assert client.session.session_key != key
    assert not planted.exists(key)


def test_the_sixth_wrong_password_in_a_row_is_refused_and_so_is_the_right_one_after_it(
    client: Browser, olive: User
) -> None:
    for _ in range(5):
        sign_in_by_form(client, olive.email, "a wrong guess")

    sixth = client.post(LOGIN, {"login": olive.email, "password": "a wrong guess"})

    assert "Too many failed login attempts" in sixth.content.decode()
    assert not sign_in_by_form(Browser(REMOTE_ADDR="10.9.8.7"), olive.email, PASSWORD)


def test_one_persons_wrong_passwords_lock_nobody_else_out(
    client: Browser, olive: User, fay: User
) -> None:
    for _ in range(6):
        sign_in_by_form(client, olive.email, "a wrong guess")

    assert sign_in_by_form(client, fay.email, PASSWORD)


def test_signing_out_takes_a_post(client: Browser, olive: User) -> None:
    sign_in(client, olive)

    client.get("/accounts/logout/")
    asked = "_auth_user_id" in client.session
    client.post("/accounts/logout/")

    assert asked
    assert "_auth_user_id" not in client.session


@pytest.fixture
def secret(olive: User) -> str:
    """Olive's phone makes codes from it."""
    secret = "JBSWY3DPEHPK3PXP"
    totp.TOTP.activate(olive, secret)
    RecoveryCodes.activate(olive)
    return secret


def current_code(secret: str) -> str:
    counter = next(totp.yield_hotp_counters_from_time())
    return str(totp.format_hotp_value(totp.hotp_value(secret, counter)))


def test_with_a_second_factor_the_password_alone_is_not_enough(
    client: Browser, olive: User, secret: str
) -> None:
    by_password = sign_in_by_form(client, olive.email, PASSWORD)

    client.post("/accounts/2fa/authenticate/", {"code": current_code(secret)})

    assert not by_password
    assert "_auth_user_id" in client.session


def test_a_recovery_code_stands_in_for_a_lost_phone_once(
    client: Browser, olive: User, secret: str
) -> None:
    code = RecoveryCodes(
        Authenticator.objects.get(user=olive, type="recovery_codes")
    ).get_unused_codes()[0]
    sign_in_by_form(client, olive.email, PASSWORD)
    client.post("/accounts/2fa/authenticate/", {"code": code})
    signed_in = "_auth_user_id" in client.session
    again = Browser()
    sign_in_by_form(again, olive.email, PASSWORD)

    again.post("/accounts/2fa/authenticate/", {"code": code})

    assert signed_in
    assert "_auth_user_id" not in again.session


@pytest.mark.parametrize("path", ["/accounts/2fa/", "/accounts/email/"])
def test_a_persons_own_pages_open_for_all_roles(client: Browser, ian: User, path: str) -> None:
    sign_in(client, ian)

    assert client.get(path).status_code == 200


def test_the_link_to_a_new_password_leads_home_whatever_host_was_asked(
    client: Browser, olive: User
) -> None:
    client.post(
        "/accounts/password/reset/", {"email": olive.email}, headers={"host": "testserver:6666"}
    )

    (letter,) = mail.outbox
    link = next(word for word in letter.body.split() if "/reset/key/" in word)
    assert link.startswith("http://testserver/accounts/")
    assert client.get(link, follow=True).context["form"].user == olive


def test_who_tries_too_often_reads_when_to_come_back(client: Browser, db: None) -> None:
    for _ in range(31):  # allauth lets an address try thirty times a minute
        answer = client.post(LOGIN, {"login": "", "password": ""})

    assert answer.status_code == 429
    assert "wait a minute" in answer.content.decode()
