"""A client's history at Junocal, for their page; the sync never reads it."""

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.utils import timezone

from clients.models.consent_source import ConsentSource
from studios.models import User


class ClientEvent(models.Model):
    class What(models.TextChoices):
        ADDED = "added", "Added"
        EDITED = "edited", "Changed"
        AGREED = "agreed", "Agreed to emails"
        WITHDREW = "withdrew", "Opted out of emails"
        UNKNOWN = "unknown", "Has not agreed to emails again"

    client = models.ForeignKey("clients.Client", models.CASCADE, related_name="events")
    at = models.DateTimeField(default=timezone.now)
    what = models.CharField(max_length=20, choices=What.choices)
    source = models.CharField(max_length=20, choices=ConsentSource.choices, blank=True)
    fields = ArrayField(models.CharField(max_length=20), default=list, blank=True)
    by = models.ForeignKey(User, models.SET_NULL, null=True, blank=True, related_name="+")

    class Meta:
        indexes = [models.Index(fields=["client", "-at"], name="client_event_newest")]

    def __str__(self) -> str:
        return f"{self.what} at {self.at}"

    @property
    def text(self) -> str:
        """As in "Phone changed by Fay", "Opted out of emails by the link in an email"."""
        return " ".join(filter(None, [self._what, self._how]))

    @property
    def _what(self) -> str:
        if self.what != self.What.EDITED:
            return self.get_what_display()
        return ", ".join(self.fields).replace("_", " ").capitalize() + " changed"

    @property
    def _how(self) -> str:
        source = self.get_source_display() if self.source else ""
        if self.by is None:
            return source
        return f"{source}, by {self.by}" if source else f"by {self.by}"
