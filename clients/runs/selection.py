"""Runs over clients who are there: those somebody selected, or all whom a search shows."""

from collections.abc import Collection, Mapping
from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.db.models.expressions import Window
from django.db.models.functions import RowNumber
from django.utils import timezone

from clients.models import Client, ClientQuerySet, Run, RunRow, SentAddress
from clients.models.address import all_hashes
from clients.models.run import MASS
from clients.runs import batches
from clients.runs.control import HELD_AT_MOST
from clients.runs.counting import Counts
from studios.models import Studio, User

FILL = """
INSERT INTO clients_runrow
       (run_id, line, client_id, "values", key, outcome, consent, reason, reason_about,
        is_applied, before, is_kept)
SELECT %s, line, id, '{{}}', '', %s, '', '', '', false, '{{}}', false FROM ({clients}) AS chosen
"""


@transaction.atomic
def start(studio: Studio, kind: Run.Kind, clients: ClientQuerySet, *, by: User) -> Run:
    """A run over all of these clients of the studio, which a worker begins at once."""
    now = timezone.now()
    run = Run.objects.create(
        studio=studio, kind=kind, by=by, state=Run.State.RUNNING, started_at=now
    )
    number = fill(run, clients)
    is_held = kind == Run.Kind.OPT_OUT and number > MASS
    run.move(total_rows=number, hold_until=now + HELD_AT_MOST if is_held else None)
    return run


def fill(run: Run, clients: ClientQuerySet) -> int:
    """A row for each; how many."""
    numbered = (
        clients.select_related(None).order_by().annotate(line=Window(RowNumber(), order_by="pk"))
    )
    statement, values = numbered.values("line", "id").query.sql_with_params()
    with connection.cursor() as cursor:
        cursor.execute(FILL.format(clients=statement), [run.pk, RunRow.Outcome.UNCHANGED, *values])
        return int(cursor.rowcount)


def chosen(studio: Studio, ids: Collection[UUID]) -> ClientQuerySet:
    """The studio's clients with these public ids."""
    return Client.objects.for_studio(studio).filter(public_id__in=ids)


@transaction.atomic
def do_now(studio: Studio, kind: Run.Kind, client: Client, *, by: User) -> Run:
    """A run over one client, which is over when this returns."""
    run = start(studio, kind, Client.objects.for_studio(studio).filter(pk=client.pk), by=by)
    for _ in batches.work(run):
        pass
    run.refresh_from_db()
    return run


@transaction.atomic
def note_opt_out(
    client: Client, before: Mapping[str, Any], emails: Collection[str], *, by: User
) -> Run:
    """That somebody at the desk opted this client out just now, so that it can be taken back.

    `before` is the consent until then (`consent.kept`), `emails` the addresses that went with it.
    """
    studio = client.studio
    hashes = SentAddress.hashes_of(client.unsubscribe_token)
    for email in filter(None, emails):
        hashes |= all_hashes(studio, email)
    new = studio.withdrawals.filter(address_hash__in=hashes, at__gte=client.opted_out_at)
    run = Run.objects.create(
        studio=studio,
        kind=Run.Kind.OPT_OUT,
        by=by,
        counts=Counts(outcomes={RunRow.Outcome.CHANGED: 1}).to_json(),
        state=Run.State.DONE,
        total_rows=1,
        started_at=client.opted_out_at,
        finished_at=client.opted_out_at,
    )
    run.rows.create(
        line=1,
        client=client,
        outcome=RunRow.Outcome.CHANGED,
        consent=RunRow.Consent.OPTS_OUT,
        is_applied=True,
        before={
            "fields": {},
            "consent": dict(before),
            "version": client.consent_version,
            "hashes": sorted(new.values_list("address_hash", flat=True)),
        },
    )
    return run
