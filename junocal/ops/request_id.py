"""The id of the web request that is being answered: in its log lines, its answer, and its tasks'.

A proxy may give it (`X-Request-ID`); otherwise it is made here. It stands for the thread from
`begin` to `end`, and travels with the tasks that a request publishes as a header of their messages.
"""

import re
import uuid
from collections.abc import Iterator, MutableMapping
from contextlib import contextmanager
from contextvars import ContextVar
from typing import Any

from celery.signals import before_task_publish, task_postrun, task_prerun
from django.core.signals import request_finished
from django.dispatch import receiver

HEADER = "X-Request-ID"
IN_A_MESSAGE = "request_id"
# What others send stands in our logs: nothing that could be an address or break a line.
SANE = re.compile(r"[A-Za-z0-9_-]{8,64}")

_current: ContextVar[str] = ContextVar("request_id", default="")


def current() -> str:
    """The id; blank outside of a request."""
    return _current.get()


def begin(given: str = "") -> str:
    """From here on this thread answers a request: the given id if it is sane, else a new one."""
    request_id = given if SANE.fullmatch(given) else uuid.uuid4().hex
    _current.set(request_id)
    return request_id


@contextmanager
def carried(request_id: str) -> Iterator[None]:
    """Work for a request in another thread than its own."""
    before = _current.set(request_id)
    try:
        yield
    finally:
        _current.reset(before)


@receiver(request_finished, dispatch_uid="request id: the request ends")
@task_postrun.connect(dispatch_uid="request id: the task ends")
def end(**_: Any) -> None:
    """Django's own lines on an answer come after all middleware: hence a signal."""
    _current.set("")


@before_task_publish.connect(dispatch_uid="request id: into the message")
def put_in(*, headers: MutableMapping[str, Any], **_: Any) -> None:
    if request_id := current():
        headers[IN_A_MESSAGE] = request_id


@task_prerun.connect(dispatch_uid="request id: from the message")
def take_out(*, task: Any, **_: Any) -> None:
    _current.set(task.request.get(IN_A_MESSAGE) or "")
