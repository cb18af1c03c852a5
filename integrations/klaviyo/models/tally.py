"""What Junocal counts of its dealings with Klaviyo, of all studios together."""

from django.contrib.postgres.fields import ArrayField
from django.db import models


class Tally(models.Model):
    """How often something came about since Junocal was installed: it only ever grows.

    It names no studio and no client. `api.statistics` adds to it.
    """

    class What(models.TextChoices):
        REQUEST = (
            "request",
            "A request to Klaviyo, what came of it and how long it took",
        )
        REFRESH = "refresh", "A renewal of an access token, and what came of it"
        TAKEOVER = "takeover", "A row taken over from a worker that never completed it"
        DEADLOCK = "deadlock", "A transaction that PostgreSQL broke off and we tried again"

    what = models.CharField(max_length=20, choices=What.choices)
    operation = models.CharField(max_length=60, blank=True, db_default="")
    outcome = models.CharField(max_length=30, blank=True, db_default="")
    count = models.BigIntegerField()
    seconds = models.FloatField()  # of all of them together
    buckets = ArrayField(models.BigIntegerField())  # by `statistics.BUCKETS_S`, and one above

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "what", "operation", "outcome", name="klaviyo_tally_is_one_for_each_outcome"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.what} {self.operation} {self.outcome}: {self.count}"
