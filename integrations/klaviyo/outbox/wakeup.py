"""Wake-ups: the hint to the workers that a studio has something to do. Truth is in the outbox.

Notifying never blocks the desk: after the commit the studio's id is put into this process's memory,
and one thread of its own publishes it. With Redis refused, frozen or full a wake-up is lost; the
sweep finds the work all the same.
"""

import logging
import threading
import time
from collections.abc import Mapping

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

from integrations.klaviyo.outbox import turns
from junocal.ops import request_id

logger = logging.getLogger(__name__)

TASK = "integrations.klaviyo.tasks.sync_studio"  # by name: importing the task would be a cycle
PAUSE_AFTER_FAILURE_S = 5.0  # while the broker is away, nothing hammers it


class Notifier:
    """Studios, each with the request it is for, and the thread that publishes one wake-up each."""

    def __init__(self) -> None:
        self._studios: dict[int, str] = {}
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def notify(self, studio_id: int) -> None:
        with self._changed:
            self._studios[studio_id] = request_id.current()
            self._start()
            self._changed.notify()

    def _start(self) -> None:
        """The thread of this very process: a forked one has none yet, whatever it was told."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._publish_for_ever, name="notifier", daemon=True
            )
            self._thread.start()

    def _publish_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._studios)
                studios, self._studios = self._studios, {}
            if not self._publish(studios):
                time.sleep(PAUSE_AFTER_FAILURE_S)

    def _publish(self, studios: Mapping[int, str]) -> bool:
        try:
            for studio_id, request in studios.items():
                with request_id.carried(request):
                    current_app.send_task(TASK, kwargs={"studio_id": studio_id}, retry=False)
        except (OperationalError, RedisError, OSError) as error:
            logger.warning("no wake-up: the broker is away (%s)", type(error).__name__)
            return False
        return True


_notifier = Notifier()


def wake(studio_id: int) -> None:
    """Something changed that no edit of a client tells: the workers look at the studio."""
    turns.wake(studio_id)
    notify(studio_id)


def notify(studio_id: int) -> None:
    """After this transaction's commit, tell the workers to look at the studio."""
    transaction.on_commit(lambda: _notifier.notify(studio_id), robust=True)
