"""The end of a disconnecting connection: wait for requests on the wire, revoke, delete in chunks.

A worker does it. It can be begun again at any point and ends with the connection's row; the studio
can connect again only then.
"""

import logging
import time
from datetime import timedelta
from typing import Any

from django.db import connection as database
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now

from clients.models import Client
from integrations import locks
from integrations.crash_points import reached
from integrations.http import DEADLINE_S
from integrations.klaviyo.api import access_tokens, oauth
from integrations.klaviyo.connection import owner_emails
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    Exposure,
    OAuthAttempt,
    RateLimit,
    SyncEvent,
    Turn,
    Wakeup,
)
from integrations.klaviyo.outbox import liveness
from integrations.sealing import CannotOpenError, keyring

logger = logging.getLogger(__name__)

CHUNK_ROWS = 500
TURN_S = 30  # a worker's turn, renewed with each chunk; then another may take over
REVOKE_WITHIN_S = 10.0
REVOKE_PAUSE_S = 0.5


TAKE = f"""
UPDATE klaviyo_connection
   SET finishing_until = statement_timestamp() + make_interval(secs => %(turn_s)s),
       finishing_by = %(worker)s
 WHERE id = %(connection)s AND disconnecting_at IS NOT NULL
   AND (finishing_until IS NULL OR finishing_until < statement_timestamp()
        OR finishing_by IS NOT NULL AND {liveness.IS_DEAD.format("finishing_by")})
"""  # noqa: S608 (made of constants)


class AlreadyDeletedError(Exception):
    """Another worker has deleted this connection."""


def finish(connection: Connection) -> bool:
    """Delete a disconnecting connection and all that came with it. False if it isn't time yet.

    Begun again by the sweep wherever it was interrupted.
    """
    if not my_turn(connection):
        return False
    reached("teardown: turn taken")
    connection.refresh_from_db()  # others may have come half way since the caller read it
    if ClientSync.objects.of(connection).leased().exists():
        give_turn_back(connection)  # a request may still be on the wire
        return False
    if connection.refresh_token:
        forget_grant(connection)
        reached("teardown: grant forgotten")
    try:
        delete_rows(connection)
        reached("teardown: rows deleted")
        delete_connection(connection)
    except AlreadyDeletedError:
        return False
    reached("teardown: connection deleted")
    owner_emails.tell_owners(connection.studio)
    return True


def my_turn(connection: Connection) -> bool:
    """True if no other worker that lives is at it."""
    with database.cursor() as cursor:
        values = {"connection": connection.pk, "worker": liveness.worker_id(), "turn_s": TURN_S}
        cursor.execute(TAKE, values)
        return bool(cursor.rowcount)


def turns_end() -> Any:
    return Now() + timedelta(seconds=TURN_S)


def give_turn_back(connection: Connection) -> None:
    Connection.objects.filter(pk=connection.pk).update(finishing_until=None)


def forget_grant(connection: Connection) -> None:
    """Revoke if the end is ours; whatever Klaviyo answered, delete token and account."""
    confirmed = None
    if EndCause(connection.end_cause).is_ours:
        confirmed = revoke(last_refresh_token(connection))
        reached("teardown: grant revoked")
    Connection.objects.filter(pk=connection.pk).update(
        refresh_token="",
        account_id=None,
        account_name="",
        granted_scopes="",
        revoke_confirmed=confirmed,
    )
    connection.revoke_confirmed = confirmed


def last_refresh_token(connection: Connection) -> str | None:
    """The token as a refresh under way leaves it; after this none begins. One that hangs is not
    waited for any longer: it can't store what it gets any more."""
    with transaction.atomic():
        locks.lock(
            access_tokens.REFRESH_LOCK, connection.pk, within=timedelta(seconds=DEADLINE_S + 2)
        )
        sealed = Connection.objects.values_list("refresh_token", flat=True).get(pk=connection.pk)
    try:
        return keyring().open(sealed, *connection.sealing_context)
    except CannotOpenError:
        logger.error("a refresh token can't be opened", extra={"connection": connection.pk})
        return None


def revoke(refresh_token: str | None) -> bool:
    """True if Klaviyo confirmed; tried again only if that still fits into the time."""
    if refresh_token is None:
        return False
    last_start = time.monotonic() + REVOKE_WITHIN_S - DEADLINE_S
    while True:
        try:
            oauth.revoke(refresh_token)
            return True
        except oauth.OAuthUnavailableError as error:
            logger.warning("revoke: %s", error)
        if time.monotonic() + REVOKE_PAUSE_S > last_start:
            return False
        time.sleep(REVOKE_PAUSE_S)


def delete_rows(connection: Connection) -> None:
    """Everything that came from Klaviyo, in chunks that never block the desk."""
    ended_connection(connection)
    events = SyncEvent.objects.filter(connection=connection)
    while delete_chunk(connection, events):
        reached("teardown: chunk of events deleted")
    while delete_chunk(connection, Exposure.objects.of(connection)):
        reached("teardown: chunk of exposures deleted")
    while delete_chunk(connection, ClientSync.objects.of(connection), "sync_rows_deleted"):
        reached("teardown: chunk of rows deleted")
    while unlink_chunk(connection):
        reached("teardown: chunk of clients unlinked")


@transaction.atomic
def delete_chunk(connection: Connection, rows: QuerySet[Any], counted_as: str = "") -> int:
    renew_turn(connection)
    pks = rows.values("pk")[:CHUNK_ROWS]
    deleted: int = rows.model._default_manager.filter(pk__in=pks).delete()[0]
    if counted_as:
        add_to(connection, counted_as, deleted)
    return deleted


@transaction.atomic
def unlink_chunk(connection: Connection) -> int:
    renew_turn(connection)
    clients = Client.objects.for_studio(connection.studio)
    linked = clients.exclude(klaviyo_profile_id=None).order_by("pk").select_for_update(of=("self",))
    pks = list(linked.values_list("pk", flat=True)[:CHUNK_ROWS])
    add_to(connection, "profile_ids_deleted", len(pks))
    return clients.filter(pk__in=pks).update(klaviyo_profile_id=None)


def renew_turn(connection: Connection) -> None:
    """Keep the connection until this transaction ends, and with it the next one out: nothing of
    the next is taken for this one's. Raises `AlreadyDeletedError` if another worker was faster."""
    if not Connection.objects.filter(pk=connection.pk).update(finishing_until=turns_end()):
        raise AlreadyDeletedError


@transaction.atomic
def ended_connection(connection: Connection) -> EndedConnection:
    renew_turn(connection)
    what = {
        "cause": connection.end_cause,
        "at": connection.disconnecting_at,
        "by": connection.disconnecting_by,
        "confirmed": connection.revoke_confirmed,
    }
    return EndedConnection.objects.get_or_create(studio=connection.studio, defaults=what)[0]


def add_to(connection: Connection, count: str, number: int) -> None:
    """In the chunk's own transaction: whoever dies has counted all that is gone."""
    ended = EndedConnection.objects.for_studio(connection.studio)
    ended.update(**{count: F(count) + number})


@transaction.atomic
def delete_connection(connection: Connection) -> None:
    renew_turn(connection)
    for model in (RateLimit, Wakeup, Turn):
        model._default_manager.filter(connection=connection).delete()
    OAuthAttempt.objects.filter(studio=connection.studio).delete()
    Connection.objects.filter(pk=connection.pk).delete()
    logger.info("connection deleted", extra={"connection": connection.pk})
