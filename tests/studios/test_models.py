"""What must not be, the database refuses: each constraint broken once."""

import pytest
from django.db import IntegrityError
from django.utils import timezone

from studios.models import Invitation, Membership, Role, Studio, User
from tests.support.cast import make_studio


def test_an_email_belongs_to_one_user_in_any_case(olive: User) -> None:
    with pytest.raises(IntegrityError, match="user_email_is_unique_in_any_case"):
        User.objects.create(email="OLIVE@studio.test", name="Another")


def test_a_person_has_one_role_in_a_studio(lotus: Studio, olive: User) -> None:
    with pytest.raises(IntegrityError, match="a_person_has_one_role_in_a_studio"):
        Membership.objects.create(studio=lotus, user=olive, role=Role.INSTRUCTOR)


def test_a_membership_has_a_known_role(lotus: Studio, stan: User) -> None:
    with pytest.raises(IntegrityError, match="membership_role_is_known"):
        Membership.objects.create(studio=lotus, user=stan, role=4)


def test_an_invitation_has_a_known_role(lotus: Studio, olive: User) -> None:
    with pytest.raises(IntegrityError, match="invitation_role_is_known"):
        Invitation.objects.create(studio=lotus, email="a@b.test", role=0, invited_by=olive)


def test_an_address_has_one_pending_invitation_in_a_studio(lotus: Studio, olive: User) -> None:
    fields = {"studio": lotus, "role": Role.INSTRUCTOR, "invited_by": olive}
    Invitation.objects.create(email="new@studio.test", **fields)

    with pytest.raises(IntegrityError, match="an_address_has_one_pending_invitation_in_a_studio"):
        Invitation.objects.create(email="New@studio.test", **fields)


def test_an_invitation_is_not_both_accepted_and_withdrawn(lotus: Studio, olive: User) -> None:
    now = timezone.now()

    with pytest.raises(IntegrityError, match="an_invitation_is_not_both_accepted_and_withdrawn"):
        Invitation.objects.create(
            studio=lotus,
            email="new@studio.test",
            role=Role.OWNER,
            invited_by=olive,
            accepted_at=now,
            withdrawn_at=now,
        )


def test_a_studios_country_is_two_capitals(db: None) -> None:
    with pytest.raises(IntegrityError, match="studio_country_is_two_capitals"):
        make_studio(country="de")


def test_a_slug_belongs_to_one_studio(lotus: Studio) -> None:
    with pytest.raises(IntegrityError, match="slug"):
        make_studio("Another", slug="lotus")


def test_roles_stand_in_order() -> None:
    front_desk = Membership(role=Role.FRONT_DESK)

    assert front_desk.may(Role.INSTRUCTOR)
    assert front_desk.may(Role.FRONT_DESK)
    assert not front_desk.may(Role.OWNER)
