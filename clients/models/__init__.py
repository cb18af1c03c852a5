"""Whom: the clients of a studio, what became of them, and the addresses that said no."""

from clients.models.client import Client, ClientQuerySet
from clients.models.door import Door
from clients.models.event import ClientEvent
from clients.models.welcome import Welcome
from clients.models.withdrawal import Withdrawal, hash_address, same_address

__all__ = [
    "Client",
    "ClientEvent",
    "ClientQuerySet",
    "Door",
    "Welcome",
    "Withdrawal",
    "hash_address",
    "same_address",
]
