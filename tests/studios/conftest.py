"""Nora is invited to the front desk of Lotus."""

from datetime import timedelta

import pytest
from django.db.models import F

from studios import invitations
from studios.models import Invitation, Role, Studio, User

NEWCOMER = "nora@studio.test"


@pytest.fixture
def invitation(lotus: Studio, olive: User) -> Invitation:
    return invitations.invite(lotus, NEWCOMER, Role.FRONT_DESK, by=olive)


@pytest.fixture
def link(invitation: Invitation) -> str:
    return invitations.path_of(invitation)


def make_older(invitation: Invitation, by: timedelta) -> None:
    Invitation.objects.filter(pk=invitation.pk).update(created_at=F("created_at") - by)
