"""The way to Klaviyo's consent page and back: a state that is random, single use, ten minutes old
at most, and bound to session, person and studio (RFC 6749, 10.12)."""

import hashlib
import secrets
import time
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db.models.functions import Now
from django.urls import reverse
from django.utils import timezone

from integrations.klaviyo.api import oauth
from integrations.klaviyo.connection.refusals import UnknownAttemptError
from integrations.klaviyo.contract import FEATURES, KNOWN_SCOPES, SCOPES, Feature
from integrations.klaviyo.models import Connection, OAuthAttempt
from integrations.sealing import keyring
from studios.access import require_owner
from studios.models import Studio, User

STATE_BYTES = 32
LIFE = timedelta(minutes=10)
STILL_ON_ITS_WAY = timedelta(seconds=5)  # a code is exchanged and an account read by then
LOOK_EVERY_S = 0.2


@dataclass(frozen=True)
class Attempt:
    """What a redeemed state stands for."""

    studio: Studio
    user: User
    feature: Feature | None  # to allow; none: to connect
    verifier: str
    scopes: frozenset[str]


def redirect_uri() -> str:
    return settings.BASE_URL + reverse("klaviyo:callback")


def start(studio: Studio, user: User, session: SessionBase, feature: Feature | None = None) -> str:
    """Note an attempt to connect, or to allow a feature; the address of Klaviyo's consent page."""
    state, verifier = secrets.token_urlsafe(STATE_BYTES), oauth.new_verifier()
    scopes = " ".join(scopes_to_ask(studio, feature))
    attempt = OAuthAttempt(
        state_hash=hash_text(state),
        session_hash=session_hash(session),
        studio=studio,
        user=user,
        feature=feature.key if feature else "",
        scopes=scopes,
    )
    attempt.verifier = keyring().seal(verifier, *attempt.sealing_context)
    attempt.save()
    return oauth.authorize_url(
        state=state, verifier=verifier, scopes=scopes, redirect_uri=redirect_uri()
    )


def scopes_to_ask(studio: Studio, feature: Feature | None) -> list[str]:
    """To connect: the base's. To allow a feature: its own and all that are in force, since what
    Klaviyo grants takes the place of what it granted before."""
    if feature is None:
        return [*SCOPES]
    connection = Connection.objects.for_studio(studio).live().first()
    granted = connection.scopes & KNOWN_SCOPES if connection else frozenset()
    return [*SCOPES, *sorted({*granted, *feature.scopes} - {*SCOPES})]


def redeem(state: str, user: User, session: SessionBase) -> Attempt:
    """Spend the state, whatever comes of it. Raises `UnknownAttemptError`, or `PermissionDenied` if
    the person no longer owns the studio."""
    known = OAuthAttempt.objects.filter(state_hash=hash_text(state), used_at=None)
    if not known.update(used_at=Now()):
        raise UnknownAttemptError
    row = own_attempt(state, user, session)
    if row is None or row.feature not in {"", *FEATURES}:
        raise UnknownAttemptError
    require_owner(row.studio, row.user)
    return Attempt(
        studio=row.studio,
        user=row.user,
        feature=FEATURES[row.feature] if row.feature else None,
        verifier=keyring().open(row.verifier, *row.sealing_context),
        scopes=frozenset(row.scopes.split()),
    )


def own_attempt(state: str, user: User, session: SessionBase) -> OAuthAttempt | None:
    """The attempt with this state, if this person began it in this session a while ago at most."""
    mine = OAuthAttempt.objects.filter(
        state_hash=hash_text(state),
        session_hash=session_hash(session),
        user=user,
        created_at__gt=Now() - LIFE,
    )
    return mine.select_related("studio", "user").first()


def arrived_before(state: str, user: User, session: SessionBase) -> Studio | None:
    """The studio that this very attempt connected, or gave a permission, where a browser asks for
    its callback once more. Waits a moment for one that is still on its way."""
    attempt = own_attempt(state, user, session)
    if attempt is None or attempt.used_at is None:
        return None
    gives_up_at = attempt.used_at + STILL_ON_ITS_WAY
    while not (is_there := has_arrived(attempt)) and timezone.now() < gives_up_at:
        time.sleep(LOOK_EVERY_S)
    return attempt.studio if is_there else None


def has_arrived(attempt: OAuthAttempt) -> bool:
    connection = Connection.objects.for_studio(attempt.studio).live().first()
    if connection is None:
        return False
    if attempt.feature:
        return set(attempt.scopes.split()) <= connection.scopes
    return connection.connected_at > attempt.created_at


def session_hash(session: SessionBase) -> str:
    if not session.session_key:
        session.save()
    return hash_text(session.session_key or "")


def hash_text(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
