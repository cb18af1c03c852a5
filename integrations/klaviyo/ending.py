"""The end of a fenced connection: wait for requests on the wire, revoke, delete in chunks.

A worker does it. It can be begun again at any point and ends with the connection's row; the studio
can connect again only then.
"""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo import locks, notices, oauth, tokens
from integrations.klaviyo.http import DEADLINE_S
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    OAuthAttempt,
    RateBudget,
    SyncEvent,
)
from integrations.sealing import CannotOpen, keyring

logger = logging.getLogger(__name__)

CHUNK_ROWS = 500
TURN_S = 30  # a worker's turn, renewed with each chunk; then another may take over
REVOKE_WITHIN_S = 10.0
REVOKE_PAUSE_S = 0.5


class Gone(Exception):
    """Somebody else has come to the end of it."""


def finish(connection: Connection) -> bool:
    """Delete a fenced connection and all that came with it; False where it isn't time yet.

    Begun again by the sweep wherever it was interrupted.
    """
    if not _my_turn(connection):
        return False
    connection.refresh_from_db()  # others may have come half way since the caller read it
    if ClientSync.objects.of(connection).leased().exists():
        _give_turn_back(connection)  # a request may still be on the wire
        return False
    if connection.refresh_token:
        _forget_grant(connection)
    try:
        _delete_rows(connection)
        _bury(connection)
    except Gone:
        return False
    notices.tell_owners(connection.studio)
    return True


def _my_turn(connection: Connection) -> bool:
    free = Q(finishing_until=None) | Q(finishing_until__lt=Now())
    fenced = Connection.objects.fenced().filter(free, pk=connection.pk)
    return bool(fenced.update(finishing_until=_turns_end()))


def _turns_end() -> Any:
    return Now() + timedelta(seconds=TURN_S)


def _give_turn_back(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(finishing_until=None)


def _forget_grant(connection: Connection) -> None:
    """Revoke where the end is ours, and whatever Klaviyo answered, forget who it was."""
    confirmed = None
    if EndCause(connection.end_cause).is_ours:
        confirmed = _revoke(_last_refresh_token(connection))
    Connection.objects.filter(pk=connection.pk).update(
        refresh_token="",
        account_id=None,
        account_name="",
        granted_scopes="",
        revoke_confirmed=confirmed,
    )
    connection.revoke_confirmed = confirmed


def _last_refresh_token(connection: Connection) -> str | None:
    """The token as a refresh under way leaves it; after this none begins. One that hangs is not
    waited for any longer: it can't store what it gets any more."""
    with transaction.atomic():
        locks.lock(tokens.REFRESH_LOCK, connection.pk, within=timedelta(seconds=DEADLINE_S + 2))
        sealed = Connection.objects.values_list("refresh_token", flat=True).get(pk=connection.pk)
    try:
        return keyring().open(sealed, *connection.sealing_context)
    except CannotOpen:
        logger.error("a refresh token can't be opened", extra={"connection": connection.pk})
        return None


def _revoke(refresh_token: str | None) -> bool:
    """Whether Klaviyo confirmed; tried again only where that still fits into the time."""
    if refresh_token is None:
        return False
    last_start = time.monotonic() + REVOKE_WITHIN_S - DEADLINE_S
    while True:
        try:
            oauth.revoke(refresh_token)
            return True
        except oauth.OAuthUnavailable as error:
            logger.warning("revoke: %s", error)
        if time.monotonic() + REVOKE_PAUSE_S > last_start:
            return False
        time.sleep(REVOKE_PAUSE_S)


def _delete_rows(connection: Connection) -> None:
    """Everything that came from Klaviyo, in chunks that never block the desk."""
    ended = _ended(connection)
    while _delete_chunk(connection, SyncEvent.objects.filter(connection=connection)):
        pass
    while count := _delete_chunk(connection, ClientSync.objects.of(connection)):
        _count(ended, sync_rows_deleted=F("sync_rows_deleted") + count)
    while count := _unbind_chunk(connection):
        _count(ended, profile_ids_deleted=F("profile_ids_deleted") + count)


@transaction.atomic
def _delete_chunk(connection: Connection, rows: QuerySet[Any]) -> int:
    _stay(connection)
    pks = rows.values("pk")[:CHUNK_ROWS]
    deleted: int = rows.model._default_manager.filter(pk__in=pks).delete()[0]
    return deleted


@transaction.atomic
def _unbind_chunk(connection: Connection) -> int:
    _stay(connection)
    clients = Client.objects.for_studio(connection.studio)
    bound = clients.exclude(klaviyo_profile_id=None).order_by("pk").select_for_update(of=("self",))
    pks = list(bound.values_list("pk", flat=True)[:CHUNK_ROWS])
    return clients.filter(pk__in=pks).update(klaviyo_profile_id=None)


def _stay(connection: Connection) -> None:
    """Keep the connection until this transaction ends, and with it the next one out: nothing of
    the next is taken for this one's. Raises `Gone` where somebody else has buried it."""
    if not Connection.objects.filter(pk=connection.pk).update(finishing_until=_turns_end()):
        raise Gone


@transaction.atomic
def _ended(connection: Connection) -> EndedConnection:
    _stay(connection)
    what = {
        "cause": connection.end_cause,
        "at": connection.fenced_at,
        "by": connection.fenced_by,
        "confirmed": connection.revoke_confirmed,
    }
    return EndedConnection.objects.get_or_create(studio=connection.studio, defaults=what)[0]


def _count(ended: EndedConnection, **counts: Any) -> None:
    EndedConnection.objects.filter(pk=ended.pk).update(**counts)


@transaction.atomic
def _bury(connection: Connection) -> None:
    _stay(connection)
    RateBudget.objects.filter(connection=connection).delete()
    OAuthAttempt.objects.filter(studio=connection.studio).delete()
    Connection.objects.filter(pk=connection.pk).delete()
    logger.info("connection deleted", extra={"connection": connection.pk})
