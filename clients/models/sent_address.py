"""Where a client was ever emailed or pushed: what a withdrawal of theirs covers.

Rows name their client by a hash of its unsubscribe token alone, so that nothing has to be done
when the client is deleted, by whatever code: the link in the emails it got finds them still.
"""

import hashlib
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING

from django.db import models

from clients.models.address import hash_address
from studios.models import Studio

if TYPE_CHECKING:  # the client asks for its rows
    from clients.models.client import Client


class SentAddress(models.Model):
    """An address to which something was sent, as `Withdrawal` keeps it; never in clear."""

    # No constraint in the database: its check would lock the studio, and the sync inserts rows
    # while it holds others (lock order).
    studio = models.ForeignKey(Studio, models.CASCADE, related_name="+", db_constraint=False)
    token_hash = models.CharField(max_length=64)  # SHA-256 of the client's unsubscribe token
    address_hash = models.CharField(max_length=64)

    class Meta:
        constraints = [
            models.UniqueConstraint(
                "token_hash", "address_hash", name="sent_address_is_recorded_once_of_a_client"
            ),
        ]

    def __str__(self) -> str:
        return f"sent address {self.pk} of studio {self.studio_id}"

    @staticmethod
    def record(client: "Client", email: str) -> None:
        """Before something is sent there; fine to do twice, and for no address."""
        if email:
            row = SentAddress(
                studio_id=client.studio_id,
                token_hash=hash_token(client.unsubscribe_token),
                address_hash=hash_address(client.studio, email),
            )
            SentAddress.objects.bulk_create([row], ignore_conflicts=True)

    @classmethod
    def hashes_of(cls, token: str) -> set[str]:
        rows = cls.objects.filter(token_hash=hash_token(token))
        return set(rows.values_list("address_hash", flat=True))

    @classmethod
    def hashes_by_client(cls, clients: "Iterable[Client]") -> "dict[Client, set[str]]":
        """Of many clients at once; those without any are left out."""
        by_token = {hash_token(client.unsubscribe_token): client for client in clients}
        rows = cls.objects.filter(token_hash__in=by_token)
        hashes: dict[Client, set[str]] = defaultdict(set)
        for token_hash, address_hash in rows.values_list("token_hash", "address_hash"):
            hashes[by_token[token_hash]].add(address_hash)
        return hashes

    @classmethod
    def studio_of(cls, token: str) -> Studio | None:
        """The studio whose emails carry this token, also of a client who is deleted."""
        rows = cls.objects.filter(token_hash=hash_token(token)).select_related("studio")
        sent = rows.first()
        return sent.studio if sent else None


def hash_token(token: str) -> str:
    return hashlib.sha256(token.encode()).hexdigest()
