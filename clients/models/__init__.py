"""The clients of a studio, their history, and the addresses that opted out."""

from clients.models.address import hash_address, same_address
from clients.models.client import Client
from clients.models.client_queryset import ClientQuerySet
from clients.models.consent_source import ConsentSource
from clients.models.event import ClientEvent
from clients.models.kept_counts import KeptCounts
from clients.models.run import ImportChunk, Run, RunRow
from clients.models.sent_address import SentAddress
from clients.models.welcome import Welcome
from clients.models.withdrawal import Withdrawal

__all__ = [
    "Client",
    "ClientEvent",
    "ClientQuerySet",
    "ConsentSource",
    "ImportChunk",
    "KeptCounts",
    "Run",
    "RunRow",
    "SentAddress",
    "Welcome",
    "Withdrawal",
    "hash_address",
    "same_address",
]
