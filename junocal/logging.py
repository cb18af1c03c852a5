"""Log lines as JSON: ids and words, never tokens, emails, phones or bodies."""

import json
import logging
import re
import traceback
from datetime import UTC, datetime
from types import TracebackType

ExcInfo = tuple[type[BaseException] | None, BaseException | None, TracebackType | None]
STANDARD = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime", "taskName"}
# Django hands the request over: its query may be an authorization code or a search for an email.
WITHHELD = frozenset({"request"})
# Who knows these addresses may use them: Django names them where it refuses a request.
SECRET_IN_PATH = re.compile(
    r"(/(?:invitations|unsubscribe|accounts/password/reset/key|accounts/confirm-email)/)[^/\s]+"
)


class JSONFormatter(logging.Formatter):
    """One line a record; what a caller passes as `extra` stands beside the message."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, object] = {
            "at": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": SECRET_IN_PATH.sub(r"\1…", record.getMessage()),
        }
        extra = vars(record).keys() - STANDARD - WITHHELD
        line |= {key: vars(record)[key] for key in sorted(extra)}
        if record.exc_info:
            line["exception"] = where_it_broke(record.exc_info)
        return json.dumps(line, default=str)


def where_it_broke(exc_info: ExcInfo) -> list[str]:
    """The error's type and its frames; its message stays out, since databases quote rows in it."""
    kind, _, frames = exc_info
    return [kind.__name__ if kind else "", *traceback.format_tb(frames)]
