"""The emails that Junocal sent in a demo, for a person to read: it writes them to a folder."""

from collections.abc import Iterator
from dataclasses import dataclass
from email import message_from_bytes, policy
from email.message import EmailMessage
from pathlib import Path

BETWEEN = b"\n" + b"-" * 79 + b"\n"  # as Django's file backend parts them
SHOWN = 100


@dataclass(frozen=True)
class Mail:
    subject: str
    sender: str
    to: str
    at: str
    text: str


def latest(folder: Path) -> list[Mail]:
    """The newest first; none where nothing was sent yet."""
    files = sorted(folder.glob("*.log"), key=lambda path: path.stat().st_mtime, reverse=True)
    return [mail for path in files[:SHOWN] for mail in reversed(list(read(path)))][:SHOWN]


def read(path: Path) -> Iterator[Mail]:
    for raw in path.read_bytes().split(BETWEEN):
        if raw.strip():
            message = message_from_bytes(raw.lstrip(), policy=policy.default)
            body = message.get_body(("plain",)) if isinstance(message, EmailMessage) else None
            yield Mail(
                subject=str(message["Subject"]),
                sender=str(message["From"]),
                to=str(message["To"]),
                at=str(message["Date"]),
                text=body.get_content() if body else "",
            )
