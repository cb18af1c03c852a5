"""A client's history at Junocal, for their page and the day's; the sync never reads it."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from clients import phones
from clients.models.consent_source import ConsentSource
from studios.models import Studio, User
from studios.tenancy import TenantQuerySet


class ClientEvent(models.Model):
    class What(models.TextChoices):
        ADDED = "added", "Added"
        EDITED = "edited", "Changed"
        AGREED = "agreed", "Agreed to emails"
        WITHDREW = "withdrew", "Opted out of emails"
        UNKNOWN = "unknown", "Has not agreed to emails again"

    client = models.ForeignKey("clients.Client", models.CASCADE, related_name="events")
    # The client's. A trigger sees to that, whoever writes.
    studio = models.ForeignKey(
        Studio, models.CASCADE, null=True, related_name="+", editable=False, db_index=False
    )
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=20, choices=What.choices)
    source = models.CharField(max_length=20, choices=ConsentSource.choices, blank=True)
    fields = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    changes = models.JSONField(default=dict, blank=True)  # by field: what was there, what is now
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    objects: ClassVar[TenantQuerySet["ClientEvent"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [
            models.Index(fields=["client", "-at"], name="client_event_newest"),
            models.Index(fields=["studio", "-at"], name="client_event_of_a_day"),
        ]

    def __str__(self) -> str:
        return f"{self.what} at {self.at}"

    @property
    def text(self) -> str:
        """As in "Phone 030 1234 → 030 5678, by Fay", "Opted out of emails by an import, by Fay"."""
        return f"{self._what}{self._how}"

    @property
    def _what(self) -> str:
        if self.what != self.What.EDITED:
            return self.get_what_display()
        told = ", ".join(map(self._told, self.fields))
        return told[:1].upper() + told[1:]

    def _told(self, field: str) -> str:
        words = field.replace("_", " ")
        if field not in self.changes:  # from before both were kept
            return f"{words} changed"
        old, new = (self._shown(field, text) for text in self.changes[field])
        return f"{words} {old} → {new}"

    def _shown(self, field: str, text: str) -> str:
        if field == "phone" and text:
            return phones.shown(text, self.client.studio.country)
        return text or "none"

    @property
    def _how(self) -> str:
        source = f" {self.get_source_display()}" if self.source else ""
        comma = "," if source or self.what == self.What.EDITED else ""
        return f"{source}{comma} by {self.by}" if self.by else source
