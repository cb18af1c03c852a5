"""The state to be reached for each client, and what Klaviyo was told."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo.models.connection import Connection
from integrations.klaviyo.reasons import EXPLANATIONS, NEEDS_ATTENTION, Explanation, Reason
from studios.models import Studio
from studios.tenancy import TenantQuerySet


class Priority(models.IntegerChoices):
    """What goes first. A person's no outranks all; a live change never waits for a backfill."""

    OPT_OUT = 0, "Opt-out"
    LIVE = 1, "Live change"
    KNOWN_OPT_OUT = 2, "Opt-out from before connecting"
    BACKFILL = 3, "Backfill"


def unsettled(sync: str = "") -> Q:
    """The row has a change that Klaviyo has not heard of; `sync` is the lookup path to the row.

    A row that only waits to be pushed once more is settled: `complete` made it due at `confirm_at`.
    """
    due = Q(**{f"{sync}desired_version__gt": F(f"{sync}synced_version")})
    return due & ~Q(**{f"{sync}due_at": F(f"{sync}confirm_at")})


def about_opt_out() -> Q:
    """The row is about an opt-out; one without a client outlived it for that."""
    return Q(client=None) | Q(client__opted_out_at__isnull=False)


class ClientSyncQuerySet(TenantQuerySet["ClientSync"]):
    def of(self, connection: Connection) -> Self:
        return self.filter(connection=connection)

    def due(self) -> Self:
        """Rows that a worker may claim now."""
        return self.filter(
            Q(lease_until=None) | Q(lease_until__lt=Now()),
            desired_version__gt=F("synced_version"),
            due_at__lte=Now(),
        )

    def opt_outs_waiting(self) -> Self:
        """Opt-outs that Klaviyo refused for want of a permission: the owner has to act."""
        refused = self.filter(~unsettled(), reason=Reason.PERMISSION_MISSING)
        return refused.about_opt_outs()

    def about_opt_outs(self) -> Self:
        return self.filter(about_opt_out())

    def about_pushes(self) -> Self:
        return self.exclude(about_opt_out())

    def unsettled(self) -> Self:
        """Changes that are safe here and not yet in Klaviyo."""
        return self.filter(unsettled())

    def needing_attention(self) -> Self:
        """A person has to act. Once they have, it is on its way and needs nobody."""
        return self.filter(~unsettled(), reason__in=NEEDS_ATTENTION)

    def in_their_order(self) -> Self:
        """Unsettled rows of one connection, to be cut: the planner takes a third of all rows for
        unsettled, and reads them in vain where no order leads it to their index."""
        return self.order_by("priority", "due_at")

    def has_any(self) -> bool:
        """True if one of these unsettled rows of one connection is there."""
        return bool(self.in_their_order().values("pk")[:1])

    def settled(self) -> Self:
        return self.filter(desired_version=F("synced_version"))

    def leased(self) -> Self:
        return self.filter(lease_until__gte=Now())


class ClientSync(models.Model):
    """The state to be reached for one client: due while `desired_version > synced_version`.

    It outlives its client while an opt-out waits, and dies with its connection.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="syncs")
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="+")
    client = models.OneToOneField(Client, models.SET_NULL, null=True, related_name="klaviyo_sync")
    desired_version = models.BigIntegerField(db_default=1)
    synced_version = models.BigIntegerField(db_default=0)
    # This version is sent whatever was sent before; the next request after it settles that.
    forced_version = models.BigIntegerField(db_default=0)
    priority = models.SmallIntegerField(choices=Priority.choices)
    due_at = models.DateTimeField(db_default=Now())
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    leased_by = models.UUIDField(null=True)  # the worker; None for one that nobody watches
    attempts = models.PositiveSmallIntegerField(db_default=0)
    reason = models.CharField(max_length=30, choices=Reason.choices, db_default="", blank=True)
    confirmed_address = models.CharField(
        max_length=254, db_default="", blank=True
    )  # as spelt there
    sent_fields = ArrayField(models.CharField(max_length=20), db_default=[], default=list)
    sent_phone = models.CharField(max_length=20, db_default="", blank=True)  # on the profile now
    digest = models.CharField(max_length=32, db_default="", blank=True)  # of what was last settled
    confirm_at = models.DateTimeField(null=True)  # push once more: an outcome was unknown
    suppressed_at = models.DateTimeField(null=True)  # Klaviyo accepted it
    last_address = models.CharField(max_length=254, db_default="", blank=True)  # client deleted

    objects: ClassVar[ClientSyncQuerySet] = ClientSyncQuerySet.as_manager()  # type: ignore[assignment]

    # Read by `outbox.consumer.claim`:
    client_digest: str
    confirming: bool

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(synced_version__lte=F("desired_version")),
                name="klaviyo_sync_is_not_ahead_of_what_is_desired",
            ),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, lease_until__isnull=True)
                | Q(lease__isnull=False, lease_until__isnull=False),
                name="klaviyo_sync_lease_has_an_end",
            ),
            models.CheckConstraint(
                condition=Q(forced_version__lte=F("desired_version")),
                name="klaviyo_sync_forces_nothing_that_is_not_desired",
            ),
        ]
        indexes = [
            models.Index(
                "connection",
                "priority",
                "due_at",
                condition=Q(desired_version__gt=F("synced_version")),
                name="klaviyo_sync_due",
            ),
            models.Index(
                "connection",
                "lease_until",
                condition=Q(lease_until__isnull=False),
                name="klaviyo_sync_leased",
            ),
            models.Index(
                "leased_by",
                condition=Q(leased_by__isnull=False),
                name="klaviyo_sync_leased_by",
            ),
            models.Index(
                "connection", "reason", condition=~Q(reason=""), name="klaviyo_sync_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"sync row {self.pk}"

    @property
    def explanation(self) -> Explanation | None:
        return EXPLANATIONS.get(Reason(self.reason)) if self.reason else None

    @property
    def is_forced(self) -> bool:
        """True if it is to be sent whatever was sent before."""
        return self.forced_version > self.synced_version

    @property
    def needs_no_request(self) -> bool:
        """True if a claimed row's client is not to be emailed, or is at Klaviyo as it is here."""
        if self.client is None or not self.client.may_be_emailed:
            return True
        is_known = self.digest == self.client_digest
        return is_known and not self.is_forced and not self.confirming

    @property
    def is_unsettled(self) -> bool:
        """As `unsettled` says, for one row."""
        return self.desired_version > self.synced_version and self.due_at != self.confirm_at

    @property
    def is_about_opt_out(self) -> bool:
        """As `about_opt_out` says, for one row."""
        return self.client is None or self.client.has_opted_out

    @property
    def awaits_permission(self) -> bool:
        return self.reason == Reason.PERMISSION_MISSING


class SyncEvent(models.Model):
    """What Junocal told Klaviyo of a client, for the client page's timeline."""

    class What(models.TextChoices):
        CREATED = "created", "Created in Klaviyo"
        UPDATED = "updated", "Sent to Klaviyo"
        ADOPTED = "adopted", "Found in Klaviyo and updated"
        SUPPRESSED = "suppressed", "Suppressed in Klaviyo"
        NOT_FOUND = "not_found", "Looked up in Klaviyo: not there, nothing to suppress"
        REFUSED = "refused", "Not accepted by Klaviyo"

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+")
    client = models.ForeignKey(Client, models.CASCADE, related_name="klaviyo_events")
    at = models.DateTimeField(db_default=Now())
    what = models.CharField(max_length=20, choices=What.choices)
    reason = models.CharField(max_length=30, choices=Reason.choices, blank=True)

    class Meta:
        indexes = [models.Index(fields=["client", "-at"], name="klaviyo_event_newest")]

    def __str__(self) -> str:
        return f"{self.what} at {self.at}"
