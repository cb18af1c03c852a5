"""The fence: the one commit after which nothing of a connection begins."""

import time
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import pytest
from django.db import transaction

from integrations.klaviyo.api.client import Klaviyo
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import (
    ClientSync,
    EndCause,
    Priority,
)
from integrations.klaviyo.sync import backfill, engine
from studios.models import Studio, User
from studios.tenancy import lock_studio_shared
from tests.support.klaviyo.histories import in_background
from tests.support.klaviyo.scene import Scene, claim

pytestmark = pytest.mark.django_db
in_threads = pytest.mark.django_db(transaction=True)


def test_after_the_fence_no_edit_is_enqueued_and_no_request_starts(scene: Scene) -> None:
    ana = scene.add(email="ana@example.com")
    connection = scene.connect()
    while backfill.seed_chunk(connection):
        pass
    (row,) = claim(connection, Priority.BACKFILL)
    desired = ClientSync.objects.get().desired_version

    assert lifecycle.begin_disconnect(connection, EndCause.OWNER)
    ana.first_name = "Anna"
    ana.save()
    seen = len(scene.klaviyo.request_log())
    engine.push_all([row], Klaviyo(connection))

    assert ClientSync.objects.get().desired_version == desired
    assert scene.klaviyo.request_log()[seen:] == []
    assert scene.klaviyo.profiles() == []


def test_a_fence_stands_once_with_its_first_cause(scene: Scene, olive: User) -> None:
    connection = scene.connect()

    assert lifecycle.begin_disconnect(connection, EndCause.OWNER, by=olive)
    assert not lifecycle.begin_disconnect(connection, EndCause.GRANT_DEAD)

    connection.refresh_from_db()
    assert connection.end_cause == EndCause.OWNER
    assert connection.disconnecting_by == olive


@in_threads
def test_a_fence_waits_for_an_edit_under_way(scene: Scene, lotus: Studio) -> None:
    connection = scene.connect()
    with ThreadPoolExecutor(1) as pool:
        with transaction.atomic():
            lock_studio_shared(lotus.pk)
            fencing = in_background(
                pool, partial(lifecycle.begin_disconnect, connection, EndCause.OWNER)
            )
            time.sleep(0.3)
            assert not fencing.done()
        assert fencing.result(10)
