"""A studio's grant from a Klaviyo account, and what is left of it when it has ended."""

import uuid
from typing import ClassVar, Self

from django.db import models
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from integrations.klaviyo.operations import SUPPRESSION_SCOPE
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


class ConnectionQuerySet(TenantQuerySet["Connection"]):
    def live(self) -> Self:
        return self.filter(fenced_at=None)

    def fenced(self) -> Self:
        return self.exclude(fenced_at=None)

    def pause(self) -> bool:
        return bool(self.filter(paused_at=None).update(paused_at=Now()))

    def resume(self) -> bool:
        return bool(self.exclude(paused_at=None).update(paused_at=None))

    def accept_again(self) -> None:
        """An owner says that what Klaviyo refused us is mended."""
        self.update(refused_at=None, refused_reason="")


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
    connected_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    connected_at = models.DateTimeField(default=timezone.now)
    refresh_started_at = models.DateTimeField(null=True)  # still set: the last one was interrupted
    refreshed_at = models.DateTimeField(null=True)
    phase = models.CharField(max_length=20, choices=Phase.choices, default=Phase.OPT_OUTS)
    seeded_up_to = models.BigIntegerField(default=0)  # the last client's key within the phase
    paused_at = models.DateTimeField(null=True)
    refused_at = models.DateTimeField(null=True)  # Klaviyo accepts no profiles: for the owner
    refused_reason = models.CharField(max_length=30, choices=Reason.choices, blank=True)
    trial_wanted_at = models.DateTimeField(null=True)
    tried_at = models.DateTimeField(null=True)
    trial_result = models.CharField(max_length=30, blank=True)
    fenced_at = models.DateTimeField(null=True)
    fenced_by = models.ForeignKey(User, models.SET_NULL, null=True, related_name="+")
    end_cause = models.CharField(max_length=30, choices=EndCause.choices, blank=True)
    finishing_until = models.DateTimeField(null=True)  # a worker is at it
    revoke_confirmed = models.BooleanField(null=True)

    objects: ClassVar[ConnectionQuerySet] = ConnectionQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint("account_id", name="klaviyo_account_serves_one_studio"),
            models.CheckConstraint(
                condition=Q(fenced_at__isnull=False) | ~Q(refresh_token="") & Q(account_id__gt=""),
                name="klaviyo_connection_is_whole_until_fenced",
            ),
            models.CheckConstraint(
                condition=Q(fenced_at__isnull=True, end_cause="")
                | Q(fenced_at__isnull=False) & ~Q(end_cause=""),
                name="klaviyo_fence_has_a_cause",
            ),
        ]

    def __str__(self) -> str:
        return f"connection {self.pk}"

    @property
    def is_fenced(self) -> bool:
        return self.fenced_at is not None

    @property
    def is_paused(self) -> bool:
        return self.paused_at is not None

    @property
    def is_refused(self) -> bool:
        return self.refused_at is not None

    @property
    def may_suppress(self) -> bool:
        return SUPPRESSION_SCOPE in self.granted_scopes.split()

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
