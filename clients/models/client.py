"""A client: a person who comes to a studio."""

import secrets
import uuid
from collections.abc import Collection, Iterable, Mapping
from typing import Any, ClassVar

from django.contrib.postgres.indexes import GinIndex
from django.db import models, transaction
from django.db.models import Q
from django.urls import reverse
from django.utils import timezone

from clients import phones
from clients.folding import FOLDED_FROM, SORT_KEY_MAX_LENGTH, folded_fields
from clients.models.address import ADDRESS_MAX_LENGTH, hash_address, same_address
from clients.models.client_queryset import ClientQuerySet, with_folded
from clients.models.consent_source import ConsentSource
from clients.models.event import ClientEvent
from clients.models.sent_address import SentAddress
from clients.models.withdrawal import Withdrawal
from studios.models import Studio, User
from studios.tenancy import lock_studio_shared

NAME_MAX_LENGTH = 120
EMAIL_MAX_LENGTH = 100  # Klaviyo takes no longer address (contract, section 5)
UNSUBSCRIBE_TOKEN_BYTES = 32
# What the desk edits of a client: form, admin and history go by this list. What is sent of it to
# Klaviyo is `PROFILE_FIELDS` in its contract.
DETAILS = ("first_name", "last_name", "email", "phone")
# Columns that integrations write by `update`: a save must not put back what it once read.
WRITTEN_BY_INTEGRATIONS = frozenset({"klaviyo_profile_id"})


def new_unsubscribe_token() -> str:
    return secrets.token_urlsafe(UNSUBSCRIBE_TOKEN_BYTES)


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
    # `same_address` of it. A trigger sees to that, whoever writes.
    address = models.CharField(
        max_length=ADDRESS_MAX_LENGTH, blank=True, default="", db_default="", editable=False
    )
    phone = models.CharField(max_length=20, blank=True)  # E.164
    # What search and order go by, and what it was made from; blank if it has to be made anew.
    folded = models.TextField(blank=True, default="", db_default="", editable=False)
    sort_key = models.CharField(
        max_length=SORT_KEY_MAX_LENGTH,
        blank=True,
        default="",
        db_default="",
        editable=False,
        db_collation="C",
    )
    folded_from = models.CharField(
        max_length=32, blank=True, default="", db_default="", editable=False
    )
    email_opt_in = models.BooleanField(default=False)
    opted_out_at = models.DateTimeField(null=True, blank=True)  # a recorded withdrawal
    consent_changed_at = models.DateTimeField(null=True, blank=True)
    consent_source = models.CharField(max_length=20, choices=ConsentSource.choices, blank=True)
    consent_version = models.PositiveIntegerField(default=0)  # a stale form saw a lower one
    unsubscribe_token = models.CharField(
        max_length=64, unique=True, default=new_unsubscribe_token, editable=False
    )
    welcome_due_at = models.DateTimeField(null=True, blank=True)
    # Klaviyo's id stands here because the promise says "on the client row".
    klaviyo_profile_id = models.CharField(max_length=64, null=True, blank=True, editable=False)  # noqa: DJ001 (unique where known)
    created_at = models.DateTimeField(auto_now_add=True)

    objects: ClassVar[ClientQuerySet] = ClientQuerySet.as_manager()  # type: ignore[assignment]
    edited_by: User | None = None  # who is at the keyboard; set before `save` for the history

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "studio",
                "address",
                condition=~Q(address=""),
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
            models.Index("studio", "sort_key", "id", name="client_by_name"),
            models.Index(
                "studio",
                name="client_welcome_due",
                condition=Q(welcome_due_at__isnull=False),
            ),
            GinIndex(
                name="client_search",
                fields=["studio", "folded"],
                opclasses=["int8_ops", "gin_trgm_ops"],
                gin_pending_list_limit=512,  # kB that every search reads through
            ),
            models.Index(
                "studio",
                "id",
                name="client_unlinked",
                condition=Q(email_opt_in=True, klaviyo_profile_id=None) & ~Q(email=""),
            ),
            models.Index(
                "studio",
                "sort_key",
                "id",
                name="client_opted_out",
                condition=Q(opted_out_at__isnull=False),
            ),
            models.Index(
                "studio",
                "sort_key",
                "id",
                name="client_never_agreed",
                condition=Q(email_opt_in=False, opted_out_at=None),
            ),
            models.Index("id", name="client_to_be_folded", condition=Q(folded_from="")),
        ]

    def __str__(self) -> str:
        return self.name

    @transaction.atomic
    def save(self, *args: Any, update_fields: Iterable[str] | None = None, **kwargs: Any) -> None:
        """Write history and remember withdrawals too, unless only `update_fields` are saved."""
        lock_studio_shared(self.studio_id)
        self.address = same_address(self.email)  # as the trigger will say
        self.fold()
        if update_fields is not None:
            super().save(*args, update_fields=with_folded(update_fields), **kwargs)
            return
        before = self._as_stored()
        events = [*self._describe_edit(before), *self._remember_withdrawals(before)]
        super().save(*args, update_fields=self._own_fields(), **kwargs)
        for event in events:
            event.client = self
            event.save()

    def get_absolute_url(self) -> str:
        return reverse("clients:detail", args=[self.studio.slug, self.public_id])

    @transaction.atomic
    def delete(self, *args: Any, **kwargs: Any) -> tuple[int, dict[str, int]]:
        lock_studio_shared(self.studio_id)
        return super().delete(*args, **kwargs)

    def fold(self) -> None:
        """Bring the folded form up to the name, address and number; whoever calls saves it."""
        parts = [getattr(self, field) for field in FOLDED_FROM]
        for field, text in folded_fields(parts).items():
            setattr(self, field, text)

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
    def may_be_emailed(self) -> bool:
        return self.email_opt_in and bool(self.email)

    @property
    def has_opted_out(self) -> bool:
        return self.opted_out_at is not None

    @property
    def is_remembered(self) -> bool:
        """Opted out because the address had, on this row or on one that is gone."""
        return self.has_opted_out and self.consent_source == ConsentSource.REMEMBERED

    @property
    def said_so_by_a_click(self) -> bool:
        """True if the client's consent is as they said themselves, in an email."""
        return bool(self.consent_source) and ConsentSource(self.consent_source).is_a_click

    @property
    def consent_text(self) -> str:
        if self.has_opted_out:
            return "Opted out of emails"
        return "Agreed to emails" if self.email_opt_in else "Has not agreed to emails"

    def _own_fields(self) -> list[str] | None:
        """The columns that a save writes; None, which is all of them, for a new client."""
        if self._state.adding:
            return None
        fields = (field for field in self._meta.concrete_fields if not field.primary_key)
        return [field.name for field in fields if field.name not in WRITTEN_BY_INTEGRATIONS]

    def _describe_edit(self, before: Mapping[str, Any]) -> Iterable[ClientEvent]:
        if self._state.adding:
            yield ClientEvent(what=ClientEvent.What.ADDED, by=self.edited_by)
            return
        changes = {
            field: [before[field], getattr(self, field)]
            for field in DETAILS
            if field in before and before[field] != getattr(self, field)
        }
        if changes:
            yield ClientEvent(
                what=ClientEvent.What.EDITED,
                by=self.edited_by,
                fields=list(changes),
                changes=changes,
            )

    def _remember_withdrawals(self, before: Mapping[str, Any]) -> Iterable[ClientEvent]:
        """An address that said no stays withdrawn on any row, however it got there."""
        if self.has_opted_out:
            Withdrawal.record_hashes(self.studio, self._withdrawn_hashes(before))
        elif Withdrawal.stands(self.studio, self.email):
            self.record_consent(agrees=False, source=ConsentSource.REMEMBERED)
            yield ClientEvent(what=ClientEvent.What.WITHDREW, source=ConsentSource.REMEMBERED)

    def record_consent(self, *, agrees: bool, source: ConsentSource) -> None:
        """Change what is known of the client's consent; whoever calls saves it."""
        now = timezone.now()
        self.email_opt_in = agrees
        self.opted_out_at = None if agrees else now
        self.consent_changed_at = now
        self.consent_source = source
        self.consent_version += 1
        if not agrees:
            self.welcome_due_at = None

    def _withdrawn_hashes(self, before: Mapping[str, Any]) -> set[str]:
        """Of the address on the row and of the one it leaves; when the client opts out, of all that
        were ever sent to. Where another client has one of those now and agreed, that yes stands,
        unless the no came out of a mailbox, by a click in an email."""
        emails = {self.email, before.get("email", "")} - {""}
        hashes = {hash_address(self.studio, email) for email in emails}
        if before.get("opted_out_at") is None:
            sent = SentAddress.hashes_of(self.unsubscribe_token) - hashes
            is_a_click = ConsentSource(self.consent_source or ConsentSource.STAFF).is_a_click
            hashes |= sent if is_a_click else sent - self._agreed_elsewhere(sent)
        return hashes

    def _agreed_elsewhere(self, hashes: Collection[str]) -> set[str]:
        """Those of these addresses that other clients hold who may be emailed."""
        if not hashes:
            return set()
        holders = Client.objects.for_studio(self.studio).may_be_emailed()
        emails = holders.hashed_as(self.studio, hashes).exclude(pk=self.pk).values_list("email")
        return {hash_address(self.studio, email) for (email,) in emails}

    def _as_stored(self) -> Mapping[str, Any]:
        """What the database holds of this row; nothing of a new one."""
        if self._state.adding:
            return {}
        return Client.objects.filter(pk=self.pk).values(*DETAILS, "opted_out_at").first() or {}
