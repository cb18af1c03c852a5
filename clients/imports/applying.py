"""Doing what was planned: clients added and changed, in the caller's transaction.

Every row is planned anew with its client locked: the desk goes on working meanwhile, and what it
did last counts. A list that is run twice changes nothing the second time.
"""

from collections.abc import Mapping, Sequence

from clients import consent
from clients.consent import CONSENT_FIELDS
from clients.imports.planning import FILLED_IN, Consent, Outcome, Plan, Present, plan
from clients.models import (
    Client,
    ClientEvent,
    ConsentSource,
    Run,
    RunRow,
    Withdrawal,
    bulk,
)
from clients.models.client import DETAILS
from clients.signals import clients_changed


def apply(run: Run, rows: Sequence[RunRow]) -> None:
    Batch(run).apply(rows)


class Batch:
    """Some rows of a run, done in the caller's transaction."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.studio = run.studio
        self.consent = consent.Bulk(run.studio, ConsentSource.IMPORT, run.by)
        self.events: list[ClientEvent] = []
        self.added: list[Client] = []
        self.changed: dict[int, Client] = {}
        self.touched: list[tuple[RunRow, Client]] = []

    def apply(self, rows: Sequence[RunRow]) -> None:
        present = Present.around(self.studio, rows, locked=True)
        for row in rows:
            self.take(row, plan(row, present), present)
        Client.objects.bulk_create(self.added)
        Client.objects.for_studio(self.studio).write(
            self.changed.values(), [*FILLED_IN, *CONSENT_FIELDS]
        )
        for event in self.events:
            event.client_id = event.client.pk
        ClientEvent.objects.bulk_create(self.events)
        withdrawn = self.consent.save()
        for row, client in self.touched:
            row.client_id = client.pk
            row.before["hashes"] = sorted(withdrawn.get(client, ()))
        bulk.write(rows, ["outcome", "consent", "client", "is_applied", "before"])
        ids = [client.pk for client in self.added] + list(self.changed)
        if ids:
            clients_changed.send(
                Client,
                studio_id=self.studio.pk,
                client_ids=ids,
                hold_until=self.run.hold_until,
            )

    def take(self, row: RunRow, planned: Plan, present: Present) -> None:
        row.outcome, row.consent = planned.outcome, planned.consent
        row.client_id, row.is_applied, row.before = None, False, {}
        client = planned.client
        if planned.outcome == Outcome.NEW:
            client = self.add(row)
            present.add(client)
        elif planned.outcome == Outcome.CHANGED or planned.consent == Consent.OPTS_OUT:
            client = self.change(row, planned)
        if client is None:  # a no from a refused row: it holds for whoever gets that address
            self.withdraw_address(row)
        if client and row.is_applied:
            self.take_consent(client, planned.consent)
            self.touched.append((row, client))
            row.before["version"] = client.consent_version

    def add(self, row: RunRow) -> Client:
        details = {field: row.values[field] for field in DETAILS}
        client = Client(studio=self.studio, **details)
        self.added.append(client)
        self.note(client, ClientEvent.What.ADDED)
        row.is_applied, row.before = True, {"added": True}
        return client

    def change(self, row: RunRow, planned: Plan) -> Client | None:
        client = planned.client
        if client is None:
            return None
        changes = planned.changes
        row.is_applied = True
        row.before = {"fields": {field: getattr(client, field) for field in changes}}
        if planned.consent:
            row.before["consent"] = consent.kept(client)
        for field, text in changes.items():
            setattr(client, field, text)
        if changes:
            before = row.before["fields"]
            told = {field: [before[field], text] for field, text in changes.items()}
            self.note(client, ClientEvent.What.EDITED, told)
        if client.pk:  # else it is among those to be added
            self.changed[client.pk] = client
        return client

    def note(
        self, client: Client, what: str, changes: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        self.events.append(
            ClientEvent(
                client=client,
                what=what,
                fields=list(changes or ()),
                changes=dict(changes or {}),
                source=ConsentSource.IMPORT,
                by=self.run.by,
            )
        )

    def take_consent(self, client: Client, becomes: str) -> None:
        if becomes == Consent.OPTS_IN:
            self.consent.agree(client)
        elif becomes == Consent.OPTS_OUT:
            self.consent.withdraw(client)
        elif becomes == Consent.WITHDRAWN and not client.has_opted_out:
            self.consent.remember(client)

    def withdraw_address(self, row: RunRow) -> None:
        if row.consent == Consent.OPTS_OUT:
            new = Withdrawal.record(self.studio, row.values["email"])
            row.is_applied, row.before = bool(new), {"hashes": sorted(new)}
