"""The life of a connection: connect, fence, finish. One function for every way it can end.

The fence is one committed write; after it no request starts and no mark is made. Everything else
(wait for requests on the wire, revoke, delete in chunks) is done by a worker, can be begun again
at any point, and ends with the connection's row.
"""

import logging
import time
import uuid
from datetime import timedelta
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo import locks, notices, oauth, outbox, rings, tokens
from integrations.klaviyo.api import Account
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
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.reasons import Reason
from integrations.sealing import CannotOpen, keyring
from studios.access import require_owner
from studios.models import Studio, User
from studios.tenancy import take

logger = logging.getLogger(__name__)

CHUNK_ROWS = 500
FINISHING_S = 30  # a worker's turn at finishing; then another may take over
REVOKE_WITHIN_S = 10.0
REVOKE_PAUSE_S = 0.5


class AlreadyConnected(Exception):
    """The studio has a connection, or one that is still being deleted."""


class AccountTaken(Exception):
    """Another studio is connected to this Klaviyo account."""


class AnotherAccount(Exception):
    """A second consent came from another account than the connected one."""


@transaction.atomic
def connect(studio: Studio, user: User, account: Account, grant: Grant) -> Connection:
    """Store the grant and begin the backfill. Waits for edits under way: those after see it."""
    take(studio.pk)
    require_owner(studio, user)
    if Connection.objects.for_studio(studio).exists():
        raise AlreadyConnected
    connection = Connection(
        id=uuid.uuid4(),
        studio=studio,
        account_id=account.id,
        account_name=account.name,
        granted_scopes=" ".join(sorted(grant.scopes)),
        connected_by=user,
    )
    connection.refresh_token = keyring().seal(grant.refresh_token, *connection.sealing_context)
    try:
        with transaction.atomic():
            connection.save(force_insert=True)
    except IntegrityError as error:
        raise AccountTaken from error
    EndedConnection.objects.for_studio(studio).delete()
    rings.ring(studio.pk)
    return connection


@transaction.atomic
def widen(studio: Studio, user: User, account: Account, grant: Grant) -> None:
    """Take the grant of a second consent; waiting opt-outs go first. The old one is dropped, not
    revoked: revoking would uninstall the app with the new one."""
    take(studio.pk)
    require_owner(studio, user)
    connection = Connection.objects.for_studio(studio).live().select_for_update().first()
    if connection is None or connection.account_id != account.id:
        raise AnotherAccount
    connection.refresh_token = keyring().seal(grant.refresh_token, *connection.sealing_context)
    connection.granted_scopes = " ".join(sorted(grant.scopes))
    connection.grant_serial += 1
    connection.refresh_started_at = None
    connection.save(
        update_fields=["refresh_token", "granted_scopes", "grant_serial", "refresh_started_at"]
    )
    outbox.again(ClientSync.objects.of(connection).opt_outs_waiting())
    rings.ring(connection.studio_id)


@transaction.atomic
def fence(connection: Connection, cause: EndCause, by: User | None = None) -> bool:
    """End the connection: nothing starts after this commits. False where it had ended already."""
    take(connection.studio_id)
    fenced = (
        Connection.objects.live()
        .filter(pk=connection.pk)
        .update(fenced_at=Now(), fenced_by=by, end_cause=cause)
    )
    if fenced:
        logger.info("connection fenced: %s", cause, extra={"connection": connection.pk})
        rings.ring(connection.studio_id)
    return bool(fenced)


def refuse(connection: Connection, reason: Reason) -> None:
    """Klaviyo takes no profiles for this grant: stop pushing until an owner has looked."""
    Connection.objects.live().filter(pk=connection.pk, refused_at=None).update(
        refused_at=Now(), refused_reason=reason
    )


def finish(connection: Connection) -> bool:
    """Delete a fenced connection and all that came with it; False where it isn't time yet.

    Begun again by the sweep wherever it was interrupted.
    """
    if not _my_turn(connection):
        return False
    if ClientSync.objects.of(connection).leased().exists():
        _give_turn_back(connection)  # a request may still be on the wire
        return False
    if connection.refresh_token:
        _forget_grant(connection)
    _delete_rows(connection)
    _bury(connection)
    notices.tell_owners(connection.studio)
    return True


def _my_turn(connection: Connection) -> bool:
    free = Q(finishing_until=None) | Q(finishing_until__lt=Now())
    turn = Now() + timedelta(seconds=FINISHING_S)
    mine = Connection.objects.fenced().filter(free, pk=connection.pk).update(finishing_until=turn)
    return bool(mine)


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
    """The token as a refresh under way leaves it; after this none begins."""
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
    while _delete_chunk(SyncEvent.objects.filter(connection=connection)):
        pass
    while count := _delete_chunk(ClientSync.objects.of(connection)):
        _count(ended, sync_rows_deleted=F("sync_rows_deleted") + count)
    while count := _unbind_chunk(connection.studio):
        _count(ended, profile_ids_deleted=F("profile_ids_deleted") + count)


def _delete_chunk(rows: QuerySet[Any]) -> int:
    pks = rows.values("pk")[:CHUNK_ROWS]
    deleted: int = rows.model._default_manager.filter(pk__in=pks).delete()[0]
    return deleted


@transaction.atomic
def _unbind_chunk(studio: Studio) -> int:
    clients = Client.objects.for_studio(studio)
    bound = clients.exclude(klaviyo_profile_id=None).order_by("pk").select_for_update(of=("self",))
    pks = list(bound.values_list("pk", flat=True)[:CHUNK_ROWS])
    return clients.filter(pk__in=pks).update(klaviyo_profile_id=None)


def _ended(connection: Connection) -> EndedConnection:
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
    RateBudget.objects.filter(connection=connection).delete()
    OAuthAttempt.objects.filter(studio=connection.studio).delete()
    Connection.objects.filter(pk=connection.pk).delete()
    logger.info("connection deleted", extra={"connection": connection.pk})
