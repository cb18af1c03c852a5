"""The life of a connection: connect, widen, fence. One function for every way it can end.

The fence is one committed write; after it no request starts and no mark is made. What is left to
do then is in `ending`.
"""

import logging
import uuid

from django.db import IntegrityError, transaction
from django.db.models.functions import Now

from integrations.klaviyo import outbox, rings
from integrations.klaviyo.api import Account
from integrations.klaviyo.models import ClientSync, Connection, EndCause, EndedConnection
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.reasons import Reason
from integrations.sealing import keyring
from studios.access import require_owner
from studios.models import Studio, User
from studios.tenancy import take

logger = logging.getLogger(__name__)


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
    Connection.objects.filter(pk=connection.pk).accept_again()
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
    """Klaviyo takes no profiles for this grant: stop pushing until an owner has looked. A grant
    that was replaced meanwhile says nothing about the new one."""
    same = Connection.objects.live().filter(pk=connection.pk, grant_serial=connection.grant_serial)
    same.filter(refused_at=None).update(refused_at=Now(), refused_reason=reason)
