"""Who belongs to a studio.

Every change locks the studio's row first, so that two owners who demote each other at once can't
leave it without one, and somebody demoted a moment ago changes nothing any more.
"""

from uuid import UUID

from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from django.db import transaction
from django.db.models import Exists, OuterRef, QuerySet
from django.shortcuts import get_object_or_404

from studios.access import require_owner
from studios.models import Membership, MembershipQuerySet, Role, Studio, User
from studios.tenancy import lock_studio


class LastOwnerError(Exception):
    """The change would leave the studio without an owner, who alone can connect or disconnect."""


def members_of(studio: Studio) -> MembershipQuerySet:
    """By name, each with whether a second factor is asked for at sign-in (`has_second_factor`)."""
    codes = Authenticator.objects.filter(user=OuterRef("user"), type=Authenticator.Type.TOTP)
    return Membership.objects.for_studio(studio).by_name().annotate(has_second_factor=Exists(codes))


def owners_of(studio: Studio) -> QuerySet[User]:
    owners = Membership.objects.for_studio(studio).owners()
    return User.objects.filter(is_active=True, memberships__in=owners)


def owner_is_verified(studio: Studio) -> bool:
    """True if an owner has verified an address: until then the studio emails nobody."""
    return verified_addresses_of_owners(studio).exists()


def reply_addresses(studio: Studio) -> list[str]:
    """Where answers to the studio's emails go: to the owner who came first, at a verified address;
    nowhere if there is none."""
    addresses = verified_addresses_of_owners(studio).order_by("user__pk", "-primary", "pk")
    return list(addresses.values_list("email", flat=True)[:1])


def verified_addresses_of_owners(studio: Studio) -> "QuerySet[EmailAddress]":
    addresses: QuerySet[EmailAddress] = EmailAddress.objects.filter(
        user__in=owners_of(studio), verified=True
    )
    return addresses


@transaction.atomic
def change_role(studio: Studio, member_id: UUID, role: Role, *, by: User) -> Membership:
    """Give the member another role. Raises `LastOwnerError` if that would leave no owner."""
    lock_as_owner(studio, by)
    member = member_of(studio, member_id)
    if role != Role.OWNER:
        refuse_if_last_owner(member)
    member.role = role
    member.save(update_fields=["role"])
    return member


@transaction.atomic
def remove(studio: Studio, member_id: UUID, *, by: User) -> Membership:
    """End the membership, and no other of the same person. Raises `LastOwnerError`."""
    lock_as_owner(studio, by)
    member = member_of(studio, member_id)
    refuse_if_last_owner(member)
    member.delete()
    return member


def lock_as_owner(studio: Studio, person: User) -> None:
    """Lock the team until this transaction ends; raises `PermissionDenied` for a non-owner."""
    lock_studio(studio.pk)
    require_owner(studio, person)


def member_of(studio: Studio, member_id: UUID) -> Membership:
    members = Membership.objects.for_studio(studio).select_related("user", "studio")
    return get_object_or_404(members, public_id=member_id)


def refuse_if_last_owner(member: Membership) -> None:
    owners = Membership.objects.for_studio(member.studio).owners()
    if member.is_owner and not owners.exclude(pk=member.pk).exists():
        raise LastOwnerError
