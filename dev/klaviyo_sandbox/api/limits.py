"""How often an operation may be called: in a second, in a minute (contract, section 3.4)."""

import math
import time
from dataclasses import dataclass
from threading import Lock

from dev.klaviyo_sandbox.api.operations import Operation
from dev.klaviyo_sandbox.settings import Settings

SECOND, MINUTE = 1.0, 60.0


@dataclass
class Window:
    """Opens with the first request after the last one closed."""

    width_s: float
    limit: int
    opened_at: float = float("-inf")
    used: int = 0

    def left(self, now: float) -> int:
        """Requests that still fit; 0 or less when none does."""
        if now - self.opened_at >= self.width_s:
            self.opened_at, self.used = now, 0
        return self.limit - self.used

    def closes_in_s(self, now: float) -> float:
        return self.opened_at + self.width_s - now


@dataclass(frozen=True)
class Verdict:
    """If the request may pass, the headers of its answer, the seconds to wait."""

    passed: bool
    headers: dict[str, str]
    wait_s: int = 0


class Limits:
    """Counts per account, app and operation; a refused request doesn't count."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._windows: dict[tuple[str, str], tuple[Window, Window]] = {}

    def take(self, operation: Operation, account: str, settings: Settings) -> Verdict:
        """Count one request, or refuse it with the seconds to wait."""
        if not settings.limits_enabled:
            return Verdict(True, {})
        with self._lock:
            return self._take(self._pair(operation, account, settings), time.monotonic())

    def take_refresh(self, account: str, client_id: str, settings: Settings) -> int:
        """0, or the seconds to wait until this install may refresh (contract, section 1.6)."""
        if not settings.refresh_per_minute:
            return 0
        with self._lock:
            key = (account, f"refresh of {client_id}")
            window = self._windows.setdefault(key, (Window(MINUTE, 0), Window(MINUTE, 0)))[0]
            window.width_s = MINUTE * settings.time_scale
            window.limit = settings.refresh_per_minute
            now = time.monotonic()
            if window.left(now) <= 0:
                return max(1, math.ceil(window.closes_in_s(now)))
            window.used += 1
            return 0

    def clear(self) -> None:
        with self._lock:
            self._windows.clear()

    def _pair(
        self, operation: Operation, account: str, settings: Settings
    ) -> tuple[Window, Window]:
        usual = [operation.per_second, operation.per_minute]
        burst, steady = settings.limits.get(operation.id, settings.limits.get("*", usual))
        pair = self._windows.setdefault(
            (account, operation.id), (Window(SECOND, burst), Window(MINUTE, steady))
        )
        for window, width_s, limit in zip(pair, (SECOND, MINUTE), (burst, steady), strict=True):
            window.width_s, window.limit = width_s * settings.time_scale, limit
        return pair

    def _take(self, pair: tuple[Window, Window], now: float) -> Verdict:
        full = [window for window in pair if window.left(now) <= 0]
        if full:
            wait_s = max(window.closes_in_s(now) for window in full)
            return Verdict(False, {}, max(1, math.ceil(wait_s)))
        for window in pair:
            window.used += 1
        return Verdict(True, headers_of(*pair, now))


def headers_of(burst: Window, steady: Window, now: float) -> dict[str, str]:
    """The headers as seen live, whose plain numbers are the burst window's."""
    return {
        "RateLimit-Limit": f"{burst.limit}, {burst.limit};w=1, {steady.limit};w=60",
        "RateLimit-Remaining": str(min(burst.left(now), steady.left(now))),
        "RateLimit-Reset": str(int(burst.closes_in_s(now))),
    }
