"""Who works, on which studio next, and what runs now and then."""

import uuid

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now

from integrations.klaviyo.models.connection import Connection


class Wakeup(models.Model):
    """A change of a studio that no turn has looked at yet.

    Written with the change, in its transaction, and only ever inserted: edits wait for nothing.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")

    def __str__(self) -> str:
        return f"wake-up {self.pk}"


class Turn(models.Model):
    """When a worker can next do something for a connection; none: not until it is woken."""

    connection = models.OneToOneField(Connection, models.CASCADE, related_name="turn")
    next_at = models.DateTimeField(null=True, db_default=Now())
    serial = models.BigIntegerField(db_default=0)  # a turn's own: a newer one began if it moved
    token_by = models.UUIDField(null=True)  # the worker that renewed the access token last
    token_until = models.DateTimeField(null=True)  # and for how long that is good

    class Meta:
        indexes = [
            models.Index("next_at", condition=Q(next_at__isnull=False), name="klaviyo_turn_next"),
        ]

    def __str__(self) -> str:
        return f"turn of {self.connection_id}"


class Worker(models.Model):
    """A worker's process. It lives while its session holds an advisory lock on the id."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=100)
    started_at = models.DateTimeField(db_default=Now())
    seen_at = models.DateTimeField(db_default=Now())

    def __str__(self) -> str:
        return self.name


class PeriodicJob(models.Model):
    """When a periodic task last ran, in whichever worker."""

    name = models.CharField(max_length=100, primary_key=True)
    last_ran_at = models.DateTimeField(null=True)
    taken_by = models.UUIDField(null=True)  # the worker that runs it just now
    took_s = models.FloatField(null=True)
    failed = models.BooleanField(db_default=False)

    def __str__(self) -> str:
        return self.name


class KlaviyoHealth(models.Model):
    """Whether Klaviyo as a whole answers: one row for all studios."""

    down_since = models.DateTimeField(null=True)
    probe_at = models.DateTimeField(null=True)  # who moves it on makes the next try
    answered_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return "down" if self.down_since else "well"
