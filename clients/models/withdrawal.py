"""An address that opted out of its studio's emails: consent that outlives the client row."""

from collections.abc import Collection

from django.db import connection, models
from django.utils import timezone

from clients.models.address import all_hashes, hash_address
from studios.models import Studio

RECORD = """
INSERT INTO clients_withdrawal (studio_id, address_hash, at)
SELECT %s, hashed, %s FROM unnest(%s::text[]) AS hashed
    ON CONFLICT DO NOTHING
RETURNING address_hash
"""


class Withdrawal(models.Model):
    """Kept as an HMAC-SHA256 of the address under the studio's own key, which never changes."""

    studio = models.ForeignKey(Studio, models.CASCADE, related_name="withdrawals")
    address_hash = models.CharField(max_length=64)
    at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "studio", "address_hash", name="withdrawal_is_recorded_once_in_a_studio"
            ),
        ]

    def __str__(self) -> str:
        return f"withdrawal {self.pk} of studio {self.studio_id}"

    @classmethod
    def record(cls, studio: Studio, email: str) -> set[str]:
        """Remember that this address opted out; fine to do twice, and for no address. Its hash, if
        that was not recorded yet."""
        return cls.record_hashes(studio, {hash_address(studio, email)} if email else set())

    @staticmethod
    def record_hashes(studio: Studio, hashes: Collection[str]) -> set[str]:
        """Those of them that were not recorded yet."""
        # In one order: two at once, of people who share addresses, would block each other.
        with connection.cursor() as cursor:
            cursor.execute(RECORD, [studio.pk, timezone.now(), sorted(hashes)])
            return {hashed for (hashed,) in cursor.fetchall()}

    @classmethod
    def stands(cls, studio: Studio, email: str) -> bool:
        """True if this address opted out and has not agreed since."""
        return bool(cls.standing(studio, all_hashes(studio, email)))

    @classmethod
    def standing(cls, studio: Studio, hashes: Collection[str]) -> set[str]:
        """Those of these hashes that are withdrawn."""
        found = cls.objects.filter(studio=studio, address_hash__in=hashes)
        return set(found.values_list("address_hash", flat=True))

    @classmethod
    def lift(cls, studio: Studio, hashes: Collection[str]) -> None:
        cls.objects.filter(studio=studio, address_hash__in=hashes).delete()
