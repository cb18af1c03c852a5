"""Where the waiting seconds go: the due rows, looked at four times a second."""

import threading
from collections import Counter
from collections.abc import Callable

from tests.chaos.rig.database import Database, Row

EVERY_S = 0.25
LEASE_S = 15.0
SENDING_S = 1.0  # a row leased for no longer is simply being sent


class Sampler:
    """Counts row-seconds by what each row waits for."""

    def __init__(self, database: Database, workers_at_work: Callable[[], int]) -> None:
        self.database, self.workers_at_work = database, workers_at_work
        self.samples: Counter[str] = Counter()

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(EVERY_S):
            rows = self.database.due()
            if rows is None:
                self.samples["no database"] += 1  # once: nobody knows how many rows
                continue
            self.samples.update(waits_for(row, self.workers_at_work()) for row in rows)

    @property
    def seconds(self) -> dict[str, float]:
        """Row-seconds by what they were spent for, most first."""
        return {what: number * EVERY_S for what, number in self.samples.most_common()}


def waits_for(row: Row, workers: int) -> str:
    """What this due row waits for. Pure."""
    if row["is_leased"]:
        held_s = LEASE_S - row["lease_left_s"]
        return "being sent" if held_s < SENDING_S else "lease"
    if row["is_held"]:
        return "connection held"
    if not workers:
        return "no worker"
    if row["block"]:
        return "breaker" if row["block"] == "not_answering" else "429"
    if not row["is_later"]:
        if row["lacks_token"]:
            return "ready, no renewal left"
        return "ready, turn put off" if row["is_put_off"] else "ready"
    if row["attempts"]:
        return "backoff"
    return "token" if row["lacks_token"] else "rate limit"
