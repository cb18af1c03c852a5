"""Taking a run back: clients it added go, those it deleted come again, what it changed is put back.

What a person changed since stays: a client whom somebody edited, a field with another value, a
consent that was said again.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, cast

from django.core.serializers import deserialize
from django.db import IntegrityError, transaction
from django.utils import timezone

from clients import consent
from clients.consent import CONSENT_FIELDS
from clients.forms import is_about_the_address
from clients.imports.planning import FILLED_IN
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
from clients.runs import deleting, verbs

AT_ONCE = 200


def undo(run: Run) -> Iterator[None]:
    """Take the rest of the run back; hands over after each commit."""
    position = run.done_rows
    while (rows := undo_some(run, position)) is not None:
        if not rows:
            return
        position += rows
        yield
    with transaction.atomic():
        if locked := Run.objects.at(run, Run.State.UNDOING, position):
            counts = locked.counts | {"kept": locked.rows.filter(is_kept=True).count()}
            locked.move(state=Run.State.UNDONE, counts=counts, finished_at=timezone.now())


@transaction.atomic
def undo_some(run: Run, position: int) -> int | None:
    """How many rows were taken back: 0 if somebody else goes on with the run, None at its end."""
    locked = Run.objects.at(run, Run.State.UNDOING, position)
    if locked is None:
        return 0
    done = locked.rows.filter(is_applied=True)
    rows = list(done.order_by("-line")[:AT_ONCE])  # what was done last is taken back first
    if not rows:
        return None
    Batch(locked).undo(rows)
    locked.move(done_rows=position + len(rows))
    return len(rows)


class Batch:
    """Some rows of a run, taken back in the caller's transaction."""

    def __init__(self, run: Run) -> None:
        self.run = run
        self.consent = consent.Bulk(run.studio, ConsentSource.UNDO, run.by)
        self.events: list[ClientEvent] = []
        self.changed: dict[int, Client] = {}
        self.deleted: list[Client] = []
        self.restored: list[Client] = []

    def undo(self, rows: Sequence[RunRow]) -> None:
        pks = [row.client_id for row in rows if row.client_id]
        locked = Client.objects.for_edit(self.run.studio).filter(pk__in=pks).order_by("pk")
        clients = {client.pk: client for client in locked}
        pairs = [(row, clients.get(row.client_id or 0)) for row in rows]
        lifted = [row.before.get("hashes", ()) for row, client in pairs if said_last(row, client)]
        Withdrawal.lift(self.run.studio, set().union(*lifted))
        for row, client in pairs:
            if client:
                self.take_back(row, row.before, client)
            row.is_applied = False
        self.restore([row for row in rows if "deleted" in row.before])
        Client.objects.for_studio(self.run.studio).write(
            self.changed.values(), [*FILLED_IN, *CONSENT_FIELDS]
        )
        deleting.delete_many(self.run.studio, self.deleted)
        ClientEvent.objects.bulk_create(self.events)
        self.consent.save()
        bulk.write(rows, ["is_applied", "is_kept"])
        verbs.tell(self.run, [*self.changed.values(), *self.restored])

    def restore(self, rows: Sequence[RunRow]) -> None:
        """Add these deleted clients as they were, but for those whose address somebody else has by
        now, and for a no that was said since."""
        for row in rows:
            client, events = deleted(row)
            client.klaviyo_profile_id = None  # looked up anew
            added_at = client.created_at
            try:
                with transaction.atomic():
                    Client.objects.bulk_create([client])
            except IntegrityError as error:
                if not is_about_the_address(error):
                    raise
                row.is_kept = True
                continue
            Client.objects.for_studio(self.run.studio).filter(pk=client.pk).update(
                created_at=added_at
            )
            ClientEvent.objects.bulk_create(events)
            consent.uphold(client)
            self.restored.append(client)

    def take_back(self, row: RunRow, before: Mapping[str, Any], client: Client) -> None:
        is_same_consent = said_last(row, client)
        if not before.get("added"):
            self.put_back(row, before, client, is_same_consent=is_same_consent)
        elif is_same_consent and all(getattr(client, name) == row.values[name] for name in DETAILS):
            client.opted_out_at = None  # a no that is taken back waits nowhere to be told
            self.deleted.append(client)
        else:
            row.is_kept = True

    def put_back(
        self, row: RunRow, before: Mapping[str, Any], client: Client, *, is_same_consent: bool
    ) -> None:
        fields = {
            name: before["fields"][name]
            for name in FILLED_IN
            if name in before["fields"] and getattr(client, name) == row.values[name]
        }
        for name, text in fields.items():
            setattr(client, name, text)
        if fields:
            event = ClientEvent(
                client=client,
                what=ClientEvent.What.EDITED,
                fields=list(fields),
                changes={name: [row.values[name], text] for name, text in fields.items()},
                source=ConsentSource.UNDO,
                by=self.run.by,
            )
            self.events.append(event)
        if "consent" in before and is_same_consent:
            self.consent.take_back(client, before["consent"])
        row.is_kept = len(fields) < len(before["fields"]) or not is_same_consent
        self.changed[client.pk] = client


def deleted(row: RunRow) -> tuple[Client, list[ClientEvent]]:
    """The client that this row deleted, and its history."""
    client, *events = (kept.object for kept in deserialize("python", row.before["deleted"]))
    return cast(Client, client), cast(list[ClientEvent], events)


def said_last(row: RunRow, client: Client | None) -> bool:
    """True if nothing was said of the client's consent since this row. Where the client is deleted
    by now, nobody knows."""
    if client is None:
        return row.client_id is None  # a no for an address that no client had
    return bool(client.consent_version == row.before["version"])
