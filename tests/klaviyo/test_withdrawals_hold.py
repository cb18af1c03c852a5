"""Who said no isn't sent again, not even where somebody writes past every door."""

from collections.abc import Callable

import pytest

from clients.models import Client
from integrations.klaviyo import chores
from klaviyo_sandbox.testing import SandboxProcess
from tests.klaviyo.conftest import AddClient, Connect
from tests.klaviyo.scenes import opt_out

Work = Callable[[], None]
pytestmark = pytest.mark.django_db


def test_a_yes_written_straight_into_the_database_does_not_outvote_a_withdrawal(
    sandbox: SandboxProcess, connect: Connect, add: AddClient, work: Work
) -> None:
    ana = add(email="ana@example.com")
    connect()
    work()
    opt_out(ana)
    work()
    seen = len(sandbox.journal(operation="update_profile"))

    Client.objects.filter(pk=ana.pk).update(email_opt_in=True, opted_out_at=None, first_name="Anna")
    chores.reconcile()
    work()

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert not ana.email_opt_in
    assert len(sandbox.journal(operation="update_profile")) == seen
    assert sandbox.suppressed() == {"ana@example.com"}
