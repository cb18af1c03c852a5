"""Sealing what is stored under the first key of `TOKEN_ENCRYPTION_KEYS`, while the app serves.

Each text is replaced by compare-and-set, a refresh token under the lock of its renewal too: else
a renewed token would find its row changed, and be dropped.
"""

from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import QuerySet
from django.db.models.functions import Now

from integrations import locks
from integrations.http import DEADLINE_S
from integrations.klaviyo.api import access_tokens
from integrations.klaviyo.connection.authorization import LIFE
from integrations.klaviyo.models import Connection, OAuthAttempt
from integrations.sealing import CannotOpenError, keyring


@dataclass
class Tally:
    """How many texts were sealed, busy, or closed to us."""

    sealed: int = 0  # anew, under the first key
    busy: int = 0  # being renewed or replaced just now: run again
    closed: int = 0  # no key opens it: left as it is


def tokens_left() -> QuerySet[Connection]:
    """Connections whose refresh token lies under another key, those being ended included."""
    kept = Connection.objects.exclude(refresh_token="")
    return kept.exclude(refresh_token__startswith=keyring().heading)


def verifiers_left() -> QuerySet[OAuthAttempt]:
    """Attempts that may still come back, with a verifier under another key."""
    pending = OAuthAttempt.objects.filter(used_at=None, created_at__gt=Now() - LIFE)
    return pending.exclude(verifier__startswith=keyring().heading)


def reseal_tokens() -> Tally:
    tally = Tally()
    for pk in list(tokens_left().values_list("pk", flat=True)):
        with transaction.atomic():
            free = locks.lock(
                access_tokens.REFRESH_LOCK, pk, within=timedelta(seconds=DEADLINE_S + 2)
            )
            connection = tokens_left().filter(pk=pk).first()
            if not free:
                tally.busy += 1
            elif connection:
                same = Connection.objects.filter(refresh_token=connection.refresh_token)
                reseal(connection, "refresh_token", same, tally)
    return tally


def reseal_verifiers() -> Tally:
    tally = Tally()
    for attempt in list(verifiers_left()):
        same = OAuthAttempt.objects.filter(verifier=attempt.verifier)
        reseal(attempt, "verifier", same, tally)
    return tally


def reseal(row: Connection | OAuthAttempt, column: str, same: QuerySet[Any], tally: Tally) -> None:
    """Seal the text anew, if the row is still among `same`: those with the text that was read."""
    keys, context = keyring(), row.sealing_context
    try:
        sealed = keys.seal(keys.open(getattr(row, column), *context), *context)
    except CannotOpenError:
        tally.closed += 1
        return
    changed = same.filter(pk=row.pk).update(**{column: sealed})
    tally.sealed += changed
    tally.busy += 1 - changed
