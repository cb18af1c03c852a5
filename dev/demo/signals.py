"""Ctrl-C, a closed terminal and `kill` all mean one thing to a demo: clean up and stop."""

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

MEANING_STOP = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


class StopRequestedError(Exception):
    """Somebody asked us to stop."""


@contextmanager
def as_exception() -> Iterator[None]:
    """Inside it, the first signal raises `StopRequestedError`; later ones are ignored."""
    under_nohup = signal.getsignal(signal.SIGHUP) is signal.SIG_IGN
    for number in MEANING_STOP:
        if number != signal.SIGHUP or not under_nohup:
            signal.signal(number, stop)
    yield


def stop(number: int, frame: FrameType | None) -> None:
    ignore_from_now_on()
    raise StopRequestedError


def ignore_from_now_on() -> None:
    for number in MEANING_STOP:
        signal.signal(number, signal.SIG_IGN)
