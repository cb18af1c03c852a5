"""Who: people, studios, and who may do what in which studio."""

import secrets
import zoneinfo
from datetime import timedelta
from typing import Any, ClassVar, Self

from django.contrib.auth.base_user import BaseUserManager
from django.contrib.auth.models import AbstractUser
from django.db import models
from django.db.models.functions import Lower
from django.utils import timezone

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

    def get_full_name(self) -> str:
        return self.name

    def get_short_name(self) -> str:
        return self.name


def new_withdrawal_key() -> bytes:
    return secrets.token_bytes(WITHDRAWAL_KEY_BYTES)


class Studio(models.Model):
    """A tenant."""

    name = models.CharField(max_length=120)
    slug = models.SlugField(max_length=60, unique=True)
    country = models.CharField(
        max_length=2, help_text="ISO 3166 code; phones are read as from there"
    )
    timezone = models.CharField(max_length=60, default="UTC")
    postal_address = models.CharField(max_length=300, blank=True)
    # Keys the hashes of withdrawn addresses. It never changes: were it lost, Junocal would forget
    # who said no (docs/decisions).
    withdrawal_key = models.BinaryField(default=new_withdrawal_key, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    members = models.ManyToManyField(User, through="Membership", related_name="studios")

    def __str__(self) -> str:
        return self.name

    @property
    def zone(self) -> zoneinfo.ZoneInfo:
        return zoneinfo.ZoneInfo(self.timezone)


class Role(models.IntegerChoices):
    """In order: each may do all that the one before may."""

    INSTRUCTOR = 1, "Instructor"  # sees clients, changes nothing
    FRONT_DESK = 2, "Front desk"  # adds and edits clients, records opt-outs
    OWNER = 3, "Owner"  # all of that, plus Settings


class Membership(models.Model):
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="memberships")
    user = models.ForeignKey(User, models.CASCADE, related_name="memberships")
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        constraints = [
            models.UniqueConstraint("studio", "user", name="a_person_has_one_role_in_a_studio"),
            models.CheckConstraint(condition=models.Q(role__in=Role.values), name="role_is_known"),
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


class InvitationQuerySet(models.QuerySet["Invitation"]):
    def for_studio(self, studio: Studio) -> Self:
        return self.filter(studio=studio)

    def open(self) -> Self:
        return self.filter(accepted_at=None, created_at__gt=timezone.now() - INVITATION_LIFE)


class Invitation(models.Model):
    """An owner's invitation: its signed link names this row, works once and for seven days."""

    studio = models.ForeignKey(Studio, models.CASCADE, related_name="invitations")
    email = models.EmailField()
    role = models.PositiveSmallIntegerField(choices=Role.choices)
    invited_by = models.ForeignKey(User, models.CASCADE, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    accepted_at = models.DateTimeField(null=True)

    objects: ClassVar[models.Manager["Invitation"]] = InvitationQuerySet.as_manager()

    def __str__(self) -> str:
        return f"{self.email} to {self.studio}"
