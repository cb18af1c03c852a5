"""Log lines, the same from every process: ids and words, never tokens, emails, phones or bodies.

`config` is what Django, Celery and gunicorn are given: JSON for machines, or text for people.
"""

import json
import logging
import re
import traceback
from collections.abc import Mapping
from datetime import UTC, datetime
from logging.config import dictConfig
from types import TracebackType
from typing import Any, TypeVar

from django.core.exceptions import ImproperlyConfigured

from junocal.ops import request_id

T = TypeVar("T")
ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Django hands the request over: its query may be an authorization code or a search for an email.
# Celery hands all it knows of a failed task over, its error in words and its arguments.
WITHHELD = frozenset({"request", "data"})
# Who knows these addresses may use them: Django names them where it refuses a request.
SECRET_IN_PATH = re.compile(
    r"(/(?:invitations|unsubscribe|accounts/password/reset/key|accounts/confirm-email)/)[^/\s]+"
)
PROBES = {"/healthz", "/readyz", "/metrics"}
HEAD = ("at", "level", "logger", "message")


class JSONFormatter(logging.Formatter):
    """One line a record; what a caller passes as `extra` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        return json.dumps(facts(record), default=str)


class TextFormatter(logging.Formatter):
    """The same for people: `at level logger message key=value …`, frames on lines of their own."""

    def format(self, record: logging.LogRecord) -> str:
        line = facts(record)
        frames = line.pop("exception", [])
        words = [str(line.pop(key)) for key in HEAD]
        words += [f"{key}={value}" for key, value in line.items()]
        return "\n".join([" ".join(words), *(frame.rstrip() for frame in frames)])


FORMATTERS = {"json": JSONFormatter, "text": TextFormatter}


def facts(record: logging.LogRecord) -> dict[str, Any]:
    line: dict[str, Any] = {
        "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
        "level": record.levelname,
        "logger": record.name,
        "message": SECRET_IN_PATH.sub(r"\1…", message_of(record)),
    }
    if current := request_id.current():
        line["request_id"] = current
    extra = vars(record).keys() - STANDARD - WITHHELD
    line |= {key: vars(record)[key] for key in sorted(extra)}
    if record.exc_info:
        line["exception"] = where_it_broke(record.exc_info)
    return line


def message_of(record: logging.LogRecord) -> str:
    """Without what an error says: databases quote rows in it, and Celery quotes the error."""
    message = record.getMessage()
    error = record.exc_info[1] if record.exc_info else None
    for words in (repr(error), str(error)) if error else ():
        message = message.replace(words, type(error).__name__) if words else message
    return message


def where_it_broke(exc_info: ExcInfo) -> list[str]:
    """The error's type and its frames."""
    kind, _, frames = exc_info
    return [kind.__name__ if kind else "", *traceback.format_tb(frames)]


class StrangersFault(logging.Filter):
    """Anybody can send a request under a wrong name: that is no error of ours, and needs no trace.

    Django logs it as one, and would ring an operator's bell for every scanner.
    """

    def filter(self, record: logging.LogRecord) -> bool:
        record.levelno, record.levelname = logging.WARNING, "WARNING"
        record.exc_info = None
        return True


class Probes(logging.Filter):
    """A bad answer to a probe is no error of the page: it says what is wrong, every few seconds."""

    def filter(self, record: logging.LogRecord) -> bool:
        return getattr(vars(record).get("request"), "path", "") not in PROBES


# These bring handlers and levels of their own; without, they go the way of all others.
AS_ALL = ("django", "django.server", "gunicorn.error")
# What these say below: two lines for every task, code, rows in statements, addresses in URLs.
NOT_BELOW = {
    "celery.app.trace": logging.WARNING,
    "celery.utils.functional": logging.INFO,
    "celery.worker.strategy": logging.WARNING,
    "django.db.backends": logging.INFO,
    "urllib3": logging.WARNING,
}


def config(level: str, form: str) -> dict[str, Any]:
    """For `logging.config.dictConfig`: all to stderr, in this form, from this level on."""
    formatter = one_of(FORMATTERS, form, "LOG_FORMAT")
    threshold = one_of(logging.getLevelNamesMapping(), level.upper(), "LOG_LEVEL")
    return {
        "version": 1,
        "disable_existing_loggers": False,
        "formatters": {"ours": {"()": formatter}},
        "filters": {"strangers_fault": {"()": StrangersFault}, "probes": {"()": Probes}},
        "handlers": {"stderr": {"class": "logging.StreamHandler", "formatter": "ours"}},
        "root": {"handlers": ["stderr"], "level": threshold},
        "loggers": {
            **{name: {"handlers": [], "level": "NOTSET", "propagate": True} for name in AS_ALL},
            **{name: {"level": max(low, threshold)} for name, low in NOT_BELOW.items()},
            "django.request": {"filters": ["probes"]},
            "django.security.DisallowedHost": {"filters": ["strangers_fault"]},
        },
    }


def configure(configuration: dict[str, Any]) -> None:
    """What Django calls with it. Python's warnings become lines as well."""
    dictConfig(configuration)
    logging.captureWarnings(True)


def one_of(known: Mapping[str, T], name: str, setting: str) -> T:
    if name not in known:
        raise ImproperlyConfigured(f"{setting} is one of {', '.join(known)}, not {name!r}.")
    return known[name]
