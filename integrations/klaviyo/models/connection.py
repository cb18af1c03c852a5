"""A studio's grant from a Klaviyo account, and what is left of it when it has ended."""

import uuid
from typing import Any, ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations.klaviyo.contract import SUPPRESSION, Feature
from integrations.klaviyo.reasons import Reason
from studios.models import Studio, User
from studios.tenancy import TenantQuerySet


class EndCause(models.TextChoices):
    """Why a connection ended."""

    OWNER = "owner", "An owner disconnected"
    UNINSTALLED = "uninstalled", "Junocal was uninstalled in Klaviyo"
    GRANT_DEAD = "grant_dead", "Klaviyo stopped accepting our access"
    RENEWAL_INTERRUPTED = "renewal_interrupted", "The renewal of our access was interrupted"

    @property
    def is_ours(self) -> bool:
        return self is EndCause.OWNER


UNSUSPENDED: dict[str, Any] = {
    "suspended_at": None,
    "suspended_reason": "",
    "suspended_until": None,
    "suspended_trials": 0,
    "refused_at": None,
}

UNTROUBLED: dict[str, Any] = {"troubled_since": None, "calm_since": None, "trouble_told_at": None}


class ConnectionQuerySet(TenantQuerySet["Connection"]):
    def live(self) -> Self:
        return self.filter(disconnecting_at=None)

    def disconnecting(self) -> Self:
        return self.exclude(disconnecting_at=None)

    def pause(self) -> bool:
        return bool(self.filter(paused_at=None).update(paused_at=Now()))

    def resume(self) -> bool:
        return bool(self.exclude(paused_at=None).update(paused_at=None))

    def unsuspend(self) -> bool:
        """Push again: an owner says that it is mended, or Klaviyo accepted us."""
        return bool(self.update(**UNSUSPENDED))


class Connection(models.Model):
    """A studio's grant from a Klaviyo account. Its id, made before the insert, is sealed in."""

    class Phase(models.TextChoices):
        OPT_OUTS = "opt_outs", "Seeding clients who opted out"
        CLIENTS = "clients", "Seeding all others"
        SEEDED = "seeded", "Every client has its sync row"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    # A connected studio can't be deleted: the grant at Klaviyo has to be revoked first.
    studio = models.OneToOneField(Studio, models.PROTECT, related_name="klaviyo")
    account_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 (unique where known)
    account_name = models.CharField(max_length=250, blank=True)
    refresh_token = models.TextField(blank=True)  # sealed
    granted_scopes = models.TextField(blank=True)
    grant_serial = models.PositiveIntegerField(default=1)  # a second consent makes a new grant
    # By that consent: opt-outs that waited for it go out, a few at a time.
    retries_opt_outs = models.BooleanField(default=False, db_default=False)
    connected_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField(default=timezone.now)
    refresh_started_at = models.DateTimeField(null=True)  # still set: the last one was interrupted
    refreshed_at = models.DateTimeField(null=True)
    phase = models.CharField(max_length=20, choices=Phase.choices, default=Phase.OPT_OUTS)
    seeded_up_to = models.BigIntegerField(default=0)  # the last client's key within the phase
    paused_at = models.DateTimeField(null=True)
    suspended_at = models.DateTimeField(null=True)  # Klaviyo accepts no profiles: for the owner
    suspended_reason = models.CharField(max_length=30, choices=Reason.choices, blank=True)
    suspended_until = models.DateTimeField(null=True)  # then it is tried once more by itself
    suspended_trials = models.PositiveSmallIntegerField(default=0)  # that failed, in a row
    refused_at = models.DateTimeField(null=True)  # a fresh access token was not accepted
    # Kept by `worker.watch`: the owners get an email about long trouble, and one when it is over.
    troubled_since = models.DateTimeField(null=True)
    calm_since = models.DateTimeField(null=True)  # nothing was wrong any more; not yet believed
    trouble_told_at = models.DateTimeField(null=True)
    health_check_requested_at = models.DateTimeField(null=True)
    health_checked_at = models.DateTimeField(null=True)
    health_check_result = models.CharField(max_length=30, blank=True)
    disconnecting_at = models.DateTimeField(null=True)
    disconnecting_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    end_cause = models.CharField(max_length=30, choices=EndCause.choices, blank=True)
    finishing_until = models.DateTimeField(null=True)  # a worker is at it
    finishing_by = models.UUIDField(null=True)  # that worker
    revoke_confirmed = models.BooleanField(null=True)

    objects: ClassVar[ConnectionQuerySet] = ConnectionQuerySet.as_manager()  # type: ignore[assignment]

    # Read by `outbox.turns.begin`:
    turn_serial: int
    has_due: bool
    has_token_elsewhere: bool
    withdrawal_key: bytes
    limits_now: str | None  # as JSON

    class Meta:
        constraints = [
            models.UniqueConstraint("account_id", name="klaviyo_account_serves_one_studio"),
            models.CheckConstraint(
                condition=Q(disconnecting_at__isnull=False)
                | ~Q(refresh_token="") & Q(account_id__gt=""),
                name="klaviyo_connection_is_whole_until_it_disconnects",
            ),
            models.CheckConstraint(
                condition=Q(disconnecting_at__isnull=True, end_cause="")
                | Q(disconnecting_at__isnull=False) & ~Q(end_cause=""),
                name="klaviyo_disconnecting_has_a_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"connection {self.pk}"

    @property
    def is_disconnecting(self) -> bool:
        return self.disconnecting_at is not None

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def is_suspended(self) -> bool:
        return self.suspended_at is not None

    @property
    def is_on_trial(self) -> bool:
        """True if it is suspended, and time to try whether Klaviyo accepts us again."""
        return self.suspended_until is not None and self.suspended_until <= timezone.now()

    @property
    def scopes(self) -> frozenset[str]:
        return frozenset(self.granted_scopes.split())

    def has(self, feature: Feature) -> bool:
        """True if the owner gave this permission: its scopes are in the grant."""
        return self.scopes.issuperset(feature.scopes)

    def allows(self, feature: Feature) -> bool:
        """True if requests of this feature may leave."""
        return feature.is_always_tried or self.has(feature)

    @property
    def may_suppress(self) -> bool:
        return self.has(SUPPRESSION)

    @property
    def sealing_context(self) -> tuple[object, ...]:
        return ("klaviyo refresh token", self.studio_id, self.pk)


class EndedConnection(models.Model):
    """When and why a studio's last connection ended; nothing that came from Klaviyo."""

    studio = models.OneToOneField(Studio, models.CASCADE, related_name="klaviyo_ended")
    cause = models.CharField(max_length=30, choices=EndCause.choices)
    at = models.DateTimeField()
    by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    confirmed = models.BooleanField(null=True)  # by Klaviyo; None where there was nothing to ask
    profile_ids_deleted = models.PositiveIntegerField(default=0)
    sync_rows_deleted = models.PositiveIntegerField(default=0)
    owners_told_at = models.DateTimeField(null=True)

    objects: ClassVar[TenantQuerySet["EndedConnection"]] = TenantQuerySet.as_manager()  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"ended: {self.cause}"

    @property
    def asks_to_reconnect(self) -> bool:
        return not EndCause(self.cause).is_ours
