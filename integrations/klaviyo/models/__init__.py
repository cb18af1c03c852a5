"""What Junocal knows of Klaviyo. All of it dies with its connection, but when and why it ended."""

from integrations.klaviyo.models.connection import Connection, EndCause, EndedConnection
from integrations.klaviyo.models.exposure import Exposure
from integrations.klaviyo.models.inbound import OAuthAttempt, WebhookReceipt
from integrations.klaviyo.models.rate_limit import RateLimit
from integrations.klaviyo.models.sync import ClientSync, Priority, SyncEvent
from integrations.klaviyo.models.tally import Tally
from integrations.klaviyo.models.work import KlaviyoHealth, PeriodicJob, Turn, Wakeup, Worker

__all__ = [
    "ClientSync",
    "Connection",
    "EndCause",
    "EndedConnection",
    "Exposure",
    "KlaviyoHealth",
    "OAuthAttempt",
    "PeriodicJob",
    "Priority",
    "RateLimit",
    "SyncEvent",
    "Tally",
    "Turn",
    "Wakeup",
    "WebhookReceipt",
    "Worker",
]
