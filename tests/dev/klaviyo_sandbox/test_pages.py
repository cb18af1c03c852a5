"""The sandbox's own pages."""

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from tests.support.sandbox_requests import person

ROOM = f"accounts/{LOTUS.id}"
NASTY = "<script>alert(1)</script>"


def test_every_page_opens_and_has_no_inline_code(sandbox: SandboxProcess, token: str) -> None:
    (ana,) = sandbox.seed({"email": "ana@lotus.test", "first_name": NASTY, "suppressed": True})
    sandbox.call("POST", "profiles", token, person("bea@lotus.test", properties={NASTY: NASTY}))
    bea = sandbox.profile("bea@lotus.test")
    assert bea is not None
    paths = ["", *(f"{ROOM}/{name}" for name in ("profiles", "suppressions", "journal"))]
    paths += [f"{ROOM}/profiles/{ana}", f"{ROOM}/profiles/{bea['id']}"]

    for path in paths:
        page = requests.get(f"{sandbox.url}/{path}", timeout=5)

        assert page.status_code == 200
        assert "This is not Klaviyo" in page.text
        assert "<script" not in page.text
        assert "style=" not in page.text
        assert "default-src 'none'" in page.headers["Content-Security-Policy"]


@pytest.mark.parametrize(
    ("words", "found"), [("ana", True), ("ANA@", True), ("pereira", True), ("%", False)]
)
def test_profiles_are_searched_by_email_phone_and_name(
    sandbox: SandboxProcess, words: str, found: bool
) -> None:
    sandbox.seed({"email": "Ana@lotus.test", "last_name": "Pereira"})

    page = requests.get(f"{sandbox.url}/{ROOM}/profiles", params={"q": words}, timeout=5)

    assert ("Ana@lotus.test" in page.text) is found


def test_suppressions_show_only_the_suppressed(sandbox: SandboxProcess) -> None:
    sandbox.seed({"email": "ana@lotus.test"}, {"email": "bea@lotus.test", "suppressed": True})

    page = requests.get(f"{sandbox.url}/{ROOM}/suppressions", timeout=5).text

    assert "bea@lotus.test" in page
    assert "ana@lotus.test" not in page


def test_a_name_in_another_alphabet_is_found(sandbox: SandboxProcess) -> None:
    sandbox.seed({"email": "o@lotus.test", "first_name": "Олена"})

    page = requests.get(f"{sandbox.url}/{ROOM}/profiles", params={"q": "олена"}, timeout=5)

    assert "o@lotus.test" in page.text


@pytest.mark.parametrize(
    "headers", [{"Origin": "https://elsewhere.test"}, {"Sec-Fetch-Site": "cross-site"}]
)
def test_a_page_elsewhere_presses_no_button(
    sandbox: SandboxProcess, headers: dict[str, str]
) -> None:
    sandbox.issue_tokens()

    answer = requests.post(f"{sandbox.url}/{ROOM}/uninstall", headers=headers, timeout=5)

    assert answer.status_code == 403
    assert len(sandbox.grants()) == 1


def test_no_browser_reaches_the_controls(sandbox: SandboxProcess) -> None:
    headers = {"Origin": sandbox.url, "Sec-Fetch-Site": "same-origin"}

    answer = requests.post(f"{sandbox.url}/control/reset", headers=headers, timeout=5)

    assert answer.status_code == 403
