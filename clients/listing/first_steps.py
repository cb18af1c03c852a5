"""What an owner does in the first minutes: on the Clients page until all is done or put away."""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models.functions import Now
from django.urls import reverse

from clients.extensions import FirstStep, Seen
from clients.models import Client
from studios.models import Invitation, Membership, Studio
from studios.team import owner_is_verified


@dataclass(frozen=True)
class FirstSteps:
    steps: Sequence[FirstStep]

    @property
    def done(self) -> int:
        return sum(step.is_done for step in self.steps)

    @property
    def is_beginning(self) -> bool:
        """Most of it is left to do; later it stands folded above the list."""
        return self.done * 2 < len(self.steps)

    @property
    def next(self) -> FirstStep | None:
        return next((step for step in self.steps if not step.is_done), None)


def first_steps_of(viewer: Membership, services: Sequence[Seen]) -> FirstSteps | None:
    """None for who is no owner, and once there is nothing left: that is noted, and asks nothing
    ever after."""
    studio = viewer.studio
    if not viewer.is_owner or studio.first_steps_over_at:
        return None
    found = FirstSteps([*own_steps(studio), *(one.first_step for one in services)])
    if found.next is None:
        put_away(studio)
        return None
    return found


def put_away(studio: Studio) -> None:
    Studio.objects.filter(pk=studio.pk, first_steps_over_at=None).update(first_steps_over_at=Now())


def own_steps(studio: Studio) -> Sequence[FirstStep]:
    settings = reverse("studios:settings", args=[studio.slug])
    return [
        FirstStep(
            "Confirm your email address",
            "We sent you a link. Until you open it, Junocal emails nobody in your name.",
            settings,
            owner_is_verified(studio),
        ),
        FirstStep(
            "Add the studio's postal address",
            "It has to stand in every email to clients. No welcome goes out before.",
            f"{settings}#id_postal_address",
            bool(studio.postal_address),
        ),
        FirstStep(
            "Bring your clients",
            "As a list from Excel or the tool you used before.",
            reverse("clients:import", args=[studio.slug]),
            Client.objects.for_studio(studio).exists(),
        ),
        FirstStep(
            "Invite the front desk",
            "They add and edit clients; Settings stay with you.",
            f"{reverse('studios:team', args=[studio.slug])}#invite",
            has_company(studio),
        ),
    ]


def has_company(studio: Studio) -> bool:
    """True if another person is there, or asked to come."""
    others = Membership.objects.for_studio(studio)[1:2]
    return bool(others) or Invitation.objects.for_studio(studio).pending().exists()
