"""A new studio: its slug, its likely time zone, its first owner."""

from collections.abc import Iterator
from itertools import chain, count
from typing import Final

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import transaction
from django.utils.text import slugify

from studios import quotas
from studios.countries import likely_zone
from studios.models import Membership, Role, Studio, User

SLUG_LENGTH: Final = 50  # leaves room in the column for "-2"
NAMELESS: Final = "studio"  # for a name with no letter that an address can carry
# Words that would mislead in an address, or that Junocal may want for itself.
RESERVED: Final = frozenset(
    {"about", "accounts", "admin", "api", "app", "demo", "help", "integrations", "invitations"}
    | {"junocal", "klaviyo", "login", "new", "root", "settings", "sign-in", "sign-up", "static"}
    | {"status", "studios", "support", "team", "test", "unsubscribe", "webhooks", "www"}
)


@transaction.atomic
def create_studio(name: str, country: str, owner: User) -> Studio:
    """Make a studio under a free slug of its name, with its first owner."""
    details = {"name": name, "country": country, "timezone": likely_zone(country)}
    for slug in slugs_for(name):
        studio, is_new = Studio.objects.get_or_create(slug=slug, defaults=details)
        if is_new:
            break
    Membership.objects.create(studio=studio, user=owner, role=Role.OWNER)
    return studio


def refuse_many(owner: User) -> None:
    """Raises `ValidationError` if the person owns as many new studios as one may make in a day."""
    limit = settings.STUDIOS_PER_OWNER_AND_DAY
    mine = Studio.objects.filter(memberships__user=owner, memberships__role=Role.OWNER)
    if not quotas.allows_another(mine, limit):
        raise ValidationError(
            f"You made {limit} studios in the last 24 hours, which is all Junocal makes"
            " for one person in a day. Try again tomorrow."
        )


def slugs_for(name: str) -> Iterator[str]:
    """`lotus-yoga`, `lotus-yoga-2`, `lotus-yoga-3` and so on, for ever."""
    first = slugify(name)[:SLUG_LENGTH].strip("-_") or NAMELESS
    numbered = (f"{first}-{number}" for number in count(2))
    return chain([] if first in RESERVED else [first], numbered)
