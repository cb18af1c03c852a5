"""Studio, connection, clients, their rows: everybody locks in this order, many rows in the order of
their clients. Nobody meets a deadlock."""

import time
from collections.abc import Callable, Sequence
from datetime import timedelta
from itertools import permutations

import pytest
from django.db import transaction
from django.db.models import F
from django.db.models.functions import Now

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.features import suppression
from integrations.klaviyo.models import ClientSync, Connection, EndCause, Priority
from integrations.klaviyo.outbox import completion, producer
from integrations.klaviyo.outbox.completion import Done
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.sync import backfill
from tests.support.klaviyo.scene import Scene, claim, grant_of
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

ORDERS = list(permutations(range(3)))


def opt_outs_to_confirm(scene: Scene, count: int) -> list[Client]:
    """Refused once, and pushed once more because an earlier outcome was unknown."""
    clients = [scene.add(email=f"client{number}@example.com") for number in range(count)]
    scene.sync()
    for client in clients:
        scene.opt_out(client)
    a_moment_ago = Now() - timedelta(seconds=1)
    ClientSync.objects.update(reason=Reason.PERMISSION_MISSING, confirm_at=a_moment_ago)
    ClientSync.objects.update(due_at=F("confirm_at"))
    return clients


def settle(rows: list[ClientSync]) -> None:
    """As refused: that is written under more locks than anything else."""
    opt_outs = suppression.with_exposures(rows)
    for one in opt_outs:
        one.refused = Reason.PERMISSION_MISSING
    suppression.settle(opt_outs, Klaviyo(rows[0].connection))


def after(seconds: float, work: Callable[[], object]) -> Callable[[], object]:
    def wait_and_work() -> object:
        time.sleep(seconds)
        return work()

    return wait_and_work


@pytest.mark.parametrize("order", ORDERS, ids=str)
def test_an_owners_retry_and_a_batchs_completion_wait_for_each_other(
    scene: Scene, order: tuple[int, ...]
) -> None:
    clients = opt_outs_to_confirm(scene, 3)
    rows = claim(Connection.objects.get(), Priority.OPT_OUT)
    for place in order:  # as they lie in the table
        ClientSync.objects.filter(client=clients[place]).update(attempts=2)

    def hold_the_middle_one() -> None:
        with transaction.atomic():
            list(ClientSync.objects.filter(client=clients[1]).select_for_update())
            time.sleep(0.6)

    outcomes = at_once(
        hold_the_middle_one,
        after(0.15, lambda: settle(rows)),
        after(0.3, lambda: producer.retry(ClientSync.objects.needing_attention())),
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def test_a_further_consent_and_a_batchs_completion_wait_for_each_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    opt_outs_to_confirm(scene, 1)
    rows = claim(Connection.objects.get(), Priority.OPT_OUT)
    complete = completion.complete

    def complete_slowly(done: Sequence[Done]) -> dict[int, bool]:
        completed = complete(done)
        time.sleep(0.5)
        return completed

    monkeypatch.setattr(completion, "complete", complete_slowly)
    outcomes = at_once(
        lambda: settle(rows),
        after(0.2, lambda: consent_further(scene)),
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]


def consent_further(scene: Scene) -> None:
    grant = grant_of(scene.klaviyo)
    lifecycle.add_scopes(scene.lotus, scene.olive, Account(LOTUS.id, "Lotus"), grant)


def disconnect(scene: Scene) -> None:
    lifecycle.begin_disconnect(Connection.objects.get(), EndCause.OWNER, scene.olive)


@pytest.mark.parametrize("owner_acts", [consent_further, disconnect])
def test_an_owner_and_a_backfills_chunk_wait_for_each_other(
    scene: Scene, monkeypatch: pytest.MonkeyPatch, owner_acts: Callable[[Scene], None]
) -> None:
    scene.add()
    connection = scene.connect()
    backfill.seed_chunk(connection)  # nobody opted out
    insert_chunk = backfill.insert_chunk

    def insert_slowly(row: Connection) -> int | None:
        time.sleep(0.5)
        return insert_chunk(row)

    monkeypatch.setattr(backfill, "insert_chunk", insert_slowly)

    outcomes = at_once(
        lambda: backfill.seed_chunk(connection),
        after(0.2, lambda: owner_acts(scene)),
    )

    assert not [outcome for outcome in outcomes if isinstance(outcome, Exception)]
