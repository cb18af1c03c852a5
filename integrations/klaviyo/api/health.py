"""Whether Klaviyo as a whole answers: one fact for all studios and all workers.

It is down once several connections failed within seconds and none had a good answer meanwhile. Then
one worker tries every few seconds, for all; the first good answer ends every wait at once.
"""

import logging
import time

from django.db import connection as database
from django.db import transaction

from integrations.klaviyo.api.breaker import breakers

logger = logging.getLogger(__name__)

CONNECTIONS = 3  # failed, different ones
WITHIN_S = 10.0
SILENT_S = 2.0  # no good answer for this long
PROBE_EVERY_S = 5.0
TOLD_EVERY_S = 1.0  # how often a process writes down that Klaviyo answers it

GO_DOWN = """
INSERT INTO klaviyo_klaviyohealth (id, down_since, probe_at)
SELECT 1, statement_timestamp(), statement_timestamp() + make_interval(secs => %(probe_s)s)
 WHERE (SELECT count(DISTINCT connection_id) FROM klaviyo_ratelimit
         WHERE failed_at > statement_timestamp() - make_interval(secs => %(within_s)s)) >= %(most)s
    ON CONFLICT (id) DO UPDATE
   SET down_since = EXCLUDED.down_since, probe_at = EXCLUDED.probe_at
 WHERE klaviyo_klaviyohealth.down_since IS NULL
   AND (klaviyo_klaviyohealth.answered_at IS NULL
        OR klaviyo_klaviyohealth.answered_at
           < statement_timestamp() - make_interval(secs => %(silent_s)s))
"""

ANSWERED = """
INSERT INTO klaviyo_klaviyohealth (id, answered_at) VALUES (1, statement_timestamp())
    ON CONFLICT (id) DO UPDATE SET answered_at = EXCLUDED.answered_at
"""

MAY_PROBE = """
UPDATE klaviyo_klaviyohealth
   SET probe_at = statement_timestamp() + make_interval(secs => %(probe_s)s)
 WHERE down_since IS NOT NULL AND probe_at <= statement_timestamp()
"""

COME_BACK = """
UPDATE klaviyo_klaviyohealth
   SET down_since = NULL, probe_at = NULL, answered_at = statement_timestamp()
 WHERE down_since IS NOT NULL
"""

UNBLOCK = """
UPDATE klaviyo_ratelimit
   SET blocked_until = NULL, block = '', failures = 0, failing_since = NULL, failed_at = NULL
 WHERE block = 'not_answering' OR failed_at IS NOT NULL
"""

# Rows are locked as everybody locks them: in the order of their clients.
TRY_NOW = """
WITH late AS (
    SELECT id FROM klaviyo_clientsync
     WHERE desired_version > synced_version AND attempts > 0 AND lease IS NULL
     ORDER BY client_id, id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE klaviyo_clientsync sync SET due_at = statement_timestamp(), attempts = 0
  FROM late WHERE late.id = sync.id
"""

WAKE = "UPDATE klaviyo_turn SET next_at = statement_timestamp() WHERE next_at IS NOT NULL"

VALUES = {
    "probe_s": PROBE_EVERY_S,
    "within_s": WITHIN_S,
    "most": CONNECTIONS,
    "silent_s": SILENT_S,
}


class Health:
    """What this process knows of it."""

    def __init__(self) -> None:
        self.is_down = False
        self._told_at = -TOLD_EVERY_S

    def look(self) -> None:
        """Learn what others found."""
        with database.cursor() as cursor:
            cursor.execute("SELECT down_since IS NOT NULL FROM klaviyo_klaviyohealth")
            row = cursor.fetchone()
        self.is_down = bool(row and row[0])

    def failed(self) -> None:
        """A connection had no usable answer, and it is written down."""
        if self.is_down:
            return
        with database.cursor() as cursor:
            cursor.execute(GO_DOWN, VALUES)
            self.is_down = bool(cursor.rowcount)
        if self.is_down:
            logger.warning("Klaviyo is down for everybody: one worker tries for all")

    def answered(self) -> None:
        """A connection had a good answer."""
        if self.is_down:
            self._come_back()
        elif time.monotonic() - self._told_at > TOLD_EVERY_S:
            self._told_at = time.monotonic()
            run(ANSWERED)

    def may_probe(self) -> bool:
        """True for one worker every few seconds: the next try is its own."""
        return bool(run(MAY_PROBE))

    @transaction.atomic
    def _come_back(self) -> None:
        self.is_down = False
        if run(COME_BACK):
            breakers.forget()
            run(UNBLOCK)
            run(TRY_NOW)
            run(WAKE)
            logger.warning("Klaviyo answers again: everything that waited goes on")


def run(sql: str) -> int:
    with database.cursor() as cursor:
        cursor.execute(sql, VALUES)
        changed: int = cursor.rowcount
    return changed


health = Health()
