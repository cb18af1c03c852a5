"""The way to Klaviyo's consent page and back: a state that is random, single use, ten minutes old
at most, and bound to session, person and studio (RFC 6749, 10.12)."""

import hashlib
import secrets
from dataclasses import dataclass
from datetime import timedelta

from django.conf import settings
from django.contrib.sessions.backends.base import SessionBase
from django.db.models.functions import Now
from django.urls import reverse

from integrations.klaviyo import oauth
from integrations.klaviyo.models import OAuthAttempt
from integrations.klaviyo.operations import SCOPES, SUPPRESSION_SCOPE
from integrations.sealing import keyring
from studios.access import require_owner
from studios.models import Studio, User

STATE_BYTES = 32
LIFE = timedelta(minutes=10)

Purpose = OAuthAttempt.Purpose
ASKED_SCOPES = {
    Purpose.CONNECT: SCOPES,
    Purpose.ALLOW_SUPPRESSION: (*SCOPES, SUPPRESSION_SCOPE),
}


class NotThisAttempt(Exception):
    """The state is unknown, spent, too old, or another person's or session's."""


@dataclass(frozen=True)
class Attempt:
    """What a redeemed state stands for."""

    studio: Studio
    user: User
    purpose: Purpose
    verifier: str
    scopes: frozenset[str]


def redirect_uri() -> str:
    return settings.BASE_URL + reverse("klaviyo:callback")


def start(studio: Studio, user: User, purpose: Purpose, session: SessionBase) -> str:
    """Note the attempt; the address of Klaviyo's consent page for it."""
    state, verifier = secrets.token_urlsafe(STATE_BYTES), oauth.new_verifier()
    scopes = " ".join(ASKED_SCOPES[purpose])
    attempt = OAuthAttempt(
        state_hash=_hash(state),
        session_hash=_session_hash(session),
        studio=studio,
        user=user,
        purpose=purpose,
        scopes=scopes,
    )
    attempt.verifier = keyring().seal(verifier, *attempt.sealing_context)
    attempt.save()
    return oauth.authorize_url(
        state=state, verifier=verifier, scopes=scopes, redirect_uri=redirect_uri()
    )


def redeem(state: str, user: User, session: SessionBase) -> Attempt:
    """Spend the state, whatever comes of it; raises `NotThisAttempt`, or `PermissionDenied` where
    the person no longer owns the studio."""
    known = OAuthAttempt.objects.filter(state_hash=_hash(state), used_at=None)
    if not known.update(used_at=Now()):
        raise NotThisAttempt
    mine = OAuthAttempt.objects.filter(
        state_hash=_hash(state),
        session_hash=_session_hash(session),
        user=user,
        created_at__gt=Now() - LIFE,
    )
    row = mine.select_related("studio", "user").first()
    if row is None:
        raise NotThisAttempt
    require_owner(row.studio, row.user)
    return Attempt(
        studio=row.studio,
        user=row.user,
        purpose=Purpose(row.purpose),
        verifier=keyring().open(row.verifier, *row.sealing_context),
        scopes=frozenset(row.scopes.split()),
    )


def _session_hash(session: SessionBase) -> str:
    if not session.session_key:
        session.save()
    return _hash(session.session_key or "")


def _hash(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()
