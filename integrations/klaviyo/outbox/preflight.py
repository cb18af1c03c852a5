"""Right before pushes leave: may they still, and what do they expose?"""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection as database

from clients.models.address import all_hashes, hash_address, same_address
from integrations.crash_points import reached
from integrations.http import DEADLINE_S
from integrations.klaviyo.models import ClientSync

# A client is locked before anything of its row is written, as edits do; one that is being edited
# is waited for and looked at anew: nobody is sent who opts out at this moment. The doubt that a
# request leaves, should nobody hear of it again, is written down before it goes; so is the address,
# for a withdrawal to cover. What was settled before (`digest`) holds no more: who goes back to it
# is sent again.
PREFLIGHT = """
WITH asked AS (
    SELECT * FROM unnest(%(rows)s::bigint[], %(leases)s::uuid[], %(addresses)s::text[],
                         %(spellings)s::text[], %(profiles)s::text[], %(linked_to)s::text[],
                         %(fields)s::text[], %(hashes)s::text[], %(all_hashes)s::text[])
        AS asked (sync, lease, address, spelling, profile_id, linked_to, fields,
                  address_hash, all_hashes)
), fine AS MATERIALIZED (
    SELECT asked.*, sync.connection_id, client.studio_id, client.unsubscribe_token
      FROM asked
      JOIN klaviyo_clientsync sync ON sync.id = asked.sync AND sync.lease = asked.lease
       AND sync.lease_until > statement_timestamp() + make_interval(secs => %(deadline_s)s)
      JOIN klaviyo_connection connection ON connection.id = sync.connection_id
       AND connection.disconnecting_at IS NULL AND connection.paused_at IS NULL
       AND (connection.suspended_at IS NULL
            OR connection.suspended_until <= statement_timestamp())
      JOIN clients_client client ON client.id = sync.client_id
       AND client.email_opt_in AND client.email <> ''
       AND client.klaviyo_profile_id IS NOT DISTINCT FROM asked.linked_to
     WHERE NOT EXISTS (SELECT 1 FROM clients_withdrawal withdrawal
                        WHERE withdrawal.studio_id = client.studio_id
                          AND withdrawal.address_hash
                              = ANY(string_to_array(asked.all_hashes, ' ')))
       AND NOT EXISTS (SELECT 1 FROM klaviyo_exposure there
                         JOIN klaviyo_clientsync other ON other.id = there.sync_id
                         LEFT JOIN clients_client holder ON holder.id = other.client_id
                        WHERE there.connection_id = sync.connection_id
                          AND there.profile_id = asked.profile_id
                          AND there.spelling <> asked.spelling
                          AND other.id <> sync.id
                          AND other.lease_until > statement_timestamp()
                          AND (holder.id IS NULL OR holder.opted_out_at IS NOT NULL))
     ORDER BY client.id
       FOR SHARE OF client
), remembered AS (
    INSERT INTO clients_sentaddress (studio_id, token_hash, address_hash)
    SELECT studio_id, encode(sha256(convert_to(unsubscribe_token, 'UTF8')), 'hex'), address_hash
      FROM fine
        ON CONFLICT (token_hash, address_hash) DO NOTHING
), sent AS (
    UPDATE klaviyo_clientsync sync
       SET digest = '',
           sent_fields = ARRAY(
               SELECT DISTINCT unnest(sync.sent_fields || fine.fields::varchar[]))
      FROM fine
     WHERE sync.id = fine.sync
       AND (sync.digest <> '' OR NOT sync.sent_fields @> fine.fields::varchar[])
), exposed AS (
    INSERT INTO klaviyo_exposure (connection_id, sync_id, address, spelling, profile_id,
                                  is_written, in_flight, in_flight_until)
    SELECT connection_id, sync, address, spelling, profile_id, true, lease,
           statement_timestamp() + make_interval(secs => %(doubt_s)s)
      FROM fine
        ON CONFLICT (sync_id, spelling, profile_id) WHERE sync_id IS NOT NULL DO UPDATE
       SET is_written = true,
           unknown_until = CASE
               WHEN klaviyo_exposure.in_flight <> EXCLUDED.in_flight
               THEN greatest(klaviyo_exposure.unknown_until, klaviyo_exposure.in_flight_until)
               ELSE klaviyo_exposure.unknown_until END,
           in_flight = EXCLUDED.in_flight, in_flight_until = EXCLUDED.in_flight_until
)
SELECT sync FROM fine
"""


@dataclass(frozen=True)
class Push:
    """One claimed row, and what its next request would put at Klaviyo."""

    row: ClientSync
    spelling: str  # of the address that the profile gets, or keeps
    profile_id: str | None  # to write to; None: a new one
    fields: Sequence[str]  # with a value, of the optional ones


def preflight(pushes: Sequence[Push]) -> set[int]:
    """Write down what these pushes may expose; the primary keys of the rows that may go.

    The others may not: their lease, their connection or their client's consent no longer carries
    them, their profile has gone to another client since the claim, or it is just being suppressed
    at the address that they move it from.
    """
    if not pushes:
        return set()
    clients = [push.row.client for push in pushes]
    addresses = [same_address(push.spelling) for push in pushes]
    values: dict[str, Any] = {
        "rows": [push.row.pk for push in pushes],
        "leases": [push.row.lease for push in pushes],
        "addresses": addresses,
        "spellings": [push.spelling for push in pushes],
        "profiles": [push.profile_id for push in pushes],
        "linked_to": [client.klaviyo_profile_id if client else None for client in clients],
        "fields": ["{" + ",".join(push.fields) + "}" for push in pushes],
        "hashes": [hash_address(push.row.studio, push.spelling) for push in pushes],
        "all_hashes": [" ".join(all_hashes(push.row.studio, push.spelling)) for push in pushes],
        "deadline_s": DEADLINE_S,
        "doubt_s": DEADLINE_S + settings.KLAVIYO_QUARANTINE_S,
    }
    with database.cursor() as cursor:
        reached("preflight: about to look")
        cursor.execute(PREFLIGHT, values)
        reached("preflight: exposure committed")
        fine = {pk for (pk,) in cursor.fetchall()}
    for push in pushes:
        if push.row.pk in fine:
            push.row.sent_fields = sorted({*push.row.sent_fields, *push.fields})
    return fine


STILL_OPTED_OUT = """
SELECT count(*)
  FROM klaviyo_clientsync sync
  JOIN klaviyo_connection connection ON connection.id = sync.connection_id
   AND connection.disconnecting_at IS NULL
  LEFT JOIN clients_client client ON client.id = sync.client_id
 WHERE sync.id = ANY(%(rows)s) AND sync.lease = ANY(%(leases)s)
   AND sync.lease_until > statement_timestamp() + make_interval(secs => %(deadline_s)s)
   AND (client.id IS NULL OR client.opted_out_at IS NOT NULL)
   AND NOT EXISTS (SELECT 1 FROM clients_client holder
                    WHERE holder.studio_id = sync.studio_id AND holder.email_opt_in
                      AND holder.email <> ''
                      AND holder.address = ANY(%(addresses)s))
   AND NOT EXISTS (SELECT 1 FROM unnest(%(syncs)s::bigint[], %(spellings)s::text[])
                                     AS told (sync, spelling)
                    WHERE told.sync = sync.id AND NOT EXISTS (
                          SELECT 1 FROM klaviyo_exposure exposure
                           WHERE exposure.sync_id = told.sync
                             AND exposure.spelling = told.spelling
                             AND NOT EXISTS (
                                 SELECT 1 FROM klaviyo_exposure one
                                   JOIN klaviyo_clientsync other
                                     ON other.id = one.sync_id AND other.lease = one.in_flight
                                    AND other.lease_until > statement_timestamp()
                                  WHERE one.connection_id = exposure.connection_id
                                    AND one.profile_id = exposure.profile_id
                                    AND one.spelling <> exposure.spelling
                                    AND other.id <> sync.id)))
"""


def still_opted_out(
    rows: Sequence[ClientSync], spellings: Collection[tuple[ClientSync, str]] = ()
) -> bool:
    """True if leases and connection still carry a request about these opt-outs, none of them
    agreed meanwhile, nobody who agreed holds one of the addresses to suppress, and what stands at
    their `spellings` is not just moving away."""
    values: dict[str, Any] = {
        "rows": [row.pk for row in rows],
        "leases": list({row.lease for row in rows}),
        "addresses": [same_address(spelling) for _, spelling in spellings],
        "syncs": [row.pk for row, _ in spellings],
        "spellings": [spelling for _, spelling in spellings],
        "deadline_s": DEADLINE_S,
    }
    with database.cursor() as cursor:
        cursor.execute(STILL_OPTED_OUT, values)
        reached("preflight: opt-outs looked at")
        carried: int = cursor.fetchone()[0]
    return carried == len(rows)
