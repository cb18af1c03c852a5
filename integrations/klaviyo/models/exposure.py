"""What may exist at Klaviyo because of us: addresses, the profiles that hold them, and doubts."""

from typing import ClassVar, Self

from django.contrib.postgres.fields import ArrayField
from django.db import models
from django.db.models import Q

from integrations.klaviyo.models.connection import Connection
from integrations.klaviyo.models.sync import ClientSync


class ExposureQuerySet(models.QuerySet["Exposure"]):
    def of(self, connection: Connection) -> Self:
        return self.filter(connection=connection)

    def ours(self, profile_id: str) -> Self:
        """Where we made or wrote this profile, whoever's it is now."""
        return self.filter(profile_id=profile_id, is_written=True)


class Exposure(models.Model):
    """One address in one spelling that may stand at Klaviyo because of one client.

    It is written before the request leaves that may put it there, and goes only when that provably
    did not happen, or when its profile is confirmed elsewhere. A suppression covers all exposures
    of its client. The doubt that an unknown outcome leaves belongs to the profile: whoever takes
    the profile over has to push once more after it.
    """

    # Both keys are covered by the indexes below.
    connection = models.ForeignKey(Connection, models.CASCADE, related_name="+", db_index=False)
    # None when its client was deleted: then only the profile is remembered, as one of ours.
    sync = models.ForeignKey(
        ClientSync, models.SET_NULL, null=True, related_name="exposures", db_index=False
    )
    address = models.CharField(max_length=254, blank=True)  # as `Client.address`
    spelling = models.CharField(max_length=254, blank=True)  # as sent, or as returned
    profile_id = models.CharField(max_length=64, null=True)  # noqa: DJ001 (null: not known)
    is_confirmed = models.BooleanField(db_default=False)  # Klaviyo told that it stands there
    is_written = models.BooleanField(db_default=True)  # by us; else it was only found there
    # Of a deleted client: which of the profile's fields are ours to clear.
    sent_fields = ArrayField(models.CharField(max_length=20), db_default=[], default=list)
    is_owed = models.BooleanField(db_default=False)  # to suppress once its holder has left it
    in_flight = models.UUIDField(null=True)  # the lease whose request may be on its way
    in_flight_until = models.DateTimeField(null=True)
    unknown_until = models.DateTimeField(null=True)  # by then a lost request has arrived or won't

    objects: ClassVar[ExposureQuerySet] = ExposureQuerySet.as_manager()  # type: ignore[assignment]

    class Meta:
        constraints = [
            models.UniqueConstraint(
                fields=["sync", "spelling", "profile_id"],
                condition=Q(sync__isnull=False),
                nulls_distinct=False,
                name="klaviyo_exposure_is_one_a_spelling_and_profile",
            ),
            models.CheckConstraint(
                condition=Q(in_flight__isnull=True, in_flight_until__isnull=True)
                | Q(in_flight__isnull=False, in_flight_until__isnull=False),
                name="klaviyo_exposure_in_flight_has_an_end",
            ),
        ]
        indexes = [
            models.Index("connection", "address", name="klaviyo_exposure_address"),
            models.Index("connection", "profile_id", name="klaviyo_exposure_profile"),
            models.Index("connection", condition=Q(is_owed=True), name="klaviyo_exposure_owed"),
        ]

    def __str__(self) -> str:
        return f"exposure {self.pk}"
