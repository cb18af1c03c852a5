"""Mass changes wait while they may be taken back; nobody's own edit waits with them."""

from datetime import timedelta

import pytest
import time_machine
from django.core.files.base import ContentFile
from django.utils import timezone

from clients.imports.mapping import ColumnMapping
from clients.imports.uploads import keep
from clients.models import Client, Run
from clients.runs import control, runner, selection
from clients.runs.counting import Counts
from integrations.klaviyo.models import ClientSync
from studios.models import User
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db(transaction=True)

COLUMNS = ColumnMapping(
    ["email", "first_name", "agreed"], {"2": {"yes": "yes", "out": "no", "*": ""}}
)
STRANGERS = 60


@pytest.fixture
def run(scene: Scene, fay: User) -> Run:
    """Ana gets another name, Bo opts out, and sixty strangers come in."""
    scene.add(email="ana@example.com", first_name="Ana")
    scene.add(email="bo@example.com", first_name="Bo")
    scene.sync()
    rows = ["Email,First name,Emails", "ana@example.com,Anna,", "bo@example.com,,out"]
    rows += [f"new{number}@example.com,New,yes" for number in range(STRANGERS)]
    run = keep(scene.lotus, ContentFile("\n".join(rows).encode(), name="list.csv"), by=fay)
    control.map_columns(run, COLUMNS)
    runner.run_all()
    run.refresh_from_db()
    control.start(run, owner_says=str(Counts.kept_by(run).newly_said))
    return runs_on(run)


def runs_on(run: Run) -> Run:
    runner.run_all()
    run.refresh_from_db()
    return run


def named(email: str) -> Client:
    return Client.objects.get(email=email)


def test_nothing_is_told_before_it_can_no_longer_be_taken_back(scene: Scene, run: Run) -> None:
    before = scene.last_entry()

    scene.work()
    assert scene.operations(before) == []
    with time_machine.travel(timezone.now() + timedelta(minutes=11)):
        runs_on(run)
    scene.work()

    assert len(scene.values()) == STRANGERS + 2
    assert scene.values()["ana@example.com"][0] == "Anna"
    assert scene.klaviyo.suppressed() == {"bo@example.com"}


def test_send_now_lets_it_go(scene: Scene, run: Run) -> None:
    control.send_now(run)
    runs_on(run)
    scene.work()

    assert scene.klaviyo.suppressed() == {"bo@example.com"}
    assert len(scene.values()) == STRANGERS + 2


def test_taken_back_is_as_if_it_never_was(scene: Scene, run: Run) -> None:
    before = scene.last_entry()

    control.undo(run)
    runs_on(run)
    scene.come_to_rest()

    assert scene.operations(before) == []
    assert scene.values() == {
        "ana@example.com": ("Ana", None, None),
        "bo@example.com": ("Bo", None, None),
    }
    assert not scene.klaviyo.suppressed()
    assert ClientSync.objects.count() == 2


def test_what_somebody_edits_goes_at_once(scene: Scene, run: Run) -> None:
    scene.change(named("ana@example.com"), first_name="Annabel")
    scene.opt_out(named("new1@example.com"))
    scene.work()

    assert scene.values()["ana@example.com"][0] == "Annabel"
    assert len(scene.values()) == 2


def test_a_clients_own_no_is_told_at_once(scene: Scene, run: Run) -> None:
    scene.opt_out(named("ana@example.com"))
    scene.work()

    assert scene.klaviyo.suppressed() == {"ana@example.com"}


def test_what_already_waits_is_not_held_back_by_a_later_import(scene: Scene, fay: User) -> None:
    ana = scene.add(email="new0@example.com", first_name="Ana")
    scene.sync()
    scene.change(ana, first_name="Annabel")
    rows = "\n".join(f"new{number}@example.com,New,yes" for number in range(STRANGERS))
    run = keep(scene.lotus, ContentFile(f"Email,First name,Emails\n{rows}".encode()), by=fay)
    control.map_columns(run, COLUMNS)
    runs_on(run)
    control.start(run, owner_says=str(Counts.kept_by(run).newly_said))
    runs_on(run)

    scene.work()

    assert scene.values() == {"new0@example.com": ("New", None, None)}


def test_many_deleted_at_once_leave_nothing_that_waits_and_come_again(
    scene: Scene, olive: User
) -> None:
    """Each has a row, exposures and a history with Klaviyo."""
    kept, gone = scene.add(email="ana@example.com"), scene.add(email="bo@example.com")
    scene.sync()
    before = scene.ids()

    everybody = Client.objects.for_studio(scene.lotus)
    run = selection.start(scene.lotus, Run.Kind.DELETION, everybody.filter(pk=gone.pk), by=olive)
    runs_on(run)
    scene.work()
    assert list(ClientSync.objects.values_list("client_id", flat=True)) == [kept.pk]
    control.undo(run)
    runs_on(run)
    scene.come_to_rest()

    assert scene.ids() == before
    assert named("bo@example.com").klaviyo_profile_id == before["bo@example.com"]
