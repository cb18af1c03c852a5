"""Every page of a studio, for everybody who might ask: the answer depends on the role alone."""

import uuid
from dataclasses import dataclass

import pytest
from django.test import Client as Browser
from django.urls import reverse

from studios import invitations
from studios.models import Membership, Role, Studio, User
from tests.support.cast import make_member, sign_in

GET, POST = "GET", "POST"


@dataclass
class Page:
    method: str
    name: str
    about: str = ""  # whom or what the address names

    def path(self, studio: Studio, ids: dict[str, uuid.UUID]) -> str:
        return reverse(
            f"studios:{self.name}", args=[studio.slug, *([ids[self.about]] if self.about else [])]
        )


OWNERS_PAGES = [
    Page(GET, "settings"),
    Page(POST, "settings"),
    Page(POST, "verify"),
    Page(GET, "team"),
    Page(POST, "invite"),
    Page(POST, "change_role", "member"),
    Page(GET, "remove_member", "member"),
    Page(POST, "remove_member", "member"),
    Page(POST, "send_again", "invitation"),
    Page(POST, "withdraw", "invitation"),
]


@pytest.fixture
def ids(lotus: Studio, olive: User) -> dict[str, uuid.UUID]:
    bo = make_member(lotus, Role.INSTRUCTOR, "Bo Chen")
    invitation = invitations.invite(lotus, "new@studio.test", Role.OWNER, by=olive)
    return {
        "member": Membership.objects.get(user=bo).public_id,
        "invitation": invitation.public_id,
    }


every_page = pytest.mark.parametrize(
    "page", OWNERS_PAGES, ids=lambda page: f"{page.method} {page.name}"
)


@every_page
@pytest.mark.parametrize(
    ("who", "status"), [("olive", {200, 302}), ("fay", {403}), ("ian", {403}), ("stan", {404})]
)
def test_settings_are_the_owners(
    page: Page,
    who: str,
    status: set[int],
    lotus: Studio,
    ids: dict[str, uuid.UUID],
    request: pytest.FixtureRequest,
) -> None:
    browser = Browser()
    sign_in(browser, request.getfixturevalue(who))

    answer = browser.generic(page.method, page.path(lotus, ids))

    assert answer.status_code in status


@every_page
def test_signed_out_one_is_asked_to_sign_in(
    page: Page, client: Browser, lotus: Studio, ids: dict[str, uuid.UUID]
) -> None:
    path = page.path(lotus, ids)

    answer = client.generic(page.method, path)

    assert answer.headers["Location"] == f"/accounts/login/?next={path}"


@every_page
def test_a_studio_that_does_not_exist_looks_like_somebody_elses(
    page: Page, client: Browser, lotus: Studio, stan: User, ids: dict[str, uuid.UUID]
) -> None:
    sign_in(client, stan)
    path = page.path(lotus, ids)

    theirs = client.generic(page.method, path)
    nobodys = client.generic(page.method, path.replace("/s/lotus/", "/s/nowhere/"))

    assert (theirs.status_code, theirs.content) == (nobodys.status_code, nobodys.content)


@pytest.mark.parametrize("page", [page for page in OWNERS_PAGES if page.about])
def test_an_id_of_another_studio_is_not_found(
    page: Page, client: Browser, stans: Studio, stan: User, ids: dict[str, uuid.UUID]
) -> None:
    sign_in(client, stan)

    answer = client.generic(
        page.method, page.path(stans, ids), "role=1", "application/x-www-form-urlencoded"
    )

    assert answer.status_code == 404


@pytest.mark.parametrize("page", [page for page in OWNERS_PAGES if page.method == POST])
def test_what_changes_something_wants_the_forms_own_token(
    page: Page, olive: User, lotus: Studio, ids: dict[str, uuid.UUID]
) -> None:
    browser = Browser(enforce_csrf_checks=True)
    sign_in(browser, olive)

    assert browser.post(page.path(lotus, ids)).status_code == 403


def test_the_list_above_is_whole() -> None:
    from studios.urls import settings_urls  # noqa: PLC0415

    assert {page.name for page in OWNERS_PAGES} == {pattern.name for pattern in settings_urls}
