"""A worker that starts while the broker is away works all the same, and goes when it is told to."""

import signal

import pytest

from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import Connection, EndCause, PeriodicJob
from tests.support.klaviyo.processes import environment, wait_until, worker_without_broker
from tests.support.klaviyo.scene import Scene

pytestmark = [
    pytest.mark.django_db(transaction=True),
    pytest.mark.chaos,
    pytest.mark.timeout(180),
]

EXIT_WITHIN_S = 30  # what docker-compose.yml grants


@pytest.mark.usefixtures("valkey")
def test_edits_opt_outs_and_ends_reach_klaviyo_without_a_broker(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com", first_name="Ana")
    connection = scene.connect()
    with worker_without_broker(environment(scene.klaviyo)) as worker:
        wait_until(lambda: scene.values() == {"ana@example.com": ("Ana", None, None)})

        scene.change(ana, first_name="Anna")
        wait_until(lambda: scene.values() == {"ana@example.com": ("Anna", None, None)})

        scene.opt_out(ana)
        wait_until(lambda: scene.klaviyo.suppressed() == {"ana@example.com"})

        lifecycle.begin_disconnect(connection, EndCause.OWNER)
        wait_until(lambda: not Connection.objects.exists())
        wait_until(lambda: PeriodicJob.objects.filter(taken_by=None).count() >= 4)

        worker.send_signal(signal.SIGTERM)
        assert worker.wait(EXIT_WITHIN_S) == 0
    assert scene.klaviyo.grants() == []
    assert not PeriodicJob.objects.filter(failed=True).exists()
