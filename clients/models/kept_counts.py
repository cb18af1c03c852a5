"""How many clients of which kind a studio has, kept where counting them takes a while.

No row: the studio is small enough to be counted at each look.
"""

from datetime import timedelta
from typing import ClassVar

from django.db import models
from django.utils import timezone

from studios.models import Studio
from studios.tenancy import TenantQuerySet

FRESH_FOR = timedelta(seconds=2)
PART_OF_THE_TIME = 20  # at most so much of a core goes into counting: a twentieth


class KeptCounts(models.Model):
    studio = models.OneToOneField(Studio, models.CASCADE, related_name="+")
    tally = models.JSONField()  # `clients.listing.tally.Tally`
    counted_at = models.DateTimeField()
    took = models.DurationField()

    objects: ClassVar[TenantQuerySet["KeptCounts"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"counts of studio {self.studio_id}"

    @property
    def is_fresh(self) -> bool:
        age = timezone.now() - self.counted_at
        return age < max(FRESH_FOR, PART_OF_THE_TIME * self.took)
