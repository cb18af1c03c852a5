"""Finding profiles (contract, sections 3.2 and 4.2)."""

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import SandboxProcess
from tests.support.sandbox_requests import pointers

ANA = {
    "email": "Ana.Pereira@Lotus.test",
    "phone_number": "+4915112345678",
    "external_id": "a-1",
    "location": {"city": "Berlin"},
    "properties": {"shop": "x"},
}
BEA = {"email": "bea+yoga@lotus.test", "suppressed": True}
CLEO = {"email": "cleo@lotus.test", "suppressed": "UNSUBSCRIBE"}


def emails(answer: requests.Response) -> list[str]:
    assert answer.status_code == 200, answer.text
    return [one["attributes"]["email"].lower() for one in answer.json()["data"]]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        ('equals(email,"ana.pereira@lotus.test")', ["ana.pereira@lotus.test"]),
        ('equals(email,"ANA.PEREIRA@LOTUS.TEST")', ["ana.pereira@lotus.test"]),
        ('equals(email,"bea+yoga@lotus.test")', ["bea+yoga@lotus.test"]),
        ('equals(email,"nobody@lotus.test")', []),
        (
            'any(email,["bea+yoga@lotus.test","cleo@lotus.test"])',
            ["bea+yoga@lotus.test", "cleo@lotus.test"],
        ),
        ("any(email,[])", []),
        ('equals(phone_number,"+4915112345678")', ["ana.pereira@lotus.test"]),
        ('equals(external_id,"a-1")', ["ana.pereira@lotus.test"]),
        ('any(email,["cleo@lotus.test"]),equals(external_id,"a-1")', []),
        ("less-than(created,2000-01-01T00:00:00Z)", []),
        (
            'greater-than(created,2000-01-01T00:00:00Z),equals(email,"cleo@lotus.test")',
            ["cleo@lotus.test"],
        ),
        (
            'equals(subscriptions.email.marketing.suppression.reason,"UNSUBSCRIBE")',
            ["cleo@lotus.test"],
        ),
    ],
)
def test_filters(sandbox: SandboxProcess, token: str, wanted: str, found: list[str]) -> None:
    sandbox.seed(ANA, BEA, CLEO)

    answer = sandbox.call("GET", "profiles", token, filter=wanted)

    assert sorted(emails(answer)) == found


@pytest.mark.parametrize(
    ("parameter", "value"),
    [
        ("filter", 'equals(properties.shop,"x")'),
        ("filter", 'contains(email,"ana")'),
        ("filter", "equals(email,ana@lotus.test)"),
        ("filter", 'equals(email,"a"'),
        ("filter", "greater-than(created,soon)"),
        ("filter", 'any(email,"a")'),
        ("page[size]", "0"),
        ("page[size]", "101"),
        ("page[size]", "many"),
        ("page[cursor]", "nonsense"),
        ("sort", "first_name"),
        ("fields[profile]", "shoe_size"),
        ("additional-fields[profile]", "dreams"),
        ("colour", "red"),
    ],
)
def test_a_wrong_parameter_is_named(
    sandbox: SandboxProcess, token: str, parameter: str, value: str
) -> None:
    sandbox.seed(ANA)

    answer = sandbox.call("GET", "profiles", token, **{parameter: value})

    assert answer.status_code == 400
    assert pointers(answer) == [parameter]


def test_the_spelling_that_was_stored_comes_back(sandbox: SandboxProcess, token: str) -> None:
    sandbox.seed(ANA)

    answer = sandbox.call("GET", "profiles", token, filter='equals(email,"ana.pereira@lotus.test")')

    assert answer.json()["data"][0]["attributes"]["email"] == "Ana.Pereira@Lotus.test"


@pytest.mark.parametrize("sort", ["created", "-created", "email", "-email", "id", "updated"])
def test_pages_follow_one_another_and_end(sandbox: SandboxProcess, token: str, sort: str) -> None:
    sandbox.seed(*({"email": f"client{number:02}@lotus.test"} for number in range(25)))
    params = {"page[size]": "10", "sort": sort}
    answer = sandbox.call("GET", "profiles", token, **params)
    pages = [emails(answer)]

    while following := answer.json()["links"]["next"]:
        headers = answer.request.headers
        answer = requests.get(following, headers=headers, timeout=5)
        pages.append(emails(answer))

    together = [email for page in pages for email in page]
    assert [len(page) for page in pages] == [10, 10, 5]
    assert len(set(together)) == 25
    if sort.endswith("email"):
        assert together == sorted(together, reverse=sort.startswith("-"))


def test_a_page_has_twenty_unless_asked(sandbox: SandboxProcess, token: str) -> None:
    sandbox.seed(*({"email": f"client{number}@lotus.test"} for number in range(21)))

    assert len(sandbox.call("GET", "profiles", token).json()["data"]) == 20


def test_only_the_fields_asked_for_come_back(sandbox: SandboxProcess, token: str) -> None:
    sandbox.seed(ANA)

    params = {"fields[profile]": "email,location.city"}
    (ana,) = sandbox.call("GET", "profiles", token, **params).json()["data"]

    assert ana["attributes"] == {"email": ANA["email"], "location": {"city": "Berlin"}}
    assert "relationships" not in ana


def test_subscriptions_come_only_when_asked_for(sandbox: SandboxProcess, token: str) -> None:
    ana, bea = sandbox.seed(ANA, BEA)
    params = {"additional-fields[profile]": "subscriptions"}

    without = sandbox.call("GET", f"profiles/{ana}", token).json()["data"]["attributes"]
    hers = sandbox.call("GET", f"profiles/{bea}", token, **params).json()["data"]["attributes"]

    assert "subscriptions" not in without
    marketing = hers["subscriptions"]["email"]["marketing"]
    assert marketing["can_receive_email_marketing"] is False
    assert [one["reason"] for one in marketing["suppression"]] == ["USER_SUPPRESSED"]
