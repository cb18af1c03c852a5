"""What comes in from outside: the way back from consent, and events."""

from django.db import models
from django.utils import timezone

from studios.models import Studio, User


class OAuthAttempt(models.Model):
    """One way to Klaviyo and back: its state is random, single use, and lives for ten minutes."""

    state_hash = models.CharField(max_length=64, unique=True)
    session_hash = models.CharField(max_length=64)
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="+")
    user = models.ForeignKey(User, models.CASCADE, related_name="+")
    feature = models.CharField(max_length=30, blank=True)  # a key of FEATURES; blank: to connect
    scopes = models.TextField()
    verifier = models.TextField()  # sealed
    created_at = models.DateTimeField(default=timezone.now)
    used_at = models.DateTimeField(null=True)

    def __str__(self) -> str:
        return f"attempt {self.pk}"

    @property
    def sealing_context(self) -> tuple[object, ...]:
        return ("klaviyo code verifier", self.state_hash)


class WebhookReceipt(models.Model):
    """An event that had its effect: seen again, it does nothing."""

    account_hash = models.CharField(max_length=64)
    event_id = models.CharField(max_length=128)
    received_at = models.DateTimeField(default=timezone.now)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "account_hash", "event_id", name="klaviyo_event_has_one_receipt"
            ),
        ]

    def __str__(self) -> str:
        return f"receipt {self.pk}"
