"""Studios, clients and connections, in bulk: what a benchmark is about should be all that it waits
for. Client n of studio s has the address `cn@ss.example`, and a last name of a few letters."""

from collections.abc import Sequence
from typing import Any

from django.db import connection as database
from django.utils import timezone

from dev.benchmarks.double import KNOWN
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import KNOWN_SCOPES
from integrations.klaviyo.models import Connection, Turn
from integrations.klaviyo.models.digest import DIGEST
from integrations.sealing import keyring
from studios.models import Membership, Role, Studio, User

CLIENTS = """
INSERT INTO clients_client
       (public_id, studio_id, first_name, last_name, email, phone, email_opt_in, opted_out_at,
        consent_source, consent_version, unsubscribe_token, created_at, klaviyo_profile_id,
        folded, sort_key, folded_from)
SELECT gen_random_uuid(), studio, 'Bea', initcap(name), email,
       '', n > %(opted_out)s, CASE WHEN n <= %(opted_out)s THEN now() END,
       '', 0, gen_random_uuid()::text, now(),
       CASE WHEN %(known)s THEN %(kind)s || '-' || studio || '-' || n END,
       ' bea ' || name || ' ' || email, name || E'\t' || 'bea',
       md5(concat_ws(E'\x1f', 'Bea', initcap(name), email, ''))
  FROM unnest(%(studios)s::bigint[]) AS studio, generate_series(1, %(clients)s) AS n,
       LATERAL (SELECT translate(left(md5(n::text), 9), '0123456789', 'aeioulmnrs') AS name,
                       'c' || n || '@s' || studio || '.example' AS email) AS made
"""

SYNCED = f"""
WITH synced AS (
    INSERT INTO klaviyo_clientsync
           (connection_id, studio_id, client_id, priority, desired_version, synced_version,
            confirmed_address, digest, sent_fields)
    SELECT connection.id, client.studio_id, client.id, 3, 1, 1, client.email,
           {DIGEST.format("client")}, ARRAY['first_name', 'last_name']
      FROM clients_client client
      JOIN klaviyo_connection connection ON connection.studio_id = client.studio_id
     WHERE client.studio_id = ANY(%(studios)s)
    RETURNING id, connection_id, client_id, confirmed_address
)
INSERT INTO klaviyo_exposure (connection_id, sync_id, address, spelling, profile_id)
SELECT synced.connection_id, synced.id, confirmed_address, confirmed_address, klaviyo_profile_id
  FROM synced JOIN clients_client client ON client.id = synced.client_id
"""


def studios_of(
    number: int, clients: int, *, opted_out: int = 0, known: bool = False
) -> list[Studio]:
    """So many studios with so many clients each, and Olive as their owner. Nobody is connected."""
    olive, _ = User.objects.get_or_create(email="olive@studio.test", defaults={"name": "Olive"})
    first = Studio.objects.count()
    studios = Studio.objects.bulk_create(
        Studio(name=f"Studio {n}", slug=f"studio-{n}", country="DE")
        for n in range(first, first + number)
    )
    Membership.objects.bulk_create(
        Membership(studio=studio, user=olive, role=Role.OWNER) for studio in studios
    )
    values: dict[str, Any] = {
        "studios": [studio.pk for studio in studios],
        "clients": clients,
        "opted_out": opted_out,
        "known": known,
        "kind": KNOWN,
    }
    with database.cursor() as cursor:
        cursor.execute(CLIENTS, values)
        cursor.execute("ANALYZE")
    return studios


def others() -> None:
    """100 studios that have nothing to do with it: of tables that were empty a moment ago
    PostgreSQL's planner knows nothing, and reads all that a studio has to find one row."""
    synced_studios(100, 100)


def synced_studios(number: int, clients: int) -> list[Studio]:
    """So many studios that are connected, every client at Klaviyo, and nothing to do."""
    studios = studios_of(number, clients, known=True)
    connections = [connection_of(studio) for studio in studios]
    Connection.objects.bulk_create(connections)
    Turn.objects.bulk_create(Turn(connection=one, next_at=None) for one in connections)
    with database.cursor() as cursor:
        cursor.execute(SYNCED, {"studios": [studio.pk for studio in studios]})
        cursor.execute("ANALYZE")
    return studios


def connection_of(studio: Studio) -> Connection:
    connection = Connection(
        studio=studio,
        account_id=account_of(studio),
        granted_scopes=" ".join(sorted(KNOWN_SCOPES)),
        phase=Connection.Phase.SEEDED,
        refreshed_at=timezone.now(),
    )
    sealed = keyring().seal(account_of(studio), *connection.sealing_context)
    connection.refresh_token = sealed
    return connection


def account_of(studio: Studio) -> str:
    """The account; in the lean Klaviyo it is its own token."""
    return f"A{studio.pk}"


def connect(studios: Sequence[Studio]) -> None:
    """As the callback of a consent does."""
    olive = User.objects.get()
    for studio in studios:
        grant = Grant("", account_of(studio), frozenset(KNOWN_SCOPES), 3600)
        lifecycle.connect(studio, olive, Account(account_of(studio), studio.name), grant)
