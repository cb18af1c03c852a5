"""What must be right before Junocal serves: keys that open what is stored, addresses with TLS."""

from typing import Any
from urllib.parse import urlsplit

from django.conf import settings
from django.core.checks import CheckMessage, Error, Tags, register
from django.core.exceptions import ImproperlyConfigured

from integrations.klaviyo.models import Connection
from integrations.sealing import CannotOpenError, key_id_of, keyring

LOOPBACK = {"localhost", "127.0.0.1", "::1"}


@register(Tags.security)
def settings_are_safe(**_: Any) -> list[CheckMessage]:
    return [*keys_are_readable(), *addresses_have_tls()]


def require_keys() -> None:
    """Raise `ImproperlyConfigured` if the keys don't open the stored tokens. Changes nothing."""
    for key_id, rows in rows_by_key().items():
        if key_id not in keyring().keys:
            raise ImproperlyConfigured(
                f"Refresh tokens are sealed under key {key_id!r}, which TOKEN_ENCRYPTION_KEYS "
                "doesn't have. Put it back (after the first one) and start again."
            )
        if not any(map(opens, rows)):  # a tampered one is that studio's trouble, not a wrong key
            raise ImproperlyConfigured(
                f"Key {key_id!r} in TOKEN_ENCRYPTION_KEYS is not the one that sealed the stored "
                "refresh tokens. Put the right one back and start again."
            )


def rows_by_key() -> dict[str, list[Connection]]:
    rows: dict[str, list[Connection]] = {}
    for row in Connection.objects.live().order_by("connected_at"):
        key_id = key_id_of(row.refresh_token)
        if key_id:
            rows.setdefault(key_id, []).append(row)
    return rows


def opens(row: Connection) -> bool:
    try:
        keyring().open(row.refresh_token, *row.sealing_context)
    except CannotOpenError:
        return False
    return True


def keys_are_readable() -> list[CheckMessage]:
    try:
        keyring()
    except ImproperlyConfigured as error:
        return [Error(str(error), id="klaviyo.E001")]
    return []


def addresses_have_tls() -> list[CheckMessage]:
    names = ("KLAVIYO_API_URL", "KLAVIYO_AUTHORIZE_URL")
    plain = (name for name in names if not is_safe(getattr(settings, name)))
    return [
        Error(f"{name} must begin with https://: tokens travel there.", id="klaviyo.E002")
        for name in plain
    ]


def is_safe(url: str) -> bool:
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in LOOPBACK
