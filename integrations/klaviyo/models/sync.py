"""The state to be reached for each client, and what Klaviyo was told."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Case, F, Q, Value, When
from django.db.models.functions import Coalesce, Now

from clients.models import Client
from integrations.klaviyo.digests import digest
from integrations.klaviyo.models.connection import Connection
from integrations.klaviyo.reasons import NEEDS_ATTENTION, WORDS, Reason, Words
from studios.models import Studio
from studios.tenancy import TenantQuerySet


class Priority(models.IntegerChoices):
    """What goes first. A person's no outranks all; a live change never waits for a backfill."""

    OPT_OUT = 0, "Opt-out"
    LIVE = 1, "Live change"
    KNOWN_OPT_OUT = 2, "Opt-out from before connecting"
    BACKFILL = 3, "Backfill"


def unsettled(sync: str = "") -> Q:
    """A change is safe here and Klaviyo has not heard of it; `sync` is the lookup path to the row.

    Not one that merely waits to be pushed once more: `complete` made that due at `confirm_at`.
    """
    due = Q(**{f"{sync}wanted__gt": F(f"{sync}done")})
    return due & ~Q(**{f"{sync}due_at": F(f"{sync}confirm_at")})


class ClientSyncQuerySet(TenantQuerySet["ClientSync"]):
    def of(self, connection: Connection) -> Self:
        return self.filter(connection=connection)

    def due(self) -> Self:
        """Rows that a worker may claim now."""
        return self.filter(
            Q(lease_until=None) | Q(lease_until__lt=Now()), wanted__gt=F("done"), due_at__lte=Now()
        )

    def opt_outs_waiting(self) -> Self:
        """Opt-outs that Klaviyo refused for want of a permission: the owner has to act."""
        opted_out = Q(client=None) | Q(client__opted_out_at__isnull=False)
        return self.filter(~unsettled(), opted_out, reason=Reason.PERMISSION_MISSING)

    def unsettled(self) -> Self:
        """Changes that are safe here and not yet in Klaviyo."""
        return self.filter(unsettled())

    def needing_attention(self) -> Self:
        """A person has to act. Once they have, it is on its way and needs nobody."""
        return self.filter(~unsettled(), reason__in=NEEDS_ATTENTION)

    def settled(self) -> Self:
        return self.filter(wanted=F("done"))

    def leased(self) -> Self:
        return self.filter(lease_until__gte=Now())

    def with_clients(self) -> Self:
        """Rows with their clients, wish and digest as of one moment."""
        return self.select_related("client", "studio").annotate(
            client_digest=Coalesce(digest("client__"), Value("")),
            confirming=Case(When(confirm_at__lte=Now(), then=True), default=False),
        )


class ClientSync(models.Model):
    """The state to be reached for one client: due while `wanted > done`.

    It outlives its client while an opt-out waits, and dies with its connection.
    """

    connection = models.ForeignKey(Connection, models.CASCADE, related_name="syncs")
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="+")
    client = models.OneToOneField(Client, models.SET_NULL, null=True, related_name="klaviyo_sync")
    wanted = models.BigIntegerField(db_default=1)
    done = models.BigIntegerField(db_default=0)
    priority = models.SmallIntegerField(choices=Priority.choices)
    due_at = models.DateTimeField(db_default=Now())
    lease = models.UUIDField(null=True)
    lease_until = models.DateTimeField(null=True)
    attempts = models.PositiveSmallIntegerField(db_default=0)
    reason = models.CharField(max_length=30, choices=Reason.choices, db_default="", blank=True)
    # Addresses that may exist at Klaviyo because of us, each with the profile that holds it, where
    # known. An address enters before a request leaves; a suppression covers all of them.
    exposed = models.JSONField(db_default={}, default=dict)
    confirmed_address = models.CharField(
        max_length=254, db_default="", blank=True
    )  # as spelt there
    sent_fields = ArrayField(models.CharField(max_length=20), db_default=[], default=list)
    digest = models.CharField(max_length=32, db_default="", blank=True)  # of what was last settled
    confirm_at = models.DateTimeField(null=True)  # push once more: an outcome was unknown
    pushed_at = models.DateTimeField(null=True)
    suppressed_at = models.DateTimeField(null=True)  # Klaviyo accepted it
    last_address = models.CharField(max_length=254, db_default="", blank=True)  # client deleted

    objects: ClassVar[ClientSyncQuerySet] = ClientSyncQuerySet.as_manager()  # type: ignore[assignment]

    # Annotated by `with_clients`:
    client_digest: str
    confirming: bool

    class Meta:
        constraints = [
            models.CheckConstraint(
                condition=Q(done__lte=F("wanted")), name="klaviyo_sync_is_not_ahead_of_its_wish"
            ),
            models.CheckConstraint(
                condition=Q(lease__isnull=True, lease_until__isnull=True)
                | Q(lease__isnull=False, lease_until__isnull=False),
                name="klaviyo_sync_lease_has_an_end",
            ),
        ]
        indexes = [
            models.Index(
                "connection",
                "priority",
                "due_at",
                condition=Q(wanted__gt=F("done")),
                name="klaviyo_sync_due",
            ),
            models.Index(
                "connection",
                "lease_until",
                condition=Q(lease_until__isnull=False),
                name="klaviyo_sync_leased",
            ),
            models.Index(
                "connection", "reason", condition=~Q(reason=""), name="klaviyo_sync_reason"
            ),
        ]

    def __str__(self) -> str:
        return f"sync row {self.pk}"

    @property
    def words(self) -> Words | None:
        return WORDS.get(Reason(self.reason)) if self.reason else None

    @property
    def is_unsettled(self) -> bool:
        """As the function of this name says, for one row."""
        return self.wanted > self.done and self.due_at != self.confirm_at

    @property
    def awaits_permission(self) -> bool:
        return self.reason == Reason.PERMISSION_MISSING

    @property
    def needs_person(self) -> bool:
        return self.reason in NEEDS_ATTENTION and not self.is_unsettled


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
