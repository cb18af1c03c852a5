"""What a list that was checked will do, by its first rows: those that change a client, with what
was there and what comes; those that are refused, with why; and those that are added or stay."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from clients.imports import report
from clients.imports.mapping import ColumnMapping
from clients.imports.planning import Present, plan
from clients.models import Client, ClientEvent, Run, RunRow

ROWS_SHOWN = 12

Outcome = RunRow.Outcome


@dataclass(frozen=True)
class Change:
    row: RunRow
    client: Client
    text: str  # as the client's history will say it


@dataclass(frozen=True)
class Preview:
    changed: Sequence[Change]
    refused: Sequence[tuple[RunRow, str]]
    others: Sequence[RunRow]
    hears_no_yes: bool


def of(run: Run) -> Preview:
    mapping = ColumnMapping.from_json(run.mapping)
    others = run.rows.filter(outcome__in=[Outcome.NEW, Outcome.UNCHANGED])
    others = others.select_related("run__studio").order_by("line")
    refused = report.refused(run)[:ROWS_SHOWN]
    return Preview(
        changed=changed(run),
        refused=[(row, report.reason(row, mapping)) for row in refused],
        others=list(others[:ROWS_SHOWN]),
        hears_no_yes=mapping.hears_no_yes,
    )


def changed(run: Run) -> Sequence[Change]:
    """Against the clients as they are now."""
    rows = run.rows.filter(outcome=Outcome.CHANGED).order_by("line")[:ROWS_SHOWN]
    present = Present.around(run.studio, list(rows))
    found = ((row, plan(row, present)) for row in rows)
    return [
        Change(row, its.client, told(its.client, its.changes, row))
        for row, its in found
        if its.client
    ]


def told(client: Client, new: Mapping[str, str], row: RunRow) -> str:
    changes = {field: [getattr(client, field), text] for field, text in new.items()}
    event = ClientEvent(
        client=client, what=ClientEvent.What.EDITED, fields=[*changes], changes=changes
    )
    return ", ".join(filter(None, [event.text, row.get_consent_display()]))
