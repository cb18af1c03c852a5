"""Whom: the clients of a studio, what became of them, and the addresses that said no."""

import hashlib
import hmac
import secrets
import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models, transaction
from django.db.models.functions import Lower, Trim, Upper
from django.urls import reverse
from django.utils import timezone

from studios.models import Studio, User
from studios.tenancy import TenantQuerySet, hold

EMAIL_MAX_LENGTH = 100  # Klaviyo takes no longer address (contract, section 5)
UNSUBSCRIBE_TOKEN_BYTES = 32
DETAILS = ("first_name", "last_name", "email", "phone")


def new_unsubscribe_token() -> str:
    return secrets.token_urlsafe(UNSUBSCRIBE_TOKEN_BYTES)


def same_address(email: str) -> str:
    """The form in which two spellings of one address are equal."""
    return email.strip().lower()


class Door(models.TextChoices):
    """By which way consent last changed."""

    STAFF = "staff", "at the desk"
    FOOTER = "footer", "by the link in an email"
    ONE_CLICK = "one_click", "by their mail program"
    IMPORT = "import", "by an import"
    ADMIN = "admin", "by an administrator"
    REMEMBERED = "remembered", "because this address opted out before"


class ClientQuerySet(TenantQuerySet["Client"]):
    def for_edit(self, studio: Studio) -> Self:
        """The studio's clients, to be locked one by one; takes the studio first (lock order)."""
        hold(studio.pk)
        return self.for_studio(studio).select_for_update(of=("self",))

    def with_address(self, email: str) -> Self:
        return self.alias(address=Lower(Trim("email"))).filter(address=same_address(email))

    def opted_in(self) -> Self:
        return self.filter(email_opt_in=True)

    def may_be_emailed(self) -> Self:
        return self.filter(email_opt_in=True).exclude(email="")

    def opted_out(self) -> Self:
        return self.filter(opted_out_at__isnull=False)


class Client(models.Model):
    """A person who comes to a studio.

    `save` and `delete` open a transaction of their own, so that what listens to them writes in
    the same one. Consent is changed by `clients.consent` alone.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="clients")
    first_name = models.CharField(max_length=120, blank=True)
    last_name = models.CharField(max_length=120, blank=True)
    email = models.CharField(max_length=EMAIL_MAX_LENGTH, blank=True)  # kept as typed
    phone = models.CharField(max_length=20, blank=True)  # E.164
    email_opt_in = models.BooleanField(default=False)
    opted_out_at = models.DateTimeField(null=True, blank=True)  # a recorded withdrawal
    consent_changed_at = models.DateTimeField(null=True, blank=True)
    consent_door = models.CharField(max_length=20, choices=Door.choices, blank=True)
    consent_version = models.PositiveIntegerField(default=0)  # a stale form saw a lower one
    unsubscribe_token = models.CharField(
        max_length=64, unique=True, default=new_unsubscribe_token, editable=False
    )
    welcome_due_at = models.DateTimeField(null=True, blank=True)
    welcomed_at = models.DateTimeField(null=True, blank=True)
    # Klaviyo's id stands here because the promise says "on the client row"; written by
    # integrations only.
    klaviyo_profile_id = models.CharField(max_length=64, null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[ClientQuerySet] = ClientQuerySet.as_manager()  # type: ignore[assignment]
    edited_by: User | None = None  # who is at the keyboard; set before `save` for the history

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "studio",
                Lower(Trim("email")),
                condition=~models.Q(email=""),
                name="client_email_is_unique_in_its_studio",
            ),
            models.UniqueConstraint(
                "studio",
                "klaviyo_profile_id",
                name="client_klaviyo_profile_is_unique_in_its_studio",
            ),
            models.CheckConstraint(
                condition=~models.Q(email_opt_in=True, opted_out_at__isnull=False),
                name="client_is_not_both_opted_in_and_opted_out",
            ),
            models.CheckConstraint(
                condition=~models.Q(klaviyo_profile_id=""),
                name="client_klaviyo_profile_is_null_when_unknown",
            ),
        ]
        indexes = [
            models.Index("studio", Upper("last_name"), Upper("first_name"), name="client_by_name"),
            models.Index(
                "welcome_due_at",
                name="client_welcome_due",
                condition=models.Q(welcome_due_at__isnull=False),
            ),
            # The list's search looks for a part of a name, an address or a number.
            GinIndex(
                *(OpClass(Upper(field), "gin_trgm_ops") for field in DETAILS),
                name="client_search",
            ),
        ]

    def __str__(self) -> str:
        return self.name

    @property
    def name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip() or self.email or "Unnamed client"

    @property
    def address(self) -> str:
        return same_address(self.email)

    @property
    def may_be_emailed(self) -> bool:
        return self.email_opt_in and bool(self.email)

    @property
    def has_opted_out(self) -> bool:
        return self.opted_out_at is not None

    def get_absolute_url(self) -> str:
        return reverse("clients:detail", args=[self.studio.slug, self.public_id])

    @transaction.atomic
    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        hold(self.studio_id)
        if update_fields is None:
            self._remember_withdrawals()
            event = self._describe_edit()
            super().save(*args, **kwargs)
            if event:
                event.client = self
                event.save()
        else:
            super().save(*args, update_fields=update_fields, **kwargs)

    @transaction.atomic
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        hold(self.studio_id)
        return super().delete(*args, **kwargs)

    def _remember_withdrawals(self) -> None:
        """An address that said no stays withdrawn on whichever row it stands, by whatever door."""
        if not self.email:
            return
        if self.has_opted_out:
            Withdrawal.record(self.studio, self.email)
        elif Withdrawal.stands(self.studio, self.email):
            self.email_opt_in = False
            self.opted_out_at = self.consent_changed_at = timezone.now()
            self.consent_door = Door.REMEMBERED
            self.consent_version += 1

    def _describe_edit(self) -> "ClientEvent | None":
        if self._state.adding:
            return ClientEvent(what=ClientEvent.What.ADDED, by=self.edited_by)
        before = Client.objects.filter(pk=self.pk).values(*DETAILS).first() or {}
        changed = [field for field in DETAILS if before.get(field) != getattr(self, field)]
        what = ClientEvent.What.EDITED
        return ClientEvent(what=what, by=self.edited_by, fields=changed) if changed else None


class ClientEvent(models.Model):
    """What became of a client here: for the page's history, never read by the sync."""

    class What(models.TextChoices):
        ADDED = "added", "Added"
        EDITED = "edited", "Changed"
        AGREED = "agreed", "Agreed to emails"
        WITHDREW = "withdrew", "Opted out"

    client = models.ForeignKey(Client, models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=20, choices=What.choices)
    door = models.CharField(max_length=20, choices=Door.choices, blank=True)
    fields = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["client", "-at"], name="client_event_newest")]

    def __str__(self) -> str:
        return f"{self.what} at {self.at}"


class Withdrawal(models.Model):
    """An address that said no to its studio: consent that outlives the client row.

    Kept as an HMAC-SHA256 under the studio's own key, which never changes.
    """

    studio = models.ForeignKey(Studio, models.CASCADE, related_name="withdrawals")
    address_hash = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "studio", "address_hash", name="withdrawal_is_recorded_once_in_a_studio"
            ),
        ]

    def __str__(self) -> str:
        return f"withdrawal {self.pk} of studio {self.studio_id}"

    @classmethod
    def record(cls, studio: Studio, email: str) -> None:
        cls.objects.get_or_create(studio=studio, address_hash=hash_address(studio, email))

    @classmethod
    def stands(cls, studio: Studio, email: str) -> bool:
        return cls.objects.filter(studio=studio, address_hash=hash_address(studio, email)).exists()

    @classmethod
    def lift(cls, studio: Studio, email: str) -> None:
        cls.objects.filter(studio=studio, address_hash=hash_address(studio, email)).delete()


def hash_address(studio: Studio, email: str) -> str:
    key = bytes(studio.withdrawal_key)
    return hmac.new(key, same_address(email).encode(), hashlib.sha256).hexdigest()
