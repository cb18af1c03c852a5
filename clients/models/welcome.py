"""A welcome email that a studio sent, kept for a day to be counted for its quota.

Apart from the client, whose deletion would otherwise give the studio one more email to send.
"""

from typing import ClassVar

from django.db import models
from django.utils import timezone

from studios.models import Studio
from studios.tenancy import TenantQuerySet


class Welcome(models.Model):
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="+")
    at = models.DateTimeField(default=timezone.now)

    objects: ClassVar[TenantQuerySet["Welcome"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        indexes = [models.Index("studio", "at", name="client_welcome_of_a_day")]

    def __str__(self) -> str:
        return f"welcome {self.pk} of studio {self.studio_id}"
