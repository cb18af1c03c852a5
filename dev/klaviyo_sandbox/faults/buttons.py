"""The faults that a person may switch on by hand, to see what Junocal makes of each."""

from dataclasses import dataclass
from typing import Any

from dev.klaviyo_sandbox.faults.book import FaultBook, parse

PUSHES = "*_profile"


@dataclass(frozen=True)
class FaultButton:
    label: str
    shows: str  # what one sees in Junocal then
    fault: dict[str, Any]  # as the control address takes it


BUTTONS = {
    "down": FaultButton(
        "Klaviyo is down",
        "After a few tries the card says so, with the next try and “Try now”; changes are safe.",
        {"fault": "503"},
    ),
    "slow": FaultButton(
        "Klaviyo is slow",
        "Each answer takes three seconds; the desk notices nothing.",
        {"fault": "delay", "seconds": 3},
    ),
    "wait": FaultButton(
        "Klaviyo asks to wait",
        "Each request is answered 429, to come again in 20 seconds; clients are “being sent”.",
        {"fault": "429", "retry_after": "20"},
    ),
    "refused": FaultButton(
        "Klaviyo refuses clients",
        "Whoever is added or changed now needs attention, with the reason.",
        {"fault": "400", "operation": PUSHES},
    ),
    "unanswered": FaultButton(
        "Answers get lost",
        "What is sent arrives, and nobody learns of it: after a few, Klaviyo is not answering, and"
        " nobody is there twice.",
        {"fault": "reset_after", "operation": PUSHES},
    ),
    "access": FaultButton(
        "Klaviyo refuses access",
        "Every access is answered 401; the card says that Klaviyo refuses access.",
        {"fault": "401", "operation": PUSHES},
    ),
}


def press(book: FaultBook, key: str) -> None:
    """KeyError for a button that isn't there; pressed twice it stays on."""
    if not is_on(book, key):
        book.add(parse(BUTTONS[key].fault))


def is_on(book: FaultBook, key: str) -> bool:
    wanted = BUTTONS[key].fault
    return any(wanted.items() <= one.items() for one in book.shown())
