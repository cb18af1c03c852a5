"""Who: people, studios, and who may do what in which studio."""

import secrets
import uuid
import zoneinfo
from datetime import datetime, timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models.functions import Lower
from django.urls import reverse
from django.utils import timezone

from studios.countries import validate_zone
from studios.names import clean_name
from studios.tenancy import TenantQuerySet

INVITATION_LIFE = timedelta(days=7)
WITHDRAWAL_KEY_BYTES = 32


class UserManager(BaseUserManager["User"]):
    def create_user(self, email: str, password: str | None = None, **fields: Any) -> "User":
        user = self.model(email=self.normalize_email(email).lower(), **fields)
        user.set_password(password)
        user.save(using=self._db)
        return user

    def create_superuser(self, email: str, password: str, **fields: Any) -> "User":
        return self.create_user(email, password, is_staff=True, is_superuser=True, **fields)


class User(AbstractUser):
    """A person who signs in with an email address; may belong to several studios."""

    username = None  # type: ignore[assignment]
    first_name = None  # type: ignore[assignment]
    last_name = None  # type: ignore[assignment]
    name = models.CharField(max_length=120)
    email = models.EmailField(unique=True)

    USERNAME_FIELD = "email"
    REQUIRED_FIELDS: ClassVar[list[str]] = ["name"]
    objects: ClassVar[UserManager] = UserManager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(Lower("email"), name="user_email_is_unique_in_any_case"),
        ]

    def __str__(self) -> str:
        return self.name or self.email

    def clean(self) -> None:
        super().clean()
        clean_name_of(self)

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


def clean_name_of(somebody: "User | Studio") -> None:
    """Raises `ValidationError` about the field: the admin and commands have no form of ours."""
    try:
        somebody.name = clean_name(somebody.name)
    except ValidationError as refusal:
        raise ValidationError({"name": refusal}) from refusal
    if not somebody.name:
        raise ValidationError({"name": "A name needs letters that can be seen."})


def new_withdrawal_key() -> bytes:
    return secrets.token_bytes(WITHDRAWAL_KEY_BYTES)


class Studio(models.Model):
    """A tenant."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    country = models.CharField(max_length=2)  # ISO 3166; phones are read as from there
    timezone = models.CharField(max_length=60, default="UTC", validators=[validate_zone])
    postal_address = models.CharField(max_length=300, blank=True)  # in the footer of every email
    # Keys the hashes of withdrawn addresses. It never changes: were it lost, Junocal would forget
    # who said no (docs/decisions).
    withdrawal_key = models.BinaryField(default=new_withdrawal_key, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    first_steps_over_at = models.DateTimeField(null=True, editable=False)  # done, or put away

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=models.Q(country__regex="^[A-Z]{2}$"),
                name="studio_country_is_two_capitals",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    def get_absolute_url(self) -> str:
        return reverse("clients:list", args=[self.slug])

    def clean(self) -> None:
        clean_name_of(self)

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)


class Role(models.IntegerChoices):
    """In order: each may do all that the one before may."""

    INSTRUCTOR = 1, "Instructor"  # sees clients, changes nothing
    FRONT_DESK = 2, "Front desk"  # all but deleting clients and Settings
    OWNER = 3, "Owner"  # all of that, plus Settings


class MembershipQuerySet(TenantQuerySet["Membership"]):
    def owners(self) -> Self:
        return self.filter(role=Role.OWNER)

    def by_name(self) -> Self:
        return self.select_related("user").order_by("-role", "user__name", "pk")


class Membership(models.Model):
    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[MembershipQuerySet] = MembershipQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint("studio", "user", name="a_person_has_one_role_in_a_studio"),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="membership_role_is_known"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.user} in {self.studio}"

    @property
    def is_owner(self) -> bool:
        return self.role == Role.OWNER

    @property
    def may_edit_clients(self) -> bool:
        return self.role >= Role.FRONT_DESK

    def may(self, role: Role) -> bool:
        return self.role >= role


class InvitationQuerySet(TenantQuerySet["Invitation"]):
    def pending(self) -> Self:
        """Neither accepted nor withdrawn; some may have expired."""
        return self.filter(accepted_at=None, withdrawn_at=None)

    def to_address(self, email: str) -> Self:
        return self.filter(email__iexact=email)


class Invitation(models.Model):
    """An email that invites somebody; its signed link names this row, works once, for seven days.

    Sending it again withdraws this row and makes another: each row is one email.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(default=timezone.now, editable=False)
    accepted_at = models.DateTimeField(null=True, blank=True)
    withdrawn_at = models.DateTimeField(null=True, blank=True)

    objects: ClassVar[InvitationQuerySet] = InvitationQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "studio",
                Lower("email"),
                condition=models.Q(accepted_at=None, withdrawn_at=None),
                name="an_address_has_one_pending_invitation_in_a_studio",
            ),
            models.CheckConstraint(
                condition=models.Q(role__in=Role.values), name="invitation_role_is_known"
            ),
            models.CheckConstraint(
                condition=models.Q(accepted_at=None) | models.Q(withdrawn_at=None),
                name="an_invitation_is_not_both_accepted_and_withdrawn",
            ),
        ]

    def __str__(self) -> str:
        return f"{self.email} to {self.studio}"

    @property
    def expires_at(self) -> datetime:
        return self.created_at + INVITATION_LIFE

    @property
    def has_expired(self) -> bool:
        return timezone.now() >= self.expires_at

    @property
    def is_open(self) -> bool:
        return not (self.accepted_at or self.withdrawn_at or self.has_expired)
