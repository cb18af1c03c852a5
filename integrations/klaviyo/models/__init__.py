"""What Junocal knows of Klaviyo. All of it dies with its connection, but when and why it ended."""

from integrations.klaviyo.models.budget import RateBudget
from integrations.klaviyo.models.connection import Connection, EndCause, EndedConnection
from integrations.klaviyo.models.door import OAuthAttempt, WebhookReceipt
from integrations.klaviyo.models.sync import ClientSync, Priority, SyncEvent

__all__ = [
    "ClientSync",
    "Connection",
    "EndCause",
    "EndedConnection",
    "OAuthAttempt",
    "Priority",
    "RateBudget",
    "SyncEvent",
    "WebhookReceipt",
]
