"""What a run does with some of its clients, in the caller's transaction."""

import json
from collections.abc import Sequence
from typing import Any

from django.core.serializers import serialize
from django.db.models import Model

from clients import consent
from clients.consent import CONSENT_FIELDS
from clients.models import Client, ClientEvent, ConsentSource, Run, RunRow, bulk
from clients.runs import deleting
from clients.signals import clients_changed

Outcome = RunRow.Outcome
Pairs = Sequence[tuple[RunRow, Client]]


def opt_out(run: Run, rows: Sequence[RunRow]) -> None:
    said = consent.Bulk(run.studio, ConsentSource.STAFF, run.by)
    pairs = [(row, client) for row, client in locked(run, rows) if not client.has_opted_out]
    for row, client in pairs:
        row.before = {"fields": {}, "consent": consent.kept(client)}
        said.withdraw(client)
        row.before["version"] = client.consent_version
        row.outcome, row.consent, row.is_applied = Outcome.CHANGED, RunRow.Consent.OPTS_OUT, True
    clients = [client for _, client in pairs]
    Client.objects.for_studio(run.studio).write(clients, CONSENT_FIELDS)
    withdrawn = said.save()
    for row, client in pairs:
        row.before["hashes"] = sorted(withdrawn[client])
    bulk.write(rows, ["outcome", "consent", "is_applied", "before"])
    tell(run, clients)


def delete(run: Run, rows: Sequence[RunRow]) -> None:
    """Each row keeps its client, with the history, as long as the run can be taken back."""
    pairs = locked(run, rows)
    clients = [client for _, client in pairs]
    events = list(ClientEvent.objects.filter(client__in=clients).order_by("pk"))
    for row, client in pairs:
        of_client = [event for event in events if event.client_id == client.pk]
        row.before = {"deleted": kept([client, *of_client])}
        row.outcome, row.is_applied = Outcome.DELETED, True
    deleting.delete_many(run.studio, clients)
    bulk.write(rows, ["outcome", "is_applied", "before"])


def kept(rows: Sequence[Model]) -> list[Any]:
    """These rows as JSON, to the microsecond; `undoing.deleted` reads it."""
    kept: list[Any] = json.loads(json.dumps(serialize("python", rows), default=str))
    return kept


def send_again(run: Run, rows: Sequence[RunRow]) -> None:
    """Integrations send these once more, whatever they sent before."""
    pairs = locked(run, rows)
    for row, _ in pairs:
        row.outcome = Outcome.CHANGED
    bulk.write(rows, ["outcome"])
    tell(run, [client for _, client in pairs], forced=True)


def locked(run: Run, rows: Sequence[RunRow]) -> Pairs:
    """The rows with their clients, but for clients who are gone."""
    pks = [row.client_id for row in rows if row.client_id]
    found = Client.objects.for_edit(run.studio).filter(pk__in=pks).order_by("pk")
    clients = {client.pk: client for client in found}
    return [(row, clients[row.client_id]) for row in rows if row.client_id in clients]


def tell(run: Run, clients: Sequence[Client], *, forced: bool = False) -> None:
    if clients:
        clients_changed.send(
            Client,
            studio_id=run.studio_id,
            client_ids=[client.pk for client in clients],
            hold_until=run.hold_until,
            forced=forced,
        )
