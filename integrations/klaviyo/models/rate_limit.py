"""How much a connection may still ask of Klaviyo."""

from typing import Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models.functions import Now

from integrations.klaviyo.models.connection import Connection
from integrations.token_bucket import Bucket, Limit, capacity, rate


class RateLimit(models.Model):
    """What one connection may still ask of one operation, and until when it must wait."""

    class Block(models.TextChoices):
        THROTTLED = "throttled", "Klaviyo asked us to wait"
        NOT_ANSWERING = "not_answering", "Klaviyo doesn't answer"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="rate_limits")
    operation = models.CharField(max_length=60)
    burst = models.PositiveIntegerField()
    steady = models.PositiveIntegerField()
    tokens = models.FloatField()
    capacity = models.FloatField(default=1.0)  # both follow from burst and steady
    rate = models.FloatField(default=1.0)  # tokens a second
    pace = models.FloatField(default=1.0)
    counted_at = models.DateTimeField(db_default=Now())
    # When the last ones left; of renewals alone, of which there are a handful a minute.
    recent = ArrayField(models.DateTimeField(), db_default=[], default=list)
    blocked_until = models.DateTimeField(null=True)
    block = models.CharField(max_length=20, choices=Block.choices, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)
    failed_at = models.DateTimeField(null=True)  # the last time

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "connection", "operation", name="klaviyo_rate_limit_is_one_per_operation"
            ),
        ]

    def __str__(self) -> str:
        return f"rate limit of {self.operation}"

    @classmethod
    def fresh(cls, connection: Connection, operation: str, limit: Limit) -> Self:
        rate_limit = cls(connection=connection, operation=operation)
        rate_limit.bucket = Bucket.full(limit)
        return rate_limit

    def agrees_with(self, limit: Limit | None) -> bool:
        """True if a good answer with this limit in its headers is no news."""
        same = limit is None or limit == self.bucket.limit
        return same and not self.failures and self.block != self.Block.NOT_ANSWERING

    @property
    def bucket(self) -> Bucket:
        return Bucket(Limit(self.burst, self.steady), self.tokens, self.pace)

    @bucket.setter
    def bucket(self, bucket: Bucket) -> None:
        self.burst, self.steady = bucket.limit.burst, bucket.limit.steady
        self.tokens, self.pace = bucket.tokens, bucket.pace
        self.capacity, self.rate = capacity(bucket.limit), rate(bucket.limit)
