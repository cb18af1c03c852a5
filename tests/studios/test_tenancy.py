import threading

import pytest
from django.core.exceptions import ObjectDoesNotExist
from django.db import transaction

from studios.models import Membership, Studio, User
from studios.tenancy import lock_studio, lock_studio_shared
from tests.support.threads import at_once


def test_a_tenants_rows_are_its_own(lotus: Studio, olive: User, stan: User) -> None:
    members = Membership.objects.for_studio(lotus)

    assert [member.user for member in members] == [olive]


def test_a_studio_that_is_gone_cannot_be_taken(db: None) -> None:
    with pytest.raises(ObjectDoesNotExist):
        lock_studio(0)


@pytest.mark.django_db(transaction=True)
def test_edits_never_wait_for_each_other_but_who_takes_the_studio_waits(lotus: Studio) -> None:
    held, edited, taken = threading.Event(), threading.Event(), threading.Event()
    seen: dict[str, bool] = {}

    @transaction.atomic
    def edit_for_long() -> None:
        lock_studio_shared(lotus.pk)
        held.set()
        seen["another edit went on"] = edited.wait(timeout=5)
        seen["who takes it went on"] = taken.wait(timeout=0.3)

    @transaction.atomic
    def edit() -> None:
        held.wait()
        lock_studio_shared(lotus.pk)
        edited.set()

    @transaction.atomic
    def connect() -> None:
        edited.wait()
        lock_studio(lotus.pk)
        taken.set()

    at_once(edit_for_long, edit, connect)

    assert seen == {"another edit went on": True, "who takes it went on": False}
    assert taken.is_set()
