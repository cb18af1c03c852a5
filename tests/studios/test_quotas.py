"""Quotas count what was made in the last 24 hours, and nothing older."""

from datetime import timedelta

from django.utils import timezone

from studios import quotas
from studios.models import Invitation, Role, Studio, User


def invite_ago(studio: Studio, by: User, age: timedelta) -> None:
    made_at = timezone.now() - age
    Invitation.objects.create(
        studio=studio,
        email=f"{age.total_seconds()}@lotus.test",
        role=Role.OWNER,
        invited_by=by,
        created_at=made_at,
    )


def test_one_more_is_allowed_below_the_limit_only(lotus: Studio, olive: User) -> None:
    invite_ago(lotus, olive, timedelta(hours=23))
    rows = Invitation.objects.for_studio(lotus)

    assert quotas.allows_another(rows, 2)
    assert not quotas.allows_another(rows, 1)


def test_what_is_older_than_a_day_does_not_count(lotus: Studio, olive: User) -> None:
    invite_ago(lotus, olive, timedelta(hours=25))

    assert quotas.allows_another(Invitation.objects.for_studio(lotus), 1)
