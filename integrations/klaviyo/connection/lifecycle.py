"""The life of a connection: connect, add scopes, begin to disconnect (whatever the cause).

The fence is one committed write; after it no request starts and no row is enqueued. What is left
to do then is in `teardown`.
"""

import logging
import uuid
from datetime import timedelta

from django.db import IntegrityError, transaction
from django.db.models import F
from django.db.models.functions import Coalesce, Now

from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection.refusals import (
    AccountTakenError,
    AlreadyConnectedError,
    AnotherAccountError,
    ScopesChangedError,
    UnknownAttemptError,
)
from integrations.klaviyo.contract import KNOWN_SCOPES
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndCause,
    EndedConnection,
    KlaviyoHealth,
    RateLimit,
    Turn,
)
from integrations.klaviyo.models.connection import ConnectionQuerySet
from integrations.klaviyo.outbox import producer, wakeup
from integrations.klaviyo.reasons import NEEDS_ATTENTION, Reason
from integrations.sealing import keyring
from studios.access import require_owner
from studios.models import Studio, User
from studios.tenancy import lock_studio

logger = logging.getLogger(__name__)

REFUSED_TWICE_WITHIN = timedelta(minutes=10)
TRIALS_AFTER = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60))


@transaction.atomic
def connect(studio: Studio, user: User, account: Account, grant: Grant) -> Connection:
    """Store the grant and begin the backfill. Waits for edits under way: those after see it."""
    lock_studio(studio.pk)
    require_owner(studio, user)
    if Connection.objects.for_studio(studio).exists():
        raise AlreadyConnectedError
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
        raise AccountTakenError from error
    EndedConnection.objects.for_studio(studio).delete()
    Turn.objects.create(connection=connection)
    wakeup.notify(studio.pk)
    return connection


@transaction.atomic
def add_scopes(studio: Studio, user: User, account: Account, grant: Grant) -> None:
    """Take the grant of a further consent; workers send the opt-outs that waited for it. The old
    one is dropped, not revoked: revoking would uninstall the app with the new one.

    Raises `UnknownAttemptError` if there is no connection any more, `AnotherAccountError`, or
    `ScopesChangedError` if a permission in force is not in the new grant.
    """
    lock_studio(studio.pk)
    require_owner(studio, user)
    live = Connection.objects.for_studio(studio).live()
    # No key of it changes: events that are being written refer to it, and must not wait.
    connection = live.select_for_update(no_key=True).first()
    if connection is None:
        raise UnknownAttemptError
    if connection.account_id != account.id:
        raise AnotherAccountError
    if not connection.scopes & KNOWN_SCOPES <= grant.scopes:
        raise ScopesChangedError
    connection.refresh_token = keyring().seal(grant.refresh_token, *connection.sealing_context)
    connection.granted_scopes = " ".join(sorted(grant.scopes))
    connection.grant_serial += 1
    connection.refresh_started_at = None
    connection.retries_opt_outs = True
    changed = ["refresh_token", "granted_scopes", "grant_serial", "refresh_started_at"]
    connection.save(update_fields=[*changed, "retries_opt_outs"])
    Connection.objects.filter(pk=connection.pk).unsuspend()
    wakeup.wake(connection.studio_id)


def retry_opt_outs(connection: Connection) -> bool:
    """Enqueue the next of those that waited for a further consent. False if there are no more."""
    if producer.retry_some(ClientSync.objects.of(connection).opt_outs_waiting()):
        return True
    same_grant(connection).update(retries_opt_outs=False)
    return False


@transaction.atomic
def begin_disconnect(connection: Connection, cause: EndCause, by: User | None = None) -> bool:
    """Nothing of the connection starts after this commits. False if it had ended."""
    lock_studio(connection.studio_id)
    begun = (
        Connection.objects.live()
        .filter(pk=connection.pk)
        .update(disconnecting_at=Now(), disconnecting_by=by, end_cause=cause)
    )
    if begun:
        logger.info("disconnecting: %s", cause, extra={"connection": connection.pk})
        wakeup.wake(connection.studio_id)
    return bool(begun)


def refused(connection: Connection) -> None:
    """Klaviyo did not accept an access token that was got a moment ago. Once is a hiccup of its
    own; twice within minutes the grant is suspended, and tried again by itself."""
    same = same_grant(connection)
    lately = Now() - REFUSED_TWICE_WITHIN
    if same.filter(refused_at__gt=lately).exists():
        suspend(connection, Reason.NOT_ACCEPTED)
    same.update(refused_at=Now())


def suspend(connection: Connection, reason: Reason) -> None:
    """Stop pushing for a while: Klaviyo takes no profiles for this grant. It is tried again after
    1, 5, 15 and then every 60 minutes; every minute where Junocal has to be updated. A grant that
    was replaced meanwhile says nothing about the new one."""
    same = same_grant(connection)
    is_outdated = reason == Reason.OUTDATED
    if same.exclude(suspended_reason=reason).update(
        suspended_at=Coalesce("suspended_at", Now()), suspended_reason=reason
    ):
        level = logging.ERROR if is_outdated else logging.WARNING
        logger.log(level, "suspended: %s", reason, extra={"connection": connection.pk})
    step = 0 if is_outdated else min(connection.suspended_trials, len(TRIALS_AFTER) - 1)
    same.update(
        suspended_until=Now() + TRIALS_AFTER[step], suspended_trials=F("suspended_trials") + 1
    )


@transaction.atomic
def resume(studio: Studio) -> bool:
    """Push again after a pause. False if it wasn't paused."""
    resumed = Connection.objects.for_studio(studio).live().resume()
    if resumed:
        wakeup.wake(studio.pk)
    return resumed


def retry_all(studio: Studio, *, reason: str = "") -> None:
    """Everything that needs attention is tried once more, opt-outs and the connection included; of
    the clients only those with this `reason`, if one is given."""
    with transaction.atomic():
        Connection.objects.for_studio(studio).live().unsuspend()
        wakeup.wake(studio.pk)
    rows = ClientSync.objects.for_studio(studio).needing_attention()
    producer.retry_all(rows.filter(reason=reason) if reason in NEEDS_ATTENTION else rows)


def try_now(studio: Studio) -> None:
    """Klaviyo did not answer, and an owner doesn't wait for the next try. What Klaviyo asked us to
    wait for is waited for all the same. Each step stands by itself, so that no lock is held for
    the next."""
    connection = Connection.objects.for_studio(studio).live().first()
    if connection is None:
        return
    producer.hasten(ClientSync.objects.of(connection).unsettled())
    silent = RateLimit.objects.filter(connection=connection, block=RateLimit.Block.NOT_ANSWERING)
    silent.update(blocked_until=Now())
    KlaviyoHealth.objects.exclude(down_since=None).update(probe_at=Now())
    wakeup.wake(studio.pk)


def accepted(connection: Connection) -> None:
    """A suspended grant was tried, and Klaviyo took a profile."""
    if same_grant(connection).exclude(suspended_at=None).unsuspend():
        logger.warning("accepted again", extra={"connection": connection.pk})


def same_grant(connection: Connection) -> ConnectionQuerySet:
    return Connection.objects.live().filter(pk=connection.pk, grant_serial=connection.grant_serial)
