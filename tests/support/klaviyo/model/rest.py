"""How everything comes to rest: time passes, Klaviyo answers well, workers work."""

from typing import TYPE_CHECKING

from dev.klaviyo_sandbox.testing.client import LOTUS
from integrations.klaviyo.api.documents import Account
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.outbox import producer
from integrations.klaviyo.sync import reconcile
from integrations.klaviyo.worker import sweeper
from tests.support.klaviyo.model import oracle
from tests.support.klaviyo.scene import grant_of

if TYPE_CHECKING:
    from tests.support.klaviyo.model.machine import SyncMachine

TURNS_MAX = 40
# First so that late requests arrive as late as they can; then longer than any quarantine, and in
# the end than the longest pause of a suspension.
PAUSES_S = (20, 70, 100, 300, 1000, 4000, 4000)


def come_to_rest(machine: "SyncMachine") -> None:
    """An owner has done what is theirs to do, and nothing is left to wait for."""
    lifecycle.resume(machine.world.studio)
    machine.look()
    if machine.ending:
        wait_for_rest(machine)
    if machine.connection is None:
        machine.connect(account=LOTUS.id)
    wait_for_rest(machine)
    oracle.check_attention(machine)
    owner_helps(machine)
    wait_for_rest(machine)
    assert reconcile.reconcile_all() == 0, "written past the outbox"  # it only forgets


def owner_helps(machine: "SyncMachine") -> None:
    """Allow what is missing, and retry all that need attention."""
    connection = machine.connection
    assert connection
    if not connection.may_suppress:
        scene, account = machine.scene, str(connection.account_id)
        grant = grant_of(scene.klaviyo, account)
        lifecycle.add_scopes(scene.lotus, scene.olive, Account(account, account), grant)
        machine.remember_grants()
    producer.retry(ClientSync.objects.of(connection).needing_attention())
    machine.look()


def wait_for_rest(machine: "SyncMachine") -> None:
    """Fails where somebody is never synced."""
    for number, seconds in enumerate(PAUSES_S):
        machine.answer_all()
        machine.time_passes(seconds=seconds)
        work_off(machine)
        if number and is_at_rest(machine):
            return
    rows = ClientSync.objects.exclude(pk__in=ClientSync.objects.settled())
    raise AssertionError(f"never synced: {list(rows.values())}")


def is_at_rest(machine: "SyncMachine") -> bool:
    late, connection = machine.world.door.late, machine.connection
    if late or (connection and connection.is_disconnecting):
        return False
    settled = ClientSync.objects.settled()
    return not ClientSync.objects.exclude(pk__in=settled).exists()


def work_off(machine: "SyncMachine", trouble: str = "") -> None:
    """Turns wherever the sweep finds work, until they change nothing any more; all is answered
    well, but for the first request that changes anything at Klaviyo, if there is `trouble`."""
    machine.answer_all()
    for _ in range(TURNS_MAX):
        before = progress(machine)
        for connection in sweeper.with_work():
            machine.world.start(machine.world.idle[0], connection)
            machine.look()
            while waiting := machine.world.door.waiting:
                if trouble and waiting[0].method != "GET":
                    machine.trouble(what=trouble)
                    trouble = ""
                else:
                    machine.answer()
        if progress(machine) == before:
            return
    raise AssertionError(f"work never ends: {progress(machine)}")


def progress(machine: "SyncMachine") -> object:
    rows = ClientSync.objects.order_by("pk").values_list(
        "pk", "desired_version", "synced_version", "reason", "due_at"
    )
    return machine.sent, list(rows), list(Connection.objects.values_list("pk", "phase"))
