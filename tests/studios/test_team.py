import uuid
from collections.abc import Callable
from functools import partial

import pytest
from allauth.mfa.models import Authenticator
from django.core.exceptions import PermissionDenied
from django.db import connection
from django.http import Http404
from django.test import Client as Browser
from django.test.utils import CaptureQueriesContext

from studios.models import Membership, Role, Studio, User
from studios.team import change_role, owner_is_verified, owners_of, remove
from tests.support.cast import make_member, make_user, sign_in
from tests.support.threads import at_once


def member(studio: Studio, person: User) -> Membership:
    return Membership.objects.get(studio=studio, user=person)


def role_page(studio: Studio, person: User) -> str:
    return f"/s/{studio.slug}/settings/team/{member(studio, person).public_id}/role/"


def remove_page(studio: Studio, person: User) -> str:
    return f"/s/{studio.slug}/settings/team/{member(studio, person).public_id}/remove/"


def test_the_team_says_who_signs_in_with_a_second_factor(
    client: Browser, lotus: Studio, olive: User, fay: User
) -> None:
    Authenticator.objects.create(user=fay, type=Authenticator.Type.TOTP, data={})
    sign_in(client, olive)

    with CaptureQueriesContext(connection) as asked:
        said = client.get("/s/lotus/settings/team/").content.decode()

    assert said.count("Two-factor on") == 1
    assert "Turn on two-factor sign-in" in said
    assert sum("mfa_authenticator" in one["sql"] for one in asked) == 1


# --- Roles ------------------------------------------------------------------------------------


def test_an_owner_changes_a_role(client: Browser, lotus: Studio, olive: User, fay: User) -> None:
    sign_in(client, olive)

    answer = client.post(role_page(lotus, fay), {"role": Role.OWNER}, follow=True)

    assert member(lotus, fay).role == Role.OWNER
    assert "Fay Lindqvist: Owner from now on." in answer.content.decode()


def test_a_role_that_does_not_exist_changes_nothing(
    client: Browser, lotus: Studio, olive: User, fay: User
) -> None:
    sign_in(client, olive)

    client.post(role_page(lotus, fay), {"role": "9"})

    assert member(lotus, fay).role == Role.FRONT_DESK


def test_the_last_owner_cannot_be_demoted(client: Browser, lotus: Studio, olive: User) -> None:
    sign_in(client, olive)

    answer = client.post(role_page(lotus, olive), {"role": Role.INSTRUCTOR}, follow=True)

    assert member(lotus, olive).role == Role.OWNER
    assert "A studio needs an owner." in answer.content.decode()


def test_an_owner_may_step_down_while_another_stays(
    client: Browser, lotus: Studio, olive: User, fay: User
) -> None:
    change_role(lotus, member(lotus, fay).public_id, Role.OWNER, by=olive)
    sign_in(client, olive)

    answer = client.post(role_page(lotus, olive), {"role": Role.INSTRUCTOR})

    assert member(lotus, olive).role == Role.INSTRUCTOR
    assert answer.headers["Location"] == "/"


def test_a_demoted_owner_loses_settings_at_once(
    client: Browser, lotus: Studio, olive: User, fay: User
) -> None:
    change_role(lotus, member(lotus, fay).public_id, Role.OWNER, by=olive)
    sign_in(client, fay)
    before = client.get("/s/lotus/settings/team/").status_code

    change_role(lotus, member(lotus, fay).public_id, Role.FRONT_DESK, by=olive)

    assert before == 200
    assert client.get("/s/lotus/settings/team/").status_code == 403


# --- Leaving ----------------------------------------------------------------------------------


def test_a_removed_member_is_a_stranger_at_once(
    client: Browser, lotus: Studio, olive: User, fay: User
) -> None:
    page = remove_page(lotus, fay)
    fays = Browser()
    sign_in(fays, fay)
    sign_in(client, olive)

    answer = client.post(page, follow=True)

    assert "Fay Lindqvist is no longer on the team." in answer.content.decode()
    assert fays.get("/s/lotus/settings/").status_code == 404


def test_removing_asks_first(client: Browser, lotus: Studio, olive: User, fay: User) -> None:
    sign_in(client, olive)

    answer = client.get(remove_page(lotus, fay))

    assert "Remove Fay Lindqvist from the team?" in answer.content.decode()
    assert Membership.objects.filter(studio=lotus, user=fay).exists()


def test_the_last_owner_cannot_be_removed(client: Browser, lotus: Studio, olive: User) -> None:
    sign_in(client, olive)

    answer = client.post(remove_page(lotus, olive), follow=True)

    assert Membership.objects.filter(studio=lotus, user=olive).exists()
    assert "A studio needs an owner." in answer.content.decode()


def test_another_studios_member_is_not_found(
    client: Browser, lotus: Studio, olive: User, stans: Studio, stan: User
) -> None:
    stranger = member(stans, stan).public_id
    sign_in(client, olive)

    role = client.post(f"/s/lotus/settings/team/{stranger}/role/", {"role": Role.INSTRUCTOR})
    removal = client.post(f"/s/lotus/settings/team/{stranger}/remove/")
    unknown = client.post(f"/s/lotus/settings/team/{uuid.uuid4()}/remove/")

    assert [role.status_code, removal.status_code, unknown.status_code] == [404, 404, 404]
    assert member(stans, stan).role == Role.OWNER


def test_who_was_demoted_a_moment_ago_changes_nothing(
    lotus: Studio, olive: User, fay: User
) -> None:
    with pytest.raises(PermissionDenied):
        remove(lotus, member(lotus, olive).public_id, by=fay)


def test_a_member_of_another_studio_is_not_in_the_team(
    lotus: Studio, olive: User, stans: Studio, stan: User
) -> None:
    with pytest.raises(Http404):
        remove(lotus, member(stans, stan).public_id, by=olive)


# --- Two at once ------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("end", [partial(change_role, role=Role.INSTRUCTOR), remove])
def test_two_owners_who_end_each_other_at_once_leave_one(
    lotus: Studio, end: Callable[..., Membership]
) -> None:
    ann = make_member(lotus, Role.OWNER, "Ann Berg")
    bo = make_member(lotus, Role.OWNER, "Bo Chen")

    outcomes = at_once(
        partial(end, lotus, member_id=member(lotus, bo).public_id, by=ann),
        partial(end, lotus, member_id=member(lotus, ann).public_id, by=bo),
    )

    refusals = [outcome for outcome in outcomes if isinstance(outcome, PermissionDenied)]
    assert Membership.objects.for_studio(lotus).owners().count() == 1
    assert len(refusals) == 1


# --- Owners -----------------------------------------------------------------------------------


def test_a_studio_may_email_once_any_owner_is_verified(lotus: Studio) -> None:
    make_member(lotus, Role.OWNER, "Ann Berg", verified=False)
    make_member(lotus, Role.FRONT_DESK, "Bo Chen")
    before = owner_is_verified(lotus)

    make_member(lotus, Role.OWNER, "Cy Diaz")

    assert before is False
    assert owner_is_verified(lotus) is True


def test_who_may_no_longer_sign_in_does_not_count_as_an_owner(lotus: Studio) -> None:
    make_member(lotus, Role.OWNER, "Ann Berg", is_active=False)
    make_user("Bo Chen")

    assert not owners_of(lotus)
    assert not owner_is_verified(lotus)
