"""Who said no isn't sent again, not even where somebody writes past every form."""

import pytest

from clients.models import Client
from integrations.klaviyo.sync.reconcile import reconcile_all
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db


def test_a_yes_written_straight_into_the_database_does_not_outvote_a_withdrawal(
    scene: Scene,
) -> None:
    ana = scene.add(email="ana@example.com")
    scene.sync()
    scene.opt_out(ana)
    scene.work()
    seen = len(scene.klaviyo.journal(operation="update_profile"))

    Client.objects.filter(pk=ana.pk).update(email_opt_in=True, opted_out_at=None, first_name="Anna")
    reconcile_all()
    scene.work()

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert not ana.email_opt_in
    assert len(scene.klaviyo.journal(operation="update_profile")) == seen
    assert scene.klaviyo.suppressed() == {"ana@example.com"}
