"""A thread that counts, so that nobody who looks at a page waits for it."""

import logging
import threading
from collections.abc import Callable

from django.db import Error, connection

logger = logging.getLogger(__name__)


class Counter:
    """Studios to be counted, each once, and the thread that does it while there are any."""

    def __init__(self, count: Callable[[int], None]) -> None:
        self._count = count
        self._studios: dict[int, None] = {}
        self._lock = threading.Lock()
        self._thread: threading.Thread | None = None

    def ask_for(self, studio_id: int) -> None:
        with self._lock:
            self._studios[studio_id] = None
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="counter", daemon=True)
                self._thread.start()

    def wait(self, timeout_s: float) -> None:
        """Until all that was asked for is counted."""
        thread = self._thread
        if thread is not None:
            thread.join(timeout_s)

    def _run(self) -> None:
        try:
            while (studio_id := self._next()) is not None:
                self._count(studio_id)
        except Error as error:
            logger.warning("clients were not counted: %s", type(error).__name__)
        finally:
            connection.close()

    def _next(self) -> int | None:
        """The next studio; none, and the thread is over, if nobody has asked for any."""
        with self._lock:
            if self._studios:
                return self._studios.popitem()[0]
            self._thread = None
            return None
