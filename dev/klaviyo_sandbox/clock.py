"""Times and identifiers as Klaviyo writes them."""

import secrets
import time
from datetime import UTC, datetime

CROCKFORD = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
ULID_RANDOM_BITS = 80


def iso_now() -> str:
    """The present, as profiles and jobs carry it."""
    return datetime.now(UTC).isoformat(timespec="microseconds")


def new_id() -> str:
    """26 characters that sort by time, like the ids of profiles."""
    number = (int(time.time() * 1000) << ULID_RANDOM_BITS) | secrets.randbits(ULID_RANDOM_BITS)
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(125, -1, -5))
