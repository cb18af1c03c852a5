"""Opt-outs that Klaviyo has not heard of: whose they are, and which addresses to suppress there."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from django.db.models import Q
from django.db.models.functions import Lower, Trim

from clients.models import Client, same_address
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.models.sync import ClientSyncQuerySet, unsettled
from integrations.klaviyo.reasons import Reason
from studios.models import Studio


@dataclass(frozen=True)
class OptOut:
    row: ClientSync
    addresses: Sequence[str]  # as spelt in Klaviyo


def for_owner(studio: Studio) -> ClientSyncQuerySet:
    """Those that Junocal may not pass on itself."""
    return _with_clients(ClientSync.objects.for_studio(studio).opt_outs_waiting())


def untold(studio: Studio) -> ClientSyncQuerySet:
    """Those, and the ones still on their way: Junocal forgets all of them with the connection."""
    opted_out = Q(client=None) | Q(client__opted_out_at__isnull=False)
    not_told = unsettled() | Q(reason=Reason.PERMISSION_MISSING)
    rows = ClientSync.objects.for_studio(studio).filter(opted_out, not_told)
    return _with_clients(rows.exclude(exposed={}))


def opt_outs(studio: Studio, rows: Iterable[ClientSync]) -> list[OptOut]:
    """Each with its addresses, but those that another client who agreed to emails now has."""
    rows = list(rows)
    exposed = {same_address(address) for row in rows for address in row.exposed}
    holders = Client.objects.for_studio(studio).may_be_emailed()
    held = set(
        holders.annotate(held=Lower(Trim("email")))
        .filter(held__in=exposed)
        .values_list("held", flat=True)
    )
    return [OptOut(row, sorted(_free(row, held))) for row in rows]


def _free(row: ClientSync, held: set[str]) -> Iterable[str]:
    return (address for address in row.exposed if same_address(address) not in held)


def _with_clients(rows: ClientSyncQuerySet) -> ClientSyncQuerySet:
    return rows.select_related("client__studio").order_by("pk")
