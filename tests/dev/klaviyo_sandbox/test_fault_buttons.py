"""The faults that a person switches on by hand, and what a client of the API sees of them."""

import pytest
import requests

from dev.klaviyo_sandbox.faults.buttons import BUTTONS
from dev.klaviyo_sandbox.testing.client import LOTUS, SandboxProcess
from tests.support.sandbox_requests import person


def press(sandbox: SandboxProcess, path: str, **fields: str) -> str:
    answer = requests.post(f"{sandbox.url}/{path}", data=fields, timeout=5)
    assert answer.status_code == 200
    return answer.text


def create(sandbox: SandboxProcess, token: str) -> int:
    answer = sandbox.call("POST", "profiles", token, person("ana@lotus.test"))
    return int(answer.status_code)


@pytest.mark.parametrize(
    ("button", "status"), [("down", 503), ("wait", 429), ("refused", 400), ("access", 401)]
)
def test_a_button_breaks_klaviyo_and_another_mends_it(
    sandbox: SandboxProcess, token: str, button: str, status: int
) -> None:
    shown = press(sandbox, f"faults/{button}")
    assert '<span class="tag warn">on</span>' in shown
    assert create(sandbox, token) == status

    shown = press(sandbox, "faults")
    assert "Nothing just now" in shown
    assert create(sandbox, token) == 201


def test_an_answer_that_gets_lost_has_been_acted_on(sandbox: SandboxProcess, token: str) -> None:
    press(sandbox, "faults/unanswered")

    with pytest.raises(requests.ConnectionError):
        create(sandbox, token)

    assert sandbox.profile("ana@lotus.test")


def test_each_button_can_be_pressed_and_stays_on_once(sandbox: SandboxProcess) -> None:
    for key in BUTTONS:
        press(sandbox, f"faults/{key}")
        shown = press(sandbox, f"faults/{key}")

    assert f"{len(BUTTONS)} faults on." in shown
    assert requests.post(f"{sandbox.url}/faults/nothing", timeout=5).status_code == 404


def test_a_profile_of_another_source_takes_an_address(sandbox: SandboxProcess, token: str) -> None:
    path = f"accounts/{LOTUS.id}/another"
    shown = press(sandbox, path, email="ana@lotus.test", phone_number="")
    again = requests.post(f"{sandbox.url}/{path}", {"email": "ana@lotus.test"}, timeout=5)
    empty = requests.post(f"{sandbox.url}/{path}", {"email": " "}, timeout=5)

    assert "ana@lotus.test" in shown
    assert (again.status_code, empty.status_code) == (409, 400)
    assert "There is a profile with it already" in again.text
    assert create(sandbox, token) == 409
