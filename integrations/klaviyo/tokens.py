"""The access token: from this process's memory, or refreshed, one at a time across all processes.

Only workers come here. Whatever refresh token comes back is sealed and stored before its access
token is used. Access tokens are written nowhere.
"""

import logging
import threading
import time
import uuid
from dataclasses import dataclass, field

from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now

from integrations.klaviyo import budgets, oauth
from integrations.klaviyo.answers import Throttled, Trouble
from integrations.klaviyo.locks import try_lock
from integrations.klaviyo.models import Connection, EndCause
from integrations.klaviyo.oauth import Grant
from integrations.sealing import CannotOpen, keyring

logger = logging.getLogger(__name__)

EXPIRY_MARGIN_S = 60  # an access token isn't used in its last minute
FRESH_S = 60  # a token this young is not refused for its age
REFRESH_BUSY_WAIT_S = 0.3
REFRESH_LOCK = "klaviyo refresh"

GrantKey = tuple[uuid.UUID, int]


class GrantRevoked(Trouble):
    """Klaviyo ended the grant; `cause` says what the owner is told."""

    def __init__(self, cause: EndCause) -> None:
        super().__init__(cause)
        self.cause = cause


class NotAnswering(Throttled):
    """Klaviyo was asked just now and gave no usable answer."""


class Sealed(Trouble):
    """The stored refresh token can't be opened: for the operator. Nothing is changed."""


class Fenced(Trouble):
    """The connection has ended: nothing more is sent."""


@dataclass(eq=False)
class AccessToken:
    text: str = field(repr=False)
    good_until: float  # on this process's monotonic clock
    fresh_until: float = 0.0
    accepted: bool = False  # by Klaviyo, once at least

    @property
    def is_good(self) -> bool:
        return time.monotonic() < self.good_until

    @property
    def is_fresh(self) -> bool:
        """Got a moment ago and never accepted: refused, it is not for its age."""
        return not self.accepted and time.monotonic() < self.fresh_until


class Memory:
    """Access tokens of this process, by grant, so that an old connection's is never a new one's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[GrantKey, AccessToken] = {}

    def get(self, key: GrantKey) -> AccessToken | None:
        with self._lock:
            token = self._tokens.get(key)
        return token if token and token.is_good else None

    def put(self, key: GrantKey, grant: Grant) -> AccessToken:
        life_s = max(grant.expires_in_s - EXPIRY_MARGIN_S, 1)
        now = time.monotonic()
        token = AccessToken(grant.access_token, now + life_s, fresh_until=now + FRESH_S)
        with self._lock:
            self._tokens = {k: t for k, t in self._tokens.items() if t.is_good} | {key: token}
        return token

    def drop(self, key: GrantKey, token: AccessToken) -> None:
        """Forget this token, unless a fresher one took its place."""
        with self._lock:
            if self._tokens.get(key) is token:
                del self._tokens[key]


memory = Memory()


def access_token(connection: Connection) -> AccessToken:
    """A good access token; raises `Throttled` where a refresh is under way or must wait, and
    `GrantRevoked`, `Fenced`, `Sealed`, or `oauth.ConfigurationRefused`."""
    held = memory.get(_key(connection))
    if held:
        return held
    try:
        return refresh(connection, anew=False)
    except Throttled:
        held = memory.get(_key(connection))  # another thread's, by now
        if held:
            return held
        raise


def reject(connection: Connection, token: AccessToken) -> None:
    """Klaviyo answered 401 to this one."""
    memory.drop(_key(connection), token)


def refresh(connection: Connection, *, anew: bool = True) -> AccessToken:
    """Renew the grant's access token, single-flight across all processes.

    `anew` asks Klaviyo even where a good token is held: that is how a grant is tried.
    """
    interrupted = _announce(connection)
    try:
        token = _exchange(connection, anew=anew)
    except oauth.GrantDead as error:
        if _changed(connection):
            raise Throttled(REFRESH_BUSY_WAIT_S) from error
        cause = EndCause.RENEWAL_INTERRUPTED if interrupted else EndCause.GRANT_DEAD
        raise GrantRevoked(cause) from error
    except oauth.OAuthUnavailable as error:
        if not (error.may_be_done or interrupted):
            _take_back(connection)
        wait_s = budgets.failed(connection, budgets.REFRESH, wait_s=error.wait_s)
        logger.warning("refresh: no usable answer", extra={"connection": connection.pk})
        raise NotAnswering(wait_s) from error
    except (Trouble, oauth.ConfigurationRefused):
        if not interrupted:
            _take_back(connection)
        raise
    budgets.answered(connection, budgets.REFRESH, {})
    return token


@transaction.atomic
def _announce(connection: Connection) -> bool:
    """Note that a refresh begins; whether an earlier one began and nobody knows its end.

    Committed before the request: were this process to die with a rotated token in its hands, the
    owner would hear "the renewal was interrupted" and not "revoked at Klaviyo".
    """
    _lock_or_wait(connection)
    row = Connection.objects.live().filter(pk=connection.pk)
    if not row.exists():
        raise Fenced
    budgets.pay(connection, budgets.REFRESH)
    interrupted = row.exclude(refresh_started_at=None).exists()
    row.update(refresh_started_at=Now())
    connection.refresh_started_at = row.values_list("refresh_started_at", flat=True).first()
    return interrupted


def _take_back(connection: Connection) -> None:
    """Nothing was renewed: what we announced didn't begin."""
    announced = Q(pk=connection.pk, refresh_started_at=connection.refresh_started_at)
    Connection.objects.filter(announced).update(refresh_started_at=None)


def _exchange(connection: Connection, *, anew: bool) -> AccessToken:
    with transaction.atomic():
        _lock_or_wait(connection)
        if not anew and memory.get(_key(connection)):  # another thread was faster
            raise Throttled(REFRESH_BUSY_WAIT_S)
        grant = oauth.refresh(_stored_token(connection))
        _store(connection, grant)
    return memory.put(_key(connection), grant)


def _lock_or_wait(connection: Connection) -> None:
    if not try_lock(REFRESH_LOCK, connection.pk):
        raise Throttled(REFRESH_BUSY_WAIT_S)


def _stored_token(connection: Connection) -> str:
    """Read again under the lock: the row may have moved on since the caller saw it."""
    fresh = Connection.objects.live().filter(pk=connection.pk).first()
    if fresh is None:
        raise Fenced
    connection.refresh_token, connection.grant_serial = fresh.refresh_token, fresh.grant_serial
    try:
        return keyring().open(connection.refresh_token, *connection.sealing_context)
    except CannotOpen as error:
        logger.error("a refresh token can't be opened", extra={"connection": connection.pk})
        raise Sealed from error


def _store(connection: Connection, grant: Grant) -> None:
    """Seal what came back, by compare-and-set.

    A fence meanwhile doesn't matter: who disconnects waits for this lock and revokes what stands
    here. A grant replaced meanwhile (second consent) does: then this one is dropped, unrevoked,
    since revoking would uninstall the app for the new one as well.
    """
    sealed = connection.refresh_token
    if grant.refresh_token:
        sealed = keyring().seal(grant.refresh_token, *connection.sealing_context)
    row = Connection.objects.filter(pk=connection.pk, refresh_token=connection.refresh_token)
    if not row.update(refresh_token=sealed, refresh_started_at=None, refreshed_at=Now()):
        raise Throttled(REFRESH_BUSY_WAIT_S)
    connection.refresh_token = sealed


def _changed(connection: Connection) -> bool:
    same = Connection.objects.live().filter(
        pk=connection.pk, refresh_token=connection.refresh_token
    )
    return not same.exists()


def _key(connection: Connection) -> GrantKey:
    return connection.pk, connection.grant_serial
