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

from integrations.crash_points import reached
from integrations.klaviyo.api import oauth, rate_limits
from integrations.klaviyo.api.errors import DisconnectingError, KlaviyoError, ThrottledError
from integrations.klaviyo.api.health import health
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.models import Connection, EndCause
from integrations.locks import try_lock
from integrations.sealing import CannotOpenError, keyring

logger = logging.getLogger(__name__)

EXPIRY_MARGIN_S = 60  # an access token isn't used in its last minute
FRESH_S = 60  # a token this young is not refused for its age
REFRESH_BUSY_WAIT_S = 0.3
RENEWALS_KEPT = 8  # of a minute: a second worker may have a token too, no more
REFRESH_LOCK = "klaviyo refresh"

GrantKey = tuple[uuid.UUID, int]


class GrantRevokedError(KlaviyoError):
    """Klaviyo ended the grant; `cause` says what the owner is told."""

    def __init__(self, cause: EndCause) -> None:
        super().__init__(cause)
        self.cause = cause


class NotAnsweringError(ThrottledError):
    """Klaviyo was asked just now and gave no usable answer."""


class RefreshBusyError(ThrottledError):
    """Somebody else is at it, or was: nothing was asked of Klaviyo."""


class TokenUnreadableError(KlaviyoError):
    """The stored refresh token can't be opened: for the operator. Nothing is changed."""


@dataclass(eq=False)
class AccessToken:
    text: str = field(repr=False)
    good_until: float  # on this process's monotonic clock
    fresh_until: float = 0.0
    accepted: bool = False  # by Klaviyo, once at least
    refused: bool = False
    is_proven: bool = False  # a profile was written with it: many requests may go at once

    @property
    def is_good(self) -> bool:
        return time.monotonic() < self.good_until

    @property
    def life_s(self) -> float:
        return max(self.good_until - time.monotonic(), 0.0)

    @property
    def is_fresh(self) -> bool:
        """True if got a moment ago and never accepted: a refusal can't be for its age."""
        return not self.accepted and time.monotonic() < self.fresh_until


class Memory:
    """Access tokens of this process, by grant, so that an old connection's is never a new one's."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._tokens: dict[GrantKey, AccessToken] = {}
        self._refused: dict[GrantKey, AccessToken] = {}  # once, and accepted before
        self._back_at: dict[int, float] = {}  # by studio

    def get(self, key: GrantKey) -> AccessToken | None:
        with self._lock:
            token = self._tokens.get(key)
        return token if token and token.is_good else None

    def put(self, key: GrantKey, grant: Grant) -> AccessToken:
        life_s = max(grant.expires_in_s - EXPIRY_MARGIN_S, 1)
        now = time.monotonic()
        token = AccessToken(grant.access_token, now + life_s, fresh_until=now + FRESH_S)
        with self._lock:
            self._refused = {k: t for k, t in self._refused.items() if t.is_good and k != key}
            self._tokens = {k: t for k, t in self._tokens.items() if t.is_good} | {key: token}
        return token

    def stand_back(self, studio_id: int, wait_s: float) -> None:
        """For so long this process leaves the studio to others."""
        with self._lock:
            self._back_at[studio_id] = time.monotonic() + wait_s

    def stands_back(self, studio_id: int) -> bool:
        with self._lock:
            return time.monotonic() < self._back_at.get(studio_id, 0.0)

    def drop(self, key: GrantKey, token: AccessToken) -> None:
        """Klaviyo refused this token: use it no more, unless a fresher one took its place.

        The first time, one that was accepted before is kept for `second_chance`.
        """
        with self._lock:
            if self._tokens.get(key) is token:
                del self._tokens[key]
                if token.accepted and not token.refused:
                    self._refused[key] = token
            elif self._refused.get(key) is token:  # of several requests under way
                del self._refused[key]

    def second_chance(self, key: GrantKey) -> AccessToken | None:
        """A token that was refused once, to be used until it is refused again."""
        with self._lock:
            token = self._refused.pop(key, None)
            if token is None or not token.is_good:
                return None
            self._tokens[key] = token
        return token


memory = Memory()


def access_token(connection: Connection) -> AccessToken:
    """A good access token.

    Raises `ThrottledError` if a refresh is under way or must wait, and `GrantRevokedError`,
    `DisconnectingError`, `TokenUnreadableError` or `oauth.ConfigurationRefusedError`.
    """
    in_hand = held(connection)
    if in_hand:
        return in_hand
    try:
        return refresh(connection, anew=False)
    except ThrottledError as error:
        in_hand = held(connection)  # another thread's, by now
        if in_hand:
            return in_hand
        # A lone 401 doesn't stop a studio until its next renewal may leave.
        if not isinstance(error, RefreshBusyError):
            in_hand = memory.second_chance(grant_key(connection))
        if in_hand:
            return in_hand
        if isinstance(error, rate_limits.RenewalsSpentError):
            memory.stand_back(connection.studio_id, error.wait_s or 0.0)
        raise


def save_renewals(connection: Connection) -> None:
    """Another worker has a good token: the last renewals are kept for when nobody has one."""
    if rate_limits.renewals_left(connection) < RENEWALS_KEPT:
        memory.stand_back(connection.studio_id, rate_limits.OTHERS_MAY_WITHIN_S)


def stands_back(studio_id: int) -> bool:
    """True while this process has no token for the studio and may not renew it: whoever has one
    must find the studio's work where it is."""
    return memory.stands_back(studio_id)


def held(connection: Connection) -> AccessToken | None:
    """A good access token of this process, if it has one."""
    return memory.get(grant_key(connection))


def reject(connection: Connection, token: AccessToken) -> bool:
    """Klaviyo answered 401 to this one. True if that can't be for its age, and is news."""
    memory.drop(grant_key(connection), token)
    is_news, token.refused = not token.refused, True
    return is_news and token.is_fresh


def refresh(connection: Connection, *, anew: bool = True) -> AccessToken:
    """Renew the grant's access token, single-flight across all processes.

    `anew` asks Klaviyo even where a good token is held: that is how a grant is tried.
    """
    interrupted = announce(connection)
    reached("refresh: announced")
    try:
        token = exchange(connection, anew=anew)
    except oauth.GrantDeadError as error:
        if changed(connection):
            raise ThrottledError(REFRESH_BUSY_WAIT_S) from error
        cause = EndCause.RENEWAL_INTERRUPTED if interrupted else EndCause.GRANT_DEAD
        raise GrantRevokedError(cause) from error
    except oauth.OAuthUnavailableError as error:
        if not (error.may_be_done or interrupted):
            take_back(connection)
        wait_s = rate_limits.refresh_failed(connection, error.wait_s)
        logger.warning("refresh: no usable answer", extra={"connection": connection.pk})
        raise NotAnsweringError(wait_s) from error
    except (KlaviyoError, oauth.ConfigurationRefusedError) as error:
        if not interrupted:
            take_back(connection)
        if isinstance(error, RefreshBusyError):
            rate_limits.give_refresh_back(connection)
        raise
    rate_limits.learn(connection, rate_limits.REFRESH, None)
    health.answered()
    return token


@transaction.atomic
def announce(connection: Connection) -> bool:
    """Note that a refresh begins. True if an earlier one began whose end nobody knows.

    Committed before the request: were this process to die with a rotated token in its hands, the
    owner would hear "the renewal was interrupted" and not "revoked at Klaviyo".
    """
    lock_or_wait(connection)
    row = Connection.objects.live().filter(pk=connection.pk)
    if not row.exists():
        raise DisconnectingError
    rate_limits.acquire_refresh(connection)
    interrupted = row.exclude(refresh_started_at=None).exists()
    row.update(refresh_started_at=Now())
    connection.refresh_started_at = row.values_list("refresh_started_at", flat=True).first()
    return interrupted


def take_back(connection: Connection) -> None:
    """Undo `announce`: nothing was renewed."""
    announced = Q(pk=connection.pk, refresh_started_at=connection.refresh_started_at)
    Connection.objects.filter(announced).update(refresh_started_at=None)


def exchange(connection: Connection, *, anew: bool) -> AccessToken:
    with transaction.atomic():
        lock_or_wait(connection)
        if not anew and memory.get(grant_key(connection)):  # another thread was faster
            raise RefreshBusyError(REFRESH_BUSY_WAIT_S)
        grant = oauth.refresh(stored_token(connection))
        reached("refresh: exchanged")
        store(connection, grant)
        reached("refresh: written")
    reached("refresh: stored")
    return memory.put(grant_key(connection), grant)


def lock_or_wait(connection: Connection) -> None:
    if not try_lock(REFRESH_LOCK, connection.pk):
        raise RefreshBusyError(REFRESH_BUSY_WAIT_S)


def stored_token(connection: Connection) -> str:
    """Read again under the lock: the row may have moved on since the caller saw it."""
    fresh = Connection.objects.live().filter(pk=connection.pk).first()
    if fresh is None:
        raise DisconnectingError
    connection.refresh_token, connection.grant_serial = fresh.refresh_token, fresh.grant_serial
    try:
        return keyring().open(connection.refresh_token, *connection.sealing_context)
    except CannotOpenError as error:
        logger.error("a refresh token can't be opened", extra={"connection": connection.pk})
        raise TokenUnreadableError from error


def store(connection: Connection, grant: Grant) -> None:
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
        raise ThrottledError(REFRESH_BUSY_WAIT_S)
    connection.refresh_token = sealed


def changed(connection: Connection) -> bool:
    same = Connection.objects.live().filter(
        pk=connection.pk, refresh_token=connection.refresh_token
    )
    return not same.exists()


def grant_key(connection: Connection) -> GrantKey:
    return connection.pk, connection.grant_serial
