"""Every request as it came in and was answered, faults included; kept in memory."""

import time
from collections import deque
from dataclasses import asdict, dataclass
from itertools import count
from threading import Lock
from typing import Any

REQUESTS_KEPT = 200_000


@dataclass
class LoggedRequest:
    """One request that came in; status 0 while it has no answer, or never got one."""

    seq: int
    at: float
    operation: str
    account: str | None = None
    grant: str | None = None
    status: int = 0
    fault: str | None = None


class RequestLog:
    """The latest requests in the order they came."""

    def __init__(self) -> None:
        self._requests: deque[LoggedRequest] = deque(maxlen=REQUESTS_KEPT)
        self._numbers = count(1)
        self._lock = Lock()

    def note(self, operation: str) -> LoggedRequest:
        with self._lock:
            logged = LoggedRequest(next(self._numbers), time.time(), operation)
            self._requests.append(logged)
        return logged

    def since(self, seq: int) -> list[dict[str, Any]]:
        with self._lock:
            return [asdict(one) for one in self._requests if one.seq > seq]

    def clear(self) -> None:
        with self._lock:
            self._requests.clear()
