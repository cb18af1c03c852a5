"""Sealing of secrets at rest: AES-256-GCM (NIST SP 800-38D) with named keys and a bound context.

A sealed text is `v1.<key id>.<base64url of nonce and ciphertext>`. The context (purpose, studio,
connection) is associated data: a sealed text moved to another row does not open.
"""

import base64
import binascii
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from typing import Self

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from django.conf import settings
from django.core.exceptions import ImproperlyConfigured

VERSION = "v1"
KEY_BYTES = 32
NONCE_BYTES = 12  # 96 bits, random for each sealing
KEY_ID = re.compile(r"^[A-Za-z0-9_-]{1,32}$")


class CannotOpenError(Exception):
    """The sealed text was tampered with, moved, or sealed under a key that isn't here."""


@dataclass(frozen=True)
class Keyring:
    """The keys of `TOKEN_ENCRYPTION_KEYS` (`id:base64`, separated by commas); the first seals."""

    keys: Mapping[str, bytes] = field(repr=False)

    @classmethod
    def parse(cls, text: str) -> Self:
        keys = [parse_key(entry) for entry in text.split(",") if entry.strip()]
        if not keys:
            raise ImproperlyConfigured(
                "TOKEN_ENCRYPTION_KEYS is empty: set it to id:base64 of 32 random bytes."
            )
        ids = [key_id for key_id, _ in keys]
        if twice := sorted({key_id for key_id in ids if ids.count(key_id) > 1}):
            raise ImproperlyConfigured(f"TOKEN_ENCRYPTION_KEYS: {twice[0]} names two keys.")
        return cls(dict(keys))

    @property
    def first(self) -> str:
        return next(iter(self.keys))

    @property
    def heading(self) -> str:
        """What every text begins with that the first key has sealed."""
        return f"{VERSION}.{self.first}."

    def seal(self, secret: str, *context: object) -> str:
        nonce = secrets.token_bytes(NONCE_BYTES)
        sealed = AESGCM(self.keys[self.first]).encrypt(nonce, secret.encode(), bind(context))
        return self.heading + base64.urlsafe_b64encode(nonce + sealed).decode()

    def open(self, sealed: str, *context: object) -> str:
        """The secret; raises `CannotOpenError`, whatever the reason, and never says which."""
        try:
            version, key_id, text = sealed.split(".")
            raw = base64.b64decode(text, altchars=b"-_", validate=True)
            key = self.keys[key_id]
            if version != VERSION:
                raise CannotOpenError
            opened = AESGCM(key).decrypt(raw[:NONCE_BYTES], raw[NONCE_BYTES:], bind(context))
        except (ValueError, KeyError, binascii.Error, InvalidTag) as error:
            raise CannotOpenError from error
        return opened.decode()


def bind(context: tuple[object, ...]) -> bytes:
    return "|".join(str(part) for part in context).encode()


def parse_key(entry: str) -> tuple[str, bytes]:
    key_id, _, text = entry.strip().partition(":")
    if not KEY_ID.match(key_id):
        raise ImproperlyConfigured(
            "TOKEN_ENCRYPTION_KEYS: each key needs an id of letters and digits before the colon."
        )
    try:
        key = base64.b64decode(text, validate=True)
    except binascii.Error as error:
        raise ImproperlyConfigured(f"TOKEN_ENCRYPTION_KEYS: key {key_id} is not base64.") from error
    if len(key) != KEY_BYTES:
        raise ImproperlyConfigured(
            f"TOKEN_ENCRYPTION_KEYS: key {key_id} has {len(key)} bytes, not {KEY_BYTES}."
        )
    return key_id, key


def keyring() -> Keyring:
    return parsed(settings.TOKEN_ENCRYPTION_KEYS)


def key_id_of(sealed: str) -> str:
    """The id of the key that sealed this, for rotation to find what is left; empty if none did."""
    version, _, rest = sealed.partition(".")
    return rest.partition(".")[0] if version == VERSION else ""


@lru_cache(maxsize=4)
def parsed(text: str) -> Keyring:
    return Keyring.parse(text)
