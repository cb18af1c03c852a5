"""How much a connection may still ask of Klaviyo."""

from typing import Self

from django.db import models
from django.db.models.functions import Now

from integrations.klaviyo.limits import Bucket
from integrations.klaviyo.models.connection import Connection
from integrations.klaviyo.operations import Limit


class RateBudget(models.Model):
    """What one connection may still ask of one operation, and whether it must wait."""

    class Block(models.TextChoices):
        THROTTLED = "throttled", "Klaviyo asked us to wait"
        NOT_ANSWERING = "not_answering", "Klaviyo doesn't answer"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="budgets")
    operation = models.CharField(max_length=60)
    burst = models.PositiveIntegerField()
    steady = models.PositiveIntegerField()
    tokens = models.FloatField()
    pace = models.FloatField(default=1.0)
    counted_at = models.DateTimeField(db_default=Now())
    blocked_until = models.DateTimeField(null=True)
    block = models.CharField(max_length=20, choices=Block.choices, blank=True)
    failures = models.PositiveIntegerField(default=0)  # in a row
    failing_since = models.DateTimeField(null=True)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "connection", "operation", name="klaviyo_budget_is_one_per_operation"
            ),
        ]

    def __str__(self) -> str:
        return f"budget of {self.operation}"

    @classmethod
    def fresh(cls, connection: Connection, operation: str, limit: Limit) -> Self:
        budget = cls(connection=connection, operation=operation)
        budget.bucket = Bucket.full(limit)
        return budget

    def agrees_with(self, limit: Limit | None) -> bool:
        """Whether a good answer with this limit in its headers is no news."""
        same = limit is None or limit == self.bucket.limit
        return same and not self.failures and self.block != self.Block.NOT_ANSWERING

    @property
    def bucket(self) -> Bucket:
        return Bucket(Limit(self.burst, self.steady), self.tokens, self.pace)

    @bucket.setter
    def bucket(self, bucket: Bucket) -> None:
        self.burst, self.steady = bucket.limit.burst, bucket.limit.steady
        self.tokens, self.pace = bucket.tokens, bucket.pace
