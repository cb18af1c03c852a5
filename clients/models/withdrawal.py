"""An address that opted out of its studio's emails: consent that outlives the client row."""

from collections.abc import Collection

from django.db import models
from django.utils import timezone

from clients.models.address import all_hashes, hash_address
from studios.models import Studio


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
    def record(cls, studio: Studio, email: str) -> None:
        """Remember that this address opted out; fine to do twice, and for no address."""
        if email:
            cls.record_hashes(studio, {hash_address(studio, email)})

    @staticmethod
    def record_hashes(studio: Studio, hashes: Collection[str]) -> None:
        # In one order: two at once, of people who share addresses, would block each other.
        rows = [Withdrawal(studio=studio, address_hash=hashed) for hashed in sorted(hashes)]
        Withdrawal.objects.bulk_create(rows, ignore_conflicts=True)

    @classmethod
    def stands(cls, studio: Studio, email: str) -> bool:
        """True if this address opted out and has not agreed since."""
        hashes = all_hashes(studio, email)
        return cls.objects.filter(studio=studio, address_hash__in=hashes).exists()

    @classmethod
    def lift(cls, studio: Studio, hashes: Collection[str]) -> None:
        cls.objects.filter(studio=studio, address_hash__in=hashes).delete()
