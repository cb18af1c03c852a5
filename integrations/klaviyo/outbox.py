"""The outbox: mark, claim, depart, complete. Truth about what Klaviyo still has to hear.

A row is due while `wanted > done`. Marks are made in the edit's own transaction; a claim holds a
lease; completion is a compare-and-set on that lease. All times are PostgreSQL's.
"""

import uuid
from collections.abc import Collection
from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import connection as database
from django.db import transaction
from django.db.models import BigIntegerField, Case, F, Q, QuerySet, When
from django.db.models.functions import Now

from clients.models import Client
from integrations.klaviyo.api import Cancelled
from integrations.klaviyo.http import DEADLINE_S
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.reasons import Reason

LEASE = timedelta(seconds=15)
CLAIMS_PER_STUDIO = 4  # at once, so that a slow account holds no more of the workers' threads

# Each client is locked before its row, as edits do; a foreign key would lock it at the commit.
MARK = """
INSERT INTO klaviyo_clientsync (connection_id, studio_id, client_id, priority)
SELECT connection.id, client.studio_id, client.id,
       CASE WHEN client.opted_out_at IS NULL THEN %(live)s ELSE %(opt_out)s END
  FROM clients_client client
  JOIN klaviyo_connection connection ON connection.studio_id = client.studio_id
 WHERE client.id = ANY(%(client_ids)s) AND connection.fenced_at IS NULL
 ORDER BY client.id
   FOR KEY SHARE OF client
    ON CONFLICT (client_id) DO UPDATE
   SET wanted = klaviyo_clientsync.wanted + 1, priority = EXCLUDED.priority,
       due_at = EXCLUDED.due_at, attempts = 0
"""

DEPART = """
UPDATE klaviyo_clientsync sync
   SET exposed = jsonb_build_object(%(address)s::text, %(profile_id)s::text) || sync.exposed,
       sent_fields = ARRAY(SELECT DISTINCT unnest(sync.sent_fields || %(fields)s::varchar[]))
  FROM klaviyo_connection connection, clients_client client
 WHERE sync.id = %(sync)s AND sync.lease = %(lease)s
   AND sync.lease_until > statement_timestamp() + make_interval(secs => %(deadline_s)s)
   AND connection.id = sync.connection_id
   AND connection.fenced_at IS NULL AND connection.paused_at IS NULL
   AND connection.refused_at IS NULL
   AND client.id = sync.client_id AND client.email_opt_in AND client.email <> ''
   AND client.klaviyo_profile_id IS NOT DISTINCT FROM %(bound_to)s
"""


def mark(client_ids: Collection[int]) -> bool:
    """These clients changed: each is to be looked at again. Whether anybody listens.

    Must run in the transaction of the change itself; a fenced connection gets no marks.
    """
    values: dict[str, int | list[int]] = {
        "live": int(Priority.LIVE),
        "opt_out": int(Priority.OPT_OUT),
        "client_ids": list(client_ids),
    }
    with database.cursor() as cursor:
        cursor.execute(MARK, values)
        return bool(cursor.rowcount)


@transaction.atomic
def again(rows: QuerySet[ClientSync]) -> int:
    """Send these once more, whatever was sent before: an owner's retry, a permission given."""
    opt_out = Q(client=None) | Q(client__opted_out_at__isnull=False)
    due = {"digest": "", "reason": "", "attempts": 0, "due_at": Now(), "wanted": F("wanted") + 1}
    count = rows.filter(opt_out).update(priority=Priority.OPT_OUT, **due)
    return count + rows.exclude(opt_out).update(priority=Priority.LIVE, **due)


@transaction.atomic
def claim(
    connection: Connection, priority: Priority, limit: int, *, bound: bool = False
) -> list[ClientSync]:
    """Up to `limit` due rows of this priority, leased to the caller, with their clients as now;
    only clients whose profile id is known, where `bound` is asked for.

    A row taken over from an expired lease is pushed once more after the quarantine: the request
    of whoever held it may still arrive.
    """
    rows = ClientSync.objects.of(connection)
    if not limit:
        return []
    if rows.leased().values("lease").distinct().count() >= CLAIMS_PER_STUDIO:
        return []
    due = rows.due().filter(priority=priority, connection__fenced_at=None).order_by("due_at")
    if bound:
        due = due.exclude(client__klaviyo_profile_id=None)
    pks = list(due.select_for_update(skip_locked=True, of=("self",)).values_list("pk")[:limit])
    claimed = ClientSync.objects.filter(pk__in=[pk for (pk,) in pks])
    claimed.update(
        confirm_at=Case(When(lease__isnull=False, then=_quarantined()), default=F("confirm_at")),
        lease=uuid.uuid4(),
        lease_until=Now() + LEASE,
    )
    return list(claimed.with_clients().order_by("due_at"))


def depart(row: ClientSync, address: str, profile_id: str | None, fields: list[str]) -> None:
    """Right before a push leaves: write down what it may expose; raises `Cancelled` if the lease,
    the connection or the client's consent no longer carries it, or if its profile id has gone to
    another client since the claim."""
    values = {
        "sync": row.pk,
        "lease": row.lease,
        "address": address,
        "profile_id": profile_id,
        "bound_to": row.client.klaviyo_profile_id if row.client else None,
        "fields": fields,
        "deadline_s": DEADLINE_S,
    }
    with database.cursor() as cursor:
        cursor.execute(DEPART, values)
        if not cursor.rowcount:
            raise Cancelled
    row.exposed.setdefault(address, profile_id)
    row.sent_fields = sorted({*row.sent_fields, *fields})


def still_ours(rows: Collection[ClientSync]) -> set[int]:
    """Which of these rows' leases and connections still carry a request."""
    standing = ClientSync.objects.filter(
        pk__in=[row.pk for row in rows],
        lease__in={row.lease for row in rows},
        lease_until__gt=Now() + timedelta(seconds=DEADLINE_S),
        connection__fenced_at=None,
    )
    return set(standing.values_list("pk", flat=True))


def complete(
    row: ClientSync, reason: Reason | str = "", *, once_more: bool = False, **changes: Any
) -> bool:
    """What was wanted at the claim is reached, or a person has to act (`reason`).

    False where the lease was lost or the connection fenced: then nothing is written. A row whose
    outcome was once unknown stays due until it was pushed again after the quarantine; so does one
    that is to be pushed `once_more`.
    """
    owed = row.confirm_at is not None and not row.confirming
    if owed or once_more:
        unmoved = Q(wanted=row.wanted)
        confirm_at = F("confirm_at") if owed else _quarantined()
        changes["confirm_at"] = confirm_at
        changes["due_at"] = Case(When(unmoved, then=confirm_at), default=F("due_at"))
        changes["wanted"] = Case(
            When(unmoved, then=row.wanted + 1), default=F("wanted"), output_field=BigIntegerField()
        )
    else:
        changes["confirm_at"] = None
    return _settle(
        row, done=row.wanted, reason=reason, digest=row.client_digest, attempts=0, **changes
    )


def lock_client(row: ClientSync) -> bool:
    """Before a row is completed together with anything that refers to its client: edits lock the
    client first as well. False where it was deleted meanwhile."""
    client = Client.objects.filter(Q(pk=row.client_id)).values_list("pk")
    return bool(list(client.select_for_update(no_key=True)))


def wait(row: ClientSync, wait_s: float) -> bool:
    """Nothing was tried: come back in a while, or at once if the client changed meanwhile."""
    return _settle(row, due_at=_later(row, wait_s))


def postpone(row: ClientSync, wait_s: float, *, unknown: bool) -> bool:
    """Try again later; at once if the client changed meanwhile (an opt-out waits for nothing)."""
    changes: dict[str, Any] = {
        "attempts": F("attempts") + 1,
        "due_at": _later(row, wait_s),
    }
    if unknown:
        changes["confirm_at"] = _quarantined()
    return _settle(row, **changes)


def release(row: ClientSync) -> bool:
    """Give the row back untouched."""
    return _settle(row)


def _settle(row: ClientSync, **changes: Any) -> bool:
    mine = ClientSync.objects.filter(pk=row.pk, lease=row.lease)
    free = {"lease": None, "lease_until": None}
    if mine.filter(connection__fenced_at=None).update(**free, **changes):
        return True
    mine.update(**free)  # fenced: who disconnects waits for this
    return False


def _later(row: ClientSync, wait_s: float) -> Any:
    return Case(When(wanted=row.wanted, then=Now() + timedelta(seconds=wait_s)), default=Now())


def _quarantined() -> Any:
    return Now() + timedelta(seconds=settings.KLAVIYO_QUARANTINE_S)


def part(client: Client) -> None:
    """The client is being deleted: nothing more is sent for it, but an opt-out that still waits
    keeps its row, and its address, until Klaviyo has heard of it."""
    list(Client.objects.for_edit(client.studio).filter(pk=client.pk))  # locks are taken in order
    rows = ClientSync.objects.for_studio(client.studio).filter(client=client)
    if client.has_opted_out:
        waits = Q(wanted__gt=F("done")) | Q(reason=Reason.PERMISSION_MISSING)
        rows.filter(waits).update(client=None, last_address=client.email, priority=Priority.OPT_OUT)
    rows.filter(client=client).delete()
