"""OAuth against the sandbox, and every answer that is no token."""

import base64
from urllib.parse import parse_qs, urlsplit

import pytest
from pytest_django import Settings

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from integrations import http
from integrations.http import Answer, NoAnswerError
from integrations.klaviyo.api import oauth
from integrations.klaviyo.api.oauth import (
    ConfigurationRefusedError,
    GrantDeadError,
    OAuthUnavailableError,
)
from integrations.klaviyo.connection.authorization import redirect_uri

SCOPES = "accounts:read profiles:read profiles:write"
FORM = {"content-type": "application/json"}


def come_back(sandbox: SandboxProcess, verifier: str) -> str:
    """Allow it on the consent page; the code."""
    url = oauth.authorize_url(
        state="state", verifier=verifier, scopes=SCOPES, redirect_uri=redirect_uri()
    )
    return parse_qs(urlsplit(sandbox.authorize(url)).query)["code"][0]


def exchange(sandbox: SandboxProcess, code: str, verifier: str) -> oauth.Grant:
    return oauth.exchange(code=code, verifier=verifier, redirect_uri=redirect_uri())


def test_the_challenge_is_that_of_rfc_7636() -> None:
    verifier = "dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk"

    assert oauth.challenge_of(verifier) == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_a_verifier_is_new_each_time_and_of_the_allowed_length_and_letters() -> None:
    verifiers = {oauth.new_verifier() for _ in range(50)}

    assert len(verifiers) == 50
    assert all(43 <= len(verifier) <= 128 for verifier in verifiers)
    assert all(verifier.replace("-", "").replace("_", "").isalnum() for verifier in verifiers)


def test_the_consent_page_is_asked_with_s256_and_exactly_these_scopes(settings: Settings) -> None:
    url = oauth.authorize_url(
        state="a state", verifier="v" * 43, scopes=SCOPES, redirect_uri="https://j.test/back/"
    )

    query = parse_qs(urlsplit(url).query)
    assert query == {
        "response_type": ["code"],
        "client_id": [settings.KLAVIYO_CLIENT_ID],
        "redirect_uri": ["https://j.test/back/"],
        "scope": [SCOPES],
        "state": ["a state"],
        "code_challenge_method": ["S256"],
        "code_challenge": [oauth.challenge_of("v" * 43)],
    }


def test_a_code_and_its_verifier_bring_a_grant(sandbox: SandboxProcess) -> None:
    verifier = oauth.new_verifier()

    grant = exchange(sandbox, come_back(sandbox, verifier), verifier)

    assert grant.scopes == set(SCOPES.split())
    assert grant.expires_in_s == 3600
    assert sandbox.call("GET", "accounts", grant.access_token).ok


def test_another_verifier_does_not_redeem_the_code(sandbox: SandboxProcess) -> None:
    code = come_back(sandbox, oauth.new_verifier())

    with pytest.raises(GrantDeadError):
        exchange(sandbox, code, oauth.new_verifier())


def test_a_code_is_good_once(sandbox: SandboxProcess) -> None:
    verifier = oauth.new_verifier()
    code = come_back(sandbox, verifier)
    exchange(sandbox, code, verifier)

    with pytest.raises(GrantDeadError):
        exchange(sandbox, code, verifier)


def test_id_and_secret_travel_in_the_basic_header_alone(monkeypatch: pytest.MonkeyPatch) -> None:
    sent: dict[str, object] = {}

    def send(method: str, url: str, **request: object) -> Answer:
        sent.update(request, method=method, url=url)
        return Answer(200, FORM, b'{"access_token": "a", "refresh_token": "r"}')

    monkeypatch.setattr(http, "send", send)

    oauth.refresh("old")

    assert sent["basic"] == ("junocal-under-test", "client-secret-under-test")
    assert sent["form"] == {"grant_type": "refresh_token", "refresh_token": "old"}
    assert "json" not in sent
    assert "client-secret" not in str(sent["url"])


def test_a_wrong_secret_is_the_operators_and_kills_no_grant(
    sandbox: SandboxProcess, settings: Settings
) -> None:
    token = sandbox.issue_tokens()["refresh_token"]
    settings.KLAVIYO_CLIENT_SECRET = "wrong"

    with pytest.raises(ConfigurationRefusedError):
        oauth.refresh(token)


@pytest.mark.parametrize(
    ("status", "body", "expected"),
    [
        (400, b'{"error": "invalid_grant"}', GrantDeadError),
        (400, b'{"error": "invalid_client"}', ConfigurationRefusedError),
        (401, b'{"error": "invalid_client"}', ConfigurationRefusedError),
        (401, b'{"error": "invalid_grant"}', ConfigurationRefusedError),
        (400, b'{"error": "invalid_grant_type"}', ConfigurationRefusedError),
        (400, b"<html>invalid_grant</html>", OAuthUnavailableError),
        (400, b'["invalid_grant"]', OAuthUnavailableError),
        (400, b'{"error": {"code": "invalid_grant"}}', OAuthUnavailableError),
        (403, b"<html>invalid_grant</html>", OAuthUnavailableError),
        (403, b'{"error": "invalid_grant"}', OAuthUnavailableError),
        (404, b"", OAuthUnavailableError),
        (429, b'{"error": "invalid_grant"}', OAuthUnavailableError),
        (500, b'{"error": "invalid_grant"}', OAuthUnavailableError),
        (503, b"", OAuthUnavailableError),
        (302, b"", OAuthUnavailableError),
        (200, b"<html>Back soon</html>", OAuthUnavailableError),
        (200, b"", OAuthUnavailableError),
        (200, b"[]", OAuthUnavailableError),
        (200, b"null", OAuthUnavailableError),
        (200, b'{"error": "invalid_grant"}', OAuthUnavailableError),
        (200, b'{"access_token": 7, "expires_in": 60}', OAuthUnavailableError),
    ],
)
def test_only_a_400_that_says_invalid_grant_means_that_the_grant_is_dead(
    status: int, body: bytes, expected: type[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "send", lambda *_, **__: Answer(status, {}, body))

    with pytest.raises(expected):
        oauth.refresh("token")


@pytest.mark.parametrize(
    ("status", "may_be_done"), [(200, True), (500, True), (403, False), (429, False), (302, False)]
)
def test_what_klaviyo_refused_unread_was_not_done(
    status: int, may_be_done: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(http, "send", lambda *_, **__: Answer(status, {}, b"<html>"))

    with pytest.raises(OAuthUnavailableError) as unavailable:
        oauth.refresh("token")

    assert unavailable.value.may_be_done is may_be_done


@pytest.mark.parametrize("sent", [True, False])
def test_where_no_answer_came_it_is_known_whether_the_request_left(
    sent: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    def send(*_: object, **__: object) -> Answer:
        raise NoAnswerError("ReadTimeout", sent=sent)

    monkeypatch.setattr(http, "send", send)

    with pytest.raises(OAuthUnavailableError) as unavailable:
        oauth.refresh("token")

    assert unavailable.value.may_be_done is sent


@pytest.mark.parametrize("life", [b"", b', "expires_in": null', b', "expires_in": Infinity'])
def test_a_rotated_token_is_not_lost_for_want_of_its_lifetime(
    life: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"access_token": "a", "refresh_token": "new"' + life + b"}"
    monkeypatch.setattr(http, "send", lambda *_, **__: Answer(200, FORM, body))

    grant = oauth.refresh("old")

    assert grant.refresh_token == "new"
    assert grant.expires_in_s == oauth.LIFE_UNTOLD_S


def test_a_refresh_may_bring_no_refresh_token_but_an_exchange_must(
    sandbox: SandboxProcess, monkeypatch: pytest.MonkeyPatch
) -> None:
    body = b'{"access_token": "a", "expires_in": "3600"}'
    monkeypatch.setattr(http, "send", lambda *_, **__: Answer(200, FORM, body))

    assert oauth.refresh("old").refresh_token == ""
    with pytest.raises(OAuthUnavailableError):
        exchange(sandbox, "code", "verifier")


def test_the_seconds_to_wait_are_passed_on(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "send", lambda *_, **__: Answer(429, {"Retry-After": "17"}, b""))

    with pytest.raises(OAuthUnavailableError) as unavailable:
        oauth.refresh("token")

    assert unavailable.value.wait_s == 17


def test_revoking_uninstalls_and_doing_it_twice_is_fine(sandbox: SandboxProcess) -> None:
    token = sandbox.issue_tokens()["refresh_token"]

    oauth.revoke(token)
    oauth.revoke(token)

    assert sandbox.grants() == []
    with pytest.raises(GrantDeadError):
        oauth.refresh(token)


def test_a_grant_that_is_known_dead_counts_as_revoked(sandbox: SandboxProcess) -> None:
    sandbox.fault("invalid_grant", operation="oauth_revoke")

    oauth.revoke("token")


@pytest.mark.parametrize(
    "fault", ["500", "challenge", "html_200", "redirect", "reset_after", "429"]
)
def test_a_revocation_is_confirmed_by_klaviyos_own_word_only(
    sandbox: SandboxProcess, fault: str
) -> None:
    token = sandbox.issue_tokens()["refresh_token"]
    sandbox.fault(fault, operation="oauth_revoke")

    with pytest.raises(OAuthUnavailableError):
        oauth.revoke(token)


def test_no_secret_shows_in_a_repr(sandbox: SandboxProcess) -> None:
    answer = sandbox.issue_tokens()

    grant = oauth.refresh(answer["refresh_token"])

    assert grant.access_token not in repr(grant)
    assert grant.refresh_token not in repr(grant)
    assert base64.b64encode(grant.refresh_token.encode()).decode() not in repr(grant)
