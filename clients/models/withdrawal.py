"""An address that said no to its studio: consent that outlives the client row."""

import hashlib
import hmac

from django.db import models
from django.utils import timezone

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
        if email:
            cls.objects.get_or_create(studio=studio, address_hash=hash_address(studio, email))

    @classmethod
    def stands(cls, studio: Studio, email: str) -> bool:
        return cls.objects.filter(studio=studio, address_hash=hash_address(studio, email)).exists()

    @classmethod
    def lift(cls, studio: Studio, email: str) -> None:
        cls.objects.filter(studio=studio, address_hash=hash_address(studio, email)).delete()


def same_address(email: str) -> str:
    """The form in which two spellings of one address are equal."""
    return email.strip().lower()


def hash_address(studio: Studio, email: str) -> str:
    key = bytes(studio.withdrawal_key)
    return hmac.new(key, same_address(email).encode(), hashlib.sha256).hexdigest()
