"""How many of something may be made in 24 hours, for one person or one studio.

The numbers are settings (`junocal/settings.py`, and their defaults again in `docker-compose.yml`).
They keep signing up from being a way to send spam.
"""

from datetime import datetime, timedelta
from typing import Any

from django.db.models import QuerySet
from django.utils import timezone

DAY = timedelta(days=1)


def day_ago() -> datetime:
    return timezone.now() - DAY


def allows_another(rows: QuerySet[Any], limit: int, *, made_at: str = "created_at") -> bool:
    """True if fewer than `limit` of the rows were made in the last 24 hours.

    `made_at` is the field that says when. Rows made at the same moment may pass the limit together:
    a caller that minds takes a lock first.
    """
    return rows.filter(**{f"{made_at}__gt": day_ago()}).count() < limit
