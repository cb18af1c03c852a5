"""What a client's row has exposed: read for a suppression, and settled after it."""

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection as database
from django.db.models.functions import Greatest, Now

from clients.models import same_address
from integrations.klaviyo.api.documents import Profile
from integrations.klaviyo.models import ClientSync, Exposure
from studios.models import Studio

# A request whose outcome nobody knows may have moved its profile, or still may: whatever address we
# know that profile at is in doubt with it. What was only found there is looked up each time: others
# move it without our knowing. A profile that another client's push is just moving away leaves the
# address empty: nothing is suppressed there before that is over.
EXPOSED = """
SELECT exposure.id, exposure.sync_id, exposure.address, exposure.spelling, exposure.profile_id,
       doubt.until IS NOT NULL OR NOT exposure.is_confirmed OR NOT exposure.is_written,
       extract(epoch FROM doubt.until - statement_timestamp())::float,
       EXISTS (SELECT 1 FROM klaviyo_exposure one
                 JOIN klaviyo_clientsync other
                   ON other.id = one.sync_id AND other.lease = one.in_flight
                  AND other.lease_until > statement_timestamp()
                WHERE one.connection_id = exposure.connection_id
                  AND one.profile_id = exposure.profile_id
                  AND one.spelling <> exposure.spelling AND other.id <> exposure.sync_id),
       exposure.is_owed,
       EXISTS (SELECT 1 FROM clients_client holder
                WHERE holder.studio_id = %(studio)s AND holder.email <> ''
                  AND holder.email_opt_in AND holder.address = exposure.address
                  AND holder.id IS DISTINCT FROM sync.client_id)
  FROM klaviyo_exposure exposure JOIN klaviyo_clientsync sync ON sync.id = exposure.sync_id
 CROSS JOIN LATERAL (
       SELECT max(greatest(one.unknown_until, one.in_flight_until)) AS until
         FROM klaviyo_exposure one
        WHERE one.id = exposure.id
           OR one.connection_id = exposure.connection_id AND one.profile_id = exposure.profile_id
 ) AS doubt
 WHERE exposure.sync_id = ANY(%(rows)s)
 ORDER BY exposure.id
"""

FOUND = """
INSERT INTO klaviyo_exposure (connection_id, sync_id, address, spelling, profile_id, is_confirmed,
                              is_written)
SELECT DISTINCT %(connection)s::uuid, found.*, true, false
  FROM unnest(%(syncs)s::bigint[], %(addresses)s::text[], %(spellings)s::text[],
              %(ids)s::text[]) AS found
    ON CONFLICT (sync_id, spelling, profile_id) WHERE sync_id IS NOT NULL DO UPDATE
   SET is_confirmed = true
"""


@dataclass
class Exposed:
    """One exposure, and what may be done about it now."""

    pk: int
    sync_id: int
    address: str
    spelling: str
    profile_id: str | None
    is_doubtful: bool  # some request about it had no answer: it is looked up
    doubt_s: float | None  # seconds until that request has arrived or won't
    is_leaving: bool  # another client's push on its way gives its profile another address
    is_owed: bool  # as of the last look
    is_held: bool  # by another client of the studio who agreed to emails

    @property
    def is_sure(self) -> bool:
        """True if its profile stands there."""
        return not self.is_doubtful

    @property
    def may_still_change(self) -> bool:
        return self.doubt_s is not None and self.doubt_s > 0


def of_rows(studio: Studio, rows: Collection[ClientSync]) -> dict[int, list[Exposed]]:
    """What each row exposed, by its primary key; one query for all of them."""
    found: dict[int, list[Exposed]] = {row.pk: [] for row in rows}
    with database.cursor() as cursor:
        cursor.execute(EXPOSED, {"studio": studio.pk, "rows": list(found)})
        for values in cursor.fetchall():
            exposed = Exposed(*values)
            found[exposed.sync_id].append(exposed)
    return found


def suppressible(studio: Studio, rows: Collection[ClientSync]) -> dict[int, list[str]]:
    """What to suppress for each row, by its primary key: all that it exposed, but what another
    client who agreed to emails now holds. One query for all of them."""
    exposed = of_rows(studio, rows)
    return {pk: [one.spelling for one in found if not one.is_held] for pk, found in exposed.items()}


def found(connection_id: UUID, profiles: Iterable[tuple[ClientSync, Profile]]) -> None:
    """A look-up found these at the rows' addresses. What is in doubt stays so until it can't be."""
    rows = [(row.pk, same_address(p.email), p.email, p.id) for row, p in profiles]
    if rows:
        syncs, addresses, spellings, ids = zip(*rows, strict=True)
        values: dict[str, Any] = {
            "connection": connection_id,
            "syncs": list(syncs),
            "addresses": list(addresses),
            "spellings": list(spellings),
            "ids": list(ids),
        }
        with database.cursor() as cursor:
            cursor.execute(FOUND, values)


def settle(
    rows: Collection[ClientSync],
    *,
    cleared: Collection[int],
    gone: Collection[int],
    owed: Collection[tuple[int, str]],
) -> None:
    """After a suppression of these rows: the doubt of `cleared` had passed before they were looked
    up; `gone` of them never came to be; `owed` (row and address) must still be suppressed once its
    holder has left it."""
    mine = Exposure.objects.filter(sync__in=[row.pk for row in rows])
    mine.filter(pk__in=gone).delete()
    passed = Greatest("unknown_until", "in_flight_until")
    mine.alias(passed=passed).filter(pk__in=cleared, passed__lte=Now()).update(
        unknown_until=None, in_flight=None, in_flight_until=None
    )
    mine.update(is_owed=False)
    for sync, address in owed:
        Exposure.objects.filter(sync=sync, address=address).update(is_owed=True)
