"""Opt-outs that Klaviyo has not heard of: whose they are, and which addresses to suppress there.

Their CSV is in `views.lists`, their page in templates/klaviyo/opt_outs.html and _opt_out_row.html.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q

from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.models.sync import ClientSyncQuerySet, unsettled
from integrations.klaviyo.outbox import exposures
from integrations.klaviyo.reasons import Reason
from studios.models import Studio


@dataclass(frozen=True)
class OptOut:
    row: ClientSync
    addresses: Sequence[str]  # as spelt in Klaviyo


def for_owner(studio: Studio) -> ClientSyncQuerySet:
    """Those that Junocal may not pass on itself."""
    return with_clients(ClientSync.objects.for_studio(studio).opt_outs_waiting())


def unreported(studio: Studio) -> ClientSyncQuerySet:
    """Those, and the ones still on their way: Junocal forgets all of them with the connection."""
    not_told = unsettled() | Q(reason=Reason.PERMISSION_MISSING)
    rows = ClientSync.objects.for_studio(studio).about_opt_outs().filter(not_told)
    return with_clients(rows.filter(exposures__isnull=False).distinct())


def opt_outs(studio: Studio, rows: Iterable[ClientSync]) -> list[OptOut]:
    """Each with its addresses, but those that another client who agreed to emails now has."""
    rows = list(rows)
    addresses = exposures.suppressible(studio, rows)
    return [OptOut(row, sorted(addresses[row.pk])) for row in rows]


def with_clients(rows: ClientSyncQuerySet) -> ClientSyncQuerySet:
    return rows.select_related("client__studio").order_by("pk")
