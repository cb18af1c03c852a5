"""When nothing runs any more but the thread that looks: each other one waits to be called.

Looked at are the threads' own frames, so that it is all the same how many of them a worker has and
what they wait for.
"""

import sys
import threading
import time
import traceback
from collections import Counter
from collections.abc import Collection, Mapping
from concurrent.futures import ThreadPoolExecutor
from concurrent.futures import thread as pools
from types import FrameType

LOOK_AGAIN_S = 0.0002
PATIENCE_S = 15.0
WAIT = threading.Condition.wait.__code__
IDLE = pools._worker.__code__
START = threading.Thread.start.__code__


def wait_for_quiet(but: Collection[int | None]) -> None:
    """Until all threads but these wait; fails where that takes too long."""
    ends_at = time.monotonic() + PATIENCE_S
    while busy := busy_threads(but):
        if time.monotonic() > ends_at:
            shown = "\n".join("".join(traceback.format_stack(frame)) for frame in busy)
            raise AssertionError(f"a worker comes to no end:\n{shown}")
        time.sleep(LOOK_AGAIN_S)


def busy_threads(but: Collection[int | None]) -> list[FrameType]:
    frames = [frame for ident, frame in sys._current_frames().items() if ident not in but]
    idle = Counter(pool_of(frame) for frame in frames if frame.f_code is IDLE)
    return [
        frame
        for frame in frames
        if not (is_waiting(frame) or (frame.f_code is IDLE and is_idle(pool_of(frame), idle)))
    ]


def is_waiting(frame: FrameType) -> bool:
    """True if nobody has called it yet."""
    if frame.f_code is not WAIT:
        return False
    held = frame.f_locals
    return held.get("waiter") in held["self"]._waiters and not is_helped(frame)


def pool_of(frame: FrameType) -> ThreadPoolExecutor | None:
    pool: ThreadPoolExecutor | None = frame.f_locals["executor_reference"]()
    return pool


def is_idle(pool: ThreadPoolExecutor | None, idle: Mapping[ThreadPoolExecutor | None, int]) -> bool:
    """True if none of the pool's threads that look idle has just been given work."""
    return pool is not None and idle[pool] == pool._idle_semaphore._value


def is_helped(frame: FrameType | None) -> bool:
    """True if it waits for a thread that is about to run, or for a database connection."""
    while frame is not None:
        if frame.f_code is START or "psycopg_pool" in frame.f_code.co_filename:
            return True
        frame = frame.f_back
    return False
