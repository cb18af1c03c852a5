"""Rings: the hint to the workers that a studio has something to do. Truth is in the outbox.

Ringing never blocks the desk: after the commit the studio's id is put into this process's memory,
and one thread of its own publishes it. With Redis refused, frozen or full a ring is lost; the
sweep finds the work all the same.
"""

import logging
import threading
import time

from celery import current_app
from django.db import transaction
from kombu.exceptions import OperationalError
from redis.exceptions import RedisError

logger = logging.getLogger(__name__)

TASK = "integrations.klaviyo.tasks.sync_studio"  # by name: the task knows the rings' other users
PAUSE_AFTER_FAILURE_S = 5.0  # while the broker is away, nothing hammers it


class Ringer:
    """A set of studios to ring for and the thread that does it; each studio rings once a round."""

    def __init__(self) -> None:
        self._studios: set[int] = set()
        self._changed = threading.Condition()
        self._thread: threading.Thread | None = None

    def ring(self, studio_id: int) -> None:
        with self._changed:
            self._studios.add(studio_id)
            self._start()
            self._changed.notify()

    def _start(self) -> None:
        """The thread of this very process: a forked one has none yet, whatever it was told."""
        if self._thread is None or not self._thread.is_alive():
            self._thread = threading.Thread(
                target=self._publish_for_ever, name="ringer", daemon=True
            )
            self._thread.start()

    def _publish_for_ever(self) -> None:
        while True:
            with self._changed:
                self._changed.wait_for(lambda: self._studios)
                studios, self._studios = self._studios, set()
            if not self._publish(studios):
                time.sleep(PAUSE_AFTER_FAILURE_S)

    def _publish(self, studios: set[int]) -> bool:
        try:
            for studio_id in studios:
                current_app.send_task(TASK, kwargs={"studio_id": studio_id}, retry=False)
        except (OperationalError, RedisError, OSError) as error:
            logger.warning("no ring: the broker is away (%s)", type(error).__name__)
            return False
        return True


_ringer = Ringer()


def ring(studio_id: int) -> None:
    """After this transaction's commit, tell the workers to look at the studio."""
    transaction.on_commit(lambda: _ringer.ring(studio_id), robust=True)
