"""Asking people into a studio: a signed link by email, for seven days, once, with a role."""

from typing import Final

from allauth.account.models import EmailAddress
from django.conf import settings
from django.core import signing
from django.core.exceptions import ValidationError
from django.core.mail import send_mail
from django.db import transaction
from django.template.loader import render_to_string
from django.urls import reverse
from django.utils import timezone

from studios import quotas
from studios.models import Invitation, Membership, Role, Studio, User
from studios.team import lock_as_owner, owner_is_verified
from studios.tenancy import lock_studio

SALT: Final = "studios.invitations"


class NoLongerValidError(Exception):
    """The invitation was accepted, withdrawn or is too old."""


@transaction.atomic
def invite(studio: Studio, email: str, role: Role, *, by: User) -> Invitation:
    """Make the invitation that `send` then emails; a pending one to this address is withdrawn.

    Raises `ValidationError`, with the reason in words for the owner, where that may not be.
    """
    lock_as_owner(studio, by)
    refuse(studio, email)
    pending = Invitation.objects.for_studio(studio).pending().to_address(email)
    pending.update(withdrawn_at=timezone.now())
    return Invitation.objects.create(studio=studio, email=email, role=role, invited_by=by)


def refuse(studio: Studio, email: str) -> None:
    if not owner_is_verified(studio):
        raise ValidationError("Confirm your own address first: until then no emails go out.")
    member = Membership.objects.for_studio(studio).filter(user__email__iexact=email).first()
    if member:
        raise ValidationError(f"{member.user} is on the team already.")
    limit = settings.INVITATIONS_PER_STUDIO_AND_DAY
    if not quotas.allows_another(Invitation.objects.for_studio(studio), limit):
        raise ValidationError(
            f"{limit} invitations went out in the last 24 hours, which is all"
            " Junocal sends in a day. Try again tomorrow."
        )


@transaction.atomic
def withdraw(invitation: Invitation, *, by: User) -> None:
    lock_as_owner(invitation.studio, by)
    pending = Invitation.objects.for_studio(invitation.studio).pending()
    pending.filter(pk=invitation.pk).update(withdrawn_at=timezone.now())


def send(invitation: Invitation) -> None:
    """Email the link. Raises `OSError` if the mail server can't be reached or refuses it."""
    context = {"invitation": invitation, "link": settings.BASE_URL + path_of(invitation)}
    send_mail(
        subject=f"{invitation.invited_by} invites you to {invitation.studio}",
        message=render_to_string("studios/emails/invitation.txt", context),
        from_email=None,
        recipient_list=[invitation.email],
    )


def path_of(invitation: Invitation) -> str:
    token = signing.dumps(str(invitation.public_id), salt=SALT)
    return reverse("studios:invitation", args=[token])


def read(token: str) -> Invitation | None:
    """The invitation that a link names, if it can still be accepted."""
    try:
        public_id = signing.loads(token, salt=SALT)
    except signing.BadSignature:
        return None
    invitations = Invitation.objects.select_related("studio", "invited_by")
    named = invitations.filter(public_id=public_id).first()
    return named if named and named.is_open else None


def is_for(invitation: Invitation, person: User) -> bool:
    """True if the invited address is the person's own: the one they sign in with, or a verified
    one. Whoever was only shown the link may not use it."""
    proven = EmailAddress.objects.filter(user=person, email__iexact=invitation.email, verified=True)
    return person.email.lower() == invitation.email.lower() or bool(proven.exists())


@transaction.atomic
def accept(invitation: Invitation, person: User) -> None:
    """Make the person a member. Raises `NoLongerValidError` if the link was used or withdrawn."""
    lock_studio(invitation.studio_id)
    invitation.refresh_from_db()
    if not invitation.is_open:
        raise NoLongerValidError
    invitation.accepted_at = timezone.now()
    invitation.save(update_fields=["accepted_at"])
    role = {"role": invitation.role}
    Membership.objects.get_or_create(studio=invitation.studio, user=person, defaults=role)
