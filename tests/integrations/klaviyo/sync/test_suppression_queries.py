"""How many statements a batch of opt-outs costs: as many for a hundred as for ten."""

import pytest
from django.db import connection as database
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from clients.models import Client
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.features import suppression
from integrations.klaviyo.models import ClientSync, Connection, Priority, SyncEvent
from integrations.klaviyo.outbox import producer
from studios.models import Studio
from tests.support.klaviyo.scene import Scene, claim, expose

pytestmark = pytest.mark.django_db
ENOUGH = 40  # one of them a renewal of access


def opted_out(studio: Studio, connection: Connection, count: int) -> list[ClientSync]:
    """Claimed rows of clients who opted out and whose addresses Klaviyo has from us."""
    addresses = [f"client{number}@example.com" for number in range(count)]
    gone = [Client(studio=studio, email=one, opted_out_at=timezone.now()) for one in addresses]
    producer.enqueue(studio.pk, [client.pk for client in Client.objects.bulk_create(gone)])
    for client in gone:
        expose(client, **{client.email: f"profile {client.pk}"})
    return claim(connection, Priority.OPT_OUT)


def test_a_hundred_opt_outs_cost_few_statements(scene: Scene) -> None:
    connection = scene.connect()
    rows = opted_out(scene.lotus, connection, 100)

    with CaptureQueriesContext(database) as statements:
        suppression.suppress(rows, Klaviyo(connection))

    assert len(scene.klaviyo.suppressed()) == 100
    assert SyncEvent.objects.filter(what=SyncEvent.What.SUPPRESSED).count() == 100
    assert len(statements) < ENOUGH, f"{len(statements)} statements"
