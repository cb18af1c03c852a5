"""Opt-outs: suppress at Klaviyo every address that may exist there because of a client.

Suppression creates profiles for unknown addresses, so only those are sent that we exposed or that
a look-up found, in exactly the spelling used there, and none that another opted-in client holds.
No code path here subscribes anybody or lifts a suppression.
"""

import logging
from collections.abc import Iterator, Sequence
from functools import partial
from typing import Any

from django.db import transaction
from django.db.models.functions import Lower, Now, Trim

from clients.models import Client, same_address
from integrations.klaviyo import outbox
from integrations.klaviyo.answers import Forbidden, Rejected
from integrations.klaviyo.api import Cancelled, Klaviyo
from integrations.klaviyo.models import ClientSync, Connection, SyncEvent
from integrations.klaviyo.operations import LOOKUP_BATCH, SUPPRESSION_BATCH
from integrations.klaviyo.reasons import Reason
from studios.tenancy import hold

logger = logging.getLogger(__name__)


def suppress(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    """Tell Klaviyo of these opt-outs and complete their rows; first those that need no look-up."""
    exposed = [row for row in rows if _is_exposed(row)]
    _suppress_known(exposed, api)
    for chunk in _chunks([row for row in rows if row not in exposed], LOOKUP_BATCH):
        _suppress_known(_looked_up(chunk, api), api)


def needs_suppression(row: ClientSync) -> bool:
    """Whether this row is about an opt-out; a row without a client outlived it for one."""
    return row.client is None or row.client.has_opted_out


def _looked_up(rows: Sequence[ClientSync], api: Klaviyo) -> list[ClientSync]:
    """These rows after a look-up. Refused for one bad address, it is halved until that is found:
    nothing can stand there under such an address."""
    try:
        _find_unexposed(rows, api)
    except Rejected:
        if len(rows) == 1:
            return _known_by_another_address(rows[0])
        middle = len(rows) // 2
        return _looked_up(rows[:middle], api) + _looked_up(rows[middle:], api)
    return [*rows]


def _known_by_another_address(row: ClientSync) -> list[ClientSync]:
    """This row, if an earlier address of it may stand there; else a person has to look."""
    if not row.exposed:
        _complete(row, SyncEvent.What.REFUSED, Reason.EMAIL_INVALID)
        return []
    return [row]


def _find_unexposed(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    """Look up the addresses that we never sent, and expose those found."""
    unknown = {_current_address(row): row for row in rows}
    unknown.pop("", None)
    if not unknown:
        return
    spellings = sorted({s for row in unknown.values() for s in _spellings(row)})
    for profile in api.find_profiles(spellings, partial(_depart, list(unknown.values()))):
        row = unknown.get(same_address(profile.email))
        if row:
            row.exposed[profile.email] = profile.id


def _suppress_known(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    known = [row for row in rows if _addresses(row)]
    for row in rows:
        if row not in known:
            _complete(row, SyncEvent.What.NOT_FOUND)
    for batch in _batches(known):
        _suppress_batch(batch, api)


def _suppress_batch(rows: list[ClientSync], api: Klaviyo) -> None:
    """One call; a batch refused for one bad address is halved until it is found."""
    try:
        addresses = [address for row in rows for address in _addresses(row)]
        api.suppress(addresses, partial(_depart, rows))
    except Forbidden:
        _leave_to_the_owner(rows, api)
    except Rejected:
        _halve(rows, api)
    else:
        for row in rows:
            _complete(row, SyncEvent.What.SUPPRESSED)


@transaction.atomic
def _leave_to_the_owner(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    """The permission is missing; raises `Cancelled` where it was given while we were refused."""
    hold(api.connection.studio_id)  # a second consent takes it: it is over, or finds our rows
    same_grant = Connection.objects.filter(
        pk=api.connection.pk, grant_serial=api.connection.grant_serial
    )
    if not same_grant.exists():
        raise Cancelled
    for row in rows:
        _complete(row, SyncEvent.What.REFUSED, Reason.PERMISSION_MISSING)


def _halve(rows: list[ClientSync], api: Klaviyo) -> None:
    if len(rows) == 1:
        _suppress_one_by_one(rows[0], api)
        return
    middle = len(rows) // 2
    _suppress_batch(rows[:middle], api)
    _suppress_batch(rows[middle:], api)


def _suppress_one_by_one(row: ClientSync, api: Klaviyo) -> None:
    """An address that was mistyped once must not keep its correction from being suppressed."""
    addresses = _addresses(row)
    accepted = len(addresses) > 1 and [a for a in addresses if _is_accepted(a, row, api)]
    if accepted:
        _complete(row, SyncEvent.What.SUPPRESSED)
    else:
        _complete(row, SyncEvent.What.REFUSED, Reason.EMAIL_INVALID)


def _is_accepted(address: str, row: ClientSync, api: Klaviyo) -> bool:
    try:
        api.suppress([address], partial(_depart, [row]))
    except Rejected:
        return False
    return True


def _complete(row: ClientSync, what: SyncEvent.What, reason: Reason | None = None) -> None:
    told = what == SyncEvent.What.SUPPRESSED
    changes: dict[str, Any] = {"suppressed_at": Now()} if told else {}
    with transaction.atomic():
        client = row.client if outbox.lock_client(row) else None
        if not outbox.complete(row, reason or "", exposed=row.exposed, **changes):
            return
        if client:
            SyncEvent.objects.create(
                connection_id=row.connection_id,
                client=client,
                what=what,
                reason=reason or "",
            )
        elif reason is not Reason.PERMISSION_MISSING:
            # The client was deleted and nobody can do more: its address is forgotten too.
            ClientSync.objects.for_studio(row.studio).settled().filter(pk=row.pk).delete()


def _depart(rows: Sequence[ClientSync]) -> None:
    """Right before a request leaves: raises `Cancelled` where a lease or the connection no longer
    carries it, or where somebody opted in again meanwhile."""
    clients = [row.client_id for row in rows if row.client_id]
    agreed = Client.objects.filter(pk__in=clients, opted_out_at=None).exists()
    if agreed or len(outbox.still_ours(rows)) < len(rows):
        raise Cancelled


def _batches(rows: Sequence[ClientSync]) -> Iterator[list[ClientSync]]:
    """Runs of rows whose addresses fit into one call."""
    batch: list[ClientSync] = []
    size = 0
    for row in rows:
        count = len(_addresses(row))
        if batch and size + count > SUPPRESSION_BATCH:
            yield batch
            batch, size = [], 0
        batch.append(row)
        size += count
    if batch:
        yield batch


def _chunks(rows: Sequence[ClientSync], size: int) -> Iterator[Sequence[ClientSync]]:
    return (rows[start : start + size] for start in range(0, len(rows), size))


def _addresses(row: ClientSync) -> list[str]:
    """What to suppress for this row: all it exposed, but what another opted-in client now holds."""
    exposed = {same_address(address) for address in row.exposed}
    holders = Client.objects.for_studio(row.studio).may_be_emailed()
    held = set(
        holders.alias(held=Lower(Trim("email")))
        .filter(held__in=exposed)
        .values_list(Lower(Trim("email")), flat=True)
    )
    return [address for address in row.exposed if same_address(address) not in held]


def _current_address(row: ClientSync) -> str:
    return row.client.address if row.client else same_address(row.last_address)


def _spellings(row: ClientSync) -> set[str]:
    typed = row.client.email if row.client else row.last_address
    return {typed.strip(), same_address(typed)}


def _is_exposed(row: ClientSync) -> bool:
    return _current_address(row) in {same_address(address) for address in row.exposed}
