"""What came of requests to Klaviyo, and how long they took: counted here, kept in PostgreSQL.

Counting happens in this process's memory and costs no statement. A worker calls `flush` now and
then, which adds all that was counted since to `Tally` in one; a process that is killed takes what
it counted since its last flush with it.
"""

import logging
import threading
import time
import uuid
from bisect import bisect_left
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from json import dumps

from django.db import DatabaseError
from django.db import connection as database

from integrations.http import Answer, NoAnswerError
from integrations.klaviyo.models import Tally

logger = logging.getLogger(__name__)

# Upper ends, in seconds. Klaviyo mostly answers within 0.3; none waits past `http.DEADLINE_S`.
# What is kept has one count for each: with others comes a migration that empties `Tally`.
BUCKETS_S = (0.05, 0.1, 0.2, 0.3, 0.5, 1.0, 2.0, 4.0, 8.0)
REFUSALS = {401: "unauthorized", 403: "forbidden", 404: "not_found", 409: "conflict"}
THROTTLED = "throttled"

# Rows are locked in one order, as several workers do this at once.
FLUSH = """
INSERT INTO klaviyo_tally AS tally (what, operation, outcome, count, seconds, buckets)
SELECT what, operation, outcome, count, seconds, buckets
  FROM jsonb_to_recordset(%s) AS counted (what text, operation text, outcome text,
                                          count bigint, seconds float8, buckets bigint[])
 ORDER BY what, operation, outcome
    ON CONFLICT (what, operation, outcome) DO UPDATE
   SET count = tally.count + EXCLUDED.count,
       seconds = tally.seconds + EXCLUDED.seconds,
       buckets = ARRAY(SELECT coalesce(kept, 0) + coalesce(new, 0)
                         FROM unnest(tally.buckets, EXCLUDED.buckets)
                              WITH ORDINALITY AS both_of (kept, new, place)
                        ORDER BY place)
"""

Key = tuple[str, str, str]  # what, operation, outcome


@dataclass
class Counted:
    count: int = 0
    seconds: float = 0.0
    buckets: list[int] = field(default_factory=lambda: [0] * (len(BUCKETS_S) + 1))

    def add(self, count: int, seconds: float | None) -> None:
        self.count += count
        if seconds is not None:
            self.seconds += seconds
            self.buckets[bisect_left(BUCKETS_S, seconds)] += count

    def join(self, other: "Counted") -> None:
        self.count += other.count
        self.seconds += other.seconds
        self.buckets = [mine + its for mine, its in zip(self.buckets, other.buckets, strict=True)]


class Statistics:
    """What this process counted since its last flush. Any thread may count."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counted: dict[Key, Counted] = {}

    def add(self, key: Key, count: int = 1, seconds: float | None = None) -> None:
        with self._lock:
            self._counted.setdefault(key, Counted()).add(count, seconds)

    def flush(self) -> None:
        """Add it to what PostgreSQL keeps. Raises `DatabaseError`; then it is kept here."""
        counted = self._take()
        if not counted:
            return
        try:
            write(counted)
        except DatabaseError:
            self._put_back(counted)
            raise

    def _take(self) -> dict[Key, Counted]:
        with self._lock:
            counted, self._counted = self._counted, {}
        return counted

    def _put_back(self, counted: dict[Key, Counted]) -> None:
        with self._lock:
            for key, each in counted.items():
                self._counted.setdefault(key, Counted()).join(each)


def write(counted: dict[Key, Counted]) -> None:
    rows = [
        {"what": what, "operation": operation, "outcome": outcome, **asdict(each)}
        for (what, operation, outcome), each in counted.items()
    ]
    with database.cursor() as cursor:
        cursor.execute(FLUSH, [dumps(rows)])


ours = Statistics()


def flush() -> None:
    """Keep what this process counted. Raises `DatabaseError`; then the next flush does."""
    ours.flush()


def count(what: Tally.What, by: int = 1, *, outcome: str = "") -> None:
    """Something happened, or `by` of it."""
    ours.add((what, "", outcome), by)


def timed(
    operation: str, send: Callable[[], Answer], connection_id: uuid.UUID | None = None
) -> Answer:
    """Send a request; count and log what came of it. It names neither tokens nor addresses."""
    outcome, status, began = "no_answer", None, time.monotonic()
    try:
        answer = send()
        outcome, status = outcome_of(answer.status), answer.status
        return answer
    except NoAnswerError as error:
        outcome = "no_answer" if error.sent else "not_sent"
        raise
    finally:
        seconds = time.monotonic() - began
        ours.add((Tally.What.REQUEST, operation, outcome), seconds=seconds)
        facts = {"status": status, "ms": round(seconds * 1000), "connection": connection_id}
        logger.debug("%s: %s", operation, outcome, extra=facts)


def outcome_of(status: int) -> str:
    """A word for a status. What is done about an answer is for `errors.read` to say."""
    if 200 <= status < 300:
        return "ok"
    if status >= 500:
        return "broken"
    return THROTTLED if status == 429 else REFUSALS.get(status, "rejected")
