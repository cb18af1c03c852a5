"""Klaviyo's word that this revision of its API ends (the `Sunset` header, RFC 8594): the operator
hears of it in good time, and once a day from each process."""

import logging
import time

from integrations.http import Answer
from integrations.klaviyo.contract import REVISION

logger = logging.getLogger(__name__)

TOLD_EVERY_S = 24 * 3600


class Watch:
    def __init__(self) -> None:
        self._told_at: float | None = None

    def look(self, answer: Answer) -> None:
        ends = answer.headers.get("Sunset")
        if ends and (self._told_at is None or time.monotonic() - self._told_at > TOLD_EVERY_S):
            self._told_at = time.monotonic()
            logger.error("Klaviyo ends revision %s on %s: update Junocal", REVISION, ends)


watch = Watch()
