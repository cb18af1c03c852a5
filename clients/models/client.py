"""A client: a person who comes to a studio."""

import secrets
import uuid
from collections.abc import Iterable
from typing import Any, ClassVar, Self

from django.contrib.postgres.indexes import GinIndex, OpClass
from django.db import models, transaction
from django.db.models import Q, Value
from django.db.models.functions import Concat, Lower, Trim, Upper
from django.urls import reverse
from django.utils import timezone

from clients import phones, search
from clients.models.door import Door
from clients.models.event import ClientEvent
from clients.models.withdrawal import Withdrawal, same_address
from studios.models import Studio, User
from studios.tenancy import TenantQuerySet, hold

NAME_MAX_LENGTH = 120
EMAIL_MAX_LENGTH = 100  # Klaviyo takes no longer address (contract, section 5)
UNSUBSCRIBE_TOKEN_BYTES = 32
DETAILS = ("first_name", "last_name", "email", "phone")
SPACE = Value(" ")
# One text to search in, so that "ana per" finds Ana Pereira; the index stands on the same.
SEARCHED = Concat("first_name", SPACE, "last_name", SPACE, "email", SPACE, "phone")


def new_unsubscribe_token() -> str:
    return secrets.token_urlsafe(UNSUBSCRIBE_TOKEN_BYTES)


class ClientQuerySet(TenantQuerySet["Client"]):
    def for_studio(self, studio: Studio) -> Self:
        """Each with its studio at hand, whose country says how to write a phone number."""
        return super().for_studio(studio).select_related("studio")

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

    def never_agreed(self) -> Self:
        return self.filter(email_opt_in=False, opted_out_at=None)

    def due_for_welcome(self) -> Self:
        return self.may_be_emailed().filter(welcome_due_at__isnull=False)

    def found_by(self, text: str, country: str) -> Self:
        """Those of whom every word of `text` is part of the name, the address or the number."""
        found = self.alias(searched=SEARCHED)
        for alternatives in search.terms(text, country):
            found = found.filter(
                Q(*(("searched__icontains", term) for term in alternatives), _connector=Q.OR)
            )
        return found

    def by_name(self) -> Self:
        return self.order_by(Upper("last_name"), Upper("first_name"), "pk")


class Client(models.Model):
    """A person who comes to a studio.

    `save` and `delete` open a transaction of their own, so that what listens to them writes in
    the same one. Consent is changed by `clients.consent` alone.
    """

    public_id = models.UUIDField(default=uuid.uuid4, unique=True, editable=False)
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="clients")
    first_name = models.CharField(max_length=NAME_MAX_LENGTH, blank=True)
    last_name = models.CharField(max_length=NAME_MAX_LENGTH, blank=True)
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
    # Klaviyo's id stands here because the promise says "on the client row"; written by
    # integrations only.
    klaviyo_profile_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (unique where known)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects: ClassVar[ClientQuerySet] = ClientQuerySet.as_manager()  # type: ignore[assignment]
    edited_by: User | None = None  # who is at the keyboard; set before `save` for the history

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "studio",
                Lower(Trim("email")),
                condition=~Q(email=""),
                name="client_email_is_unique_in_its_studio",
            ),
            models.UniqueConstraint(
                "studio",
                "klaviyo_profile_id",
                name="client_klaviyo_profile_is_unique_in_its_studio",
            ),
            models.CheckConstraint(
                condition=~Q(email_opt_in=True, opted_out_at__isnull=False),
                name="client_is_not_both_opted_in_and_opted_out",
            ),
            models.CheckConstraint(
                condition=~Q(klaviyo_profile_id=""),
                name="client_klaviyo_profile_is_null_when_unknown",
            ),
        ]
        indexes = [
            models.Index(
                "studio", Upper("last_name"), Upper("first_name"), "id", name="client_by_name"
            ),
            models.Index(
                "studio",
                name="client_welcome_due",
                condition=Q(welcome_due_at__isnull=False),
            ),
            GinIndex(OpClass(Upper(SEARCHED), "gin_trgm_ops"), name="client_search"),
        ]

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Write history and remember withdrawals too, unless only `update_fields` are saved."""
        hold(self.studio_id)
        if update_fields is not None:
            super().save(*args, update_fields=update_fields, **kwargs)
            return
        events = [*self._describe_edit(), *self._remember_withdrawals()]
        super().save(*args, update_fields=self._own_fields(), **kwargs)
        for event in events:
            event.client = self
            event.save()

    def get_absolute_url(self) -> str:
        return reverse("clients:detail", args=[self.studio.slug, self.public_id])

    @transaction.atomic
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        hold(self.studio_id)
        return super().delete(*args, **kwargs)

    @property
    def name(self) -> str:
        return self.full_name or self.email or self.phone_shown

    @property
    def full_name(self) -> str:
        return f"{self.first_name} {self.last_name}".strip()

    @property
    def phone_shown(self) -> str:
        return phones.shown(self.phone, self.studio.country)

    @property
    def address(self) -> str:
        return same_address(self.email)

    @property
    def may_be_emailed(self) -> bool:
        return self.email_opt_in and bool(self.email)

    @property
    def has_opted_out(self) -> bool:
        return self.opted_out_at is not None

    @property
    def is_remembered(self) -> bool:
        """Opted out because the address had, on this row or on one that is gone."""
        return self.has_opted_out and self.consent_door == Door.REMEMBERED

    @property
    def consent_text(self) -> str:
        if self.has_opted_out:
            return "Opted out of emails"
        return "Agreed to emails" if self.email_opt_in else "Has not agreed to emails"

    def _own_fields(self) -> list[str] | None:
        """All but what integrations write: a save must not put back what it once read."""
        if self._state.adding:
            return None
        fields = (field for field in self._meta.concrete_fields if not field.primary_key)
        return [field.name for field in fields if field.name != "klaviyo_profile_id"]

    def _describe_edit(self) -> Iterable[ClientEvent]:
        if self._state.adding:
            yield ClientEvent(what=ClientEvent.What.ADDED, by=self.edited_by)
            return
        before = self._as_stored()
        changed = [field for field in DETAILS if before.get(field) != getattr(self, field)]
        if changed:
            yield ClientEvent(what=ClientEvent.What.EDITED, by=self.edited_by, fields=changed)

    def _remember_withdrawals(self) -> Iterable[ClientEvent]:
        """An address that said no stays withdrawn on whichever row it stands, by whatever door."""
        if self.has_opted_out:
            # The one it leaves as well: it is the one that was emailed.
            for email in {self.email, self._as_stored().get("email", "")}:
                Withdrawal.record(self.studio, email)
        elif Withdrawal.stands(self.studio, self.email):
            self.record_consent(agrees=False, door=Door.REMEMBERED)
            yield ClientEvent(what=ClientEvent.What.WITHDREW, door=Door.REMEMBERED)

    def record_consent(self, *, agrees: bool, door: Door) -> None:
        """Change what is known of the client's consent; whoever calls saves it."""
        now = timezone.now()
        self.email_opt_in = agrees
        self.opted_out_at = None if agrees else now
        self.consent_changed_at = now
        self.consent_door = door
        self.consent_version += 1
        if not agrees:
            self.welcome_due_at = None

    def _as_stored(self) -> dict[str, str]:
        return Client.objects.filter(pk=self.pk).values(*DETAILS).first() or {}
