"""A list comes in while the desk works and while another list does."""

from functools import partial
from typing import Any

import pytest

from clients.models import Client, Run
from clients.runs import batches, control, runner
from clients.runs.counting import Counts
from studios.models import Studio, User
from tests.clients.conftest import Desk
from tests.clients.imports.conftest import Importer, outcomes
from tests.support.cast import browser_of
from tests.support.threads import at_once

pytestmark = pytest.mark.django_db(transaction=True)

PEOPLE = 40


def emails(order: int = 1) -> str:
    return "Email\n" + "".join(f"{number}@example.com\n" for number in range(PEOPLE)[::order])


def test_the_desk_and_a_list_add_the_same_people(
    fays_list: Importer, lotus: Studio, fay: User, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "AT_ONCE", 5)
    run = fays_list.check(emails())
    control.start(run)
    desks = [Desk(browser_of(fay)) for _ in range(2)]

    def add_some(desk: Desk, numbers: range) -> list[Any]:
        return [desk.add(email=f"{number}@EXAMPLE.com") for number in numbers]

    answers = at_once(
        runner.run_all,
        partial(add_some, desks[0], range(0, PEOPLE, 2)),
        partial(add_some, desks[1], range(PEOPLE - 1, 0, -2)),
    )

    assert not [answer for answer in answers if isinstance(answer, BaseException)]
    run.refresh_from_db()
    assert run.state == Run.State.DONE
    assert sum(outcomes(run)) == PEOPLE
    assert Client.objects.count() == PEOPLE


def test_two_workers_at_one_list_do_it_once(
    fays_list: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(batches, "AT_ONCE", 3)
    run = fays_list.check(emails())
    control.start(run)
    run.refresh_from_db()

    answers = at_once(*[partial(runner.work, Run.objects.get(pk=run.pk)) for _ in range(3)])

    assert answers == [None] * 3
    runner.run_all()
    assert Client.objects.count() == PEOPLE
    run.refresh_from_db()
    assert Counts.kept_by(run).new == PEOPLE


def test_two_lists_of_the_same_people(fays_list: Importer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "AT_ONCE", 7)
    runs = [fays_list.check(emails(order)) for order in (1, -1)]
    for run in runs:
        control.start(run)
        run.refresh_from_db()

    answers = at_once(*[partial(runner.work, run) for run in runs])

    assert answers == [None, None]
    for run in runs:
        run.refresh_from_db()
    assert Client.objects.count() == PEOPLE
    assert sum(Counts.kept_by(run).new for run in runs) == PEOPLE
