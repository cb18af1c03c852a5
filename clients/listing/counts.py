"""How many clients a studio has, of each kind: counted at each look where that is quick, kept with
their age where it isn't.

Who looks never waits for a count that is there. A thread counts anew what is no longer fresh, in
one process at a time (the row is locked meanwhile), for a twentieth of the time at most.
"""

import time
from datetime import datetime, timedelta
from typing import NamedTuple

from django.db import transaction
from django.utils import timezone

from clients.listing.background import Counter
from clients.listing.tally import Tally
from clients.models import Client, KeptCounts
from studios.models import Studio

COUNTED_AT_EACH_LOOK = 2000  # clients; they take a few milliseconds


class Counts(NamedTuple):
    tally: Tally
    counted_at: datetime


def of(studio: Studio) -> Counts:
    kept = KeptCounts.objects.for_studio(studio).first()
    if kept is None:
        return count_and_keep(studio)
    if not kept.is_fresh:
        counter.ask_for(studio.pk)
    return Counts(Tally.from_json(kept.tally), kept.counted_at)


def count_and_keep(studio: Studio) -> Counts:
    """Counted now; kept only for a studio of many."""
    began, now = time.monotonic(), timezone.now()
    tally = Tally.of(Client.objects.for_studio(studio))
    if tally.total > COUNTED_AT_EACH_LOOK:
        took = timedelta(seconds=time.monotonic() - began)
        values = {"tally": tally.as_json(), "counted_at": now, "took": took}
        KeptCounts.objects.update_or_create(studio=studio, defaults=values)
    return Counts(tally, now)


@transaction.atomic
def recount(studio_id: int) -> None:
    """Count anew, unless somebody else does just now or has just done it."""
    rows = KeptCounts.objects.filter(studio_id=studio_id).select_related("studio")
    kept = rows.select_for_update(of=("self",), skip_locked=True).first()
    if kept is None or kept.is_fresh:
        return
    if count_and_keep(kept.studio).tally.total <= COUNTED_AT_EACH_LOOK:
        kept.delete()


counter = Counter(recount)
