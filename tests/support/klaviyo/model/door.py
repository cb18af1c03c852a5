"""The door to the network, as the model holds it: a request that was sent stays on the wire until
somebody says what becomes of it.

Stands in for `integrations.http.send`. Whatever happens to a request, Klaviyo has carried it out
within `LATE_MAX_S` of its leaving, or never does.
"""

import threading
from collections.abc import Mapping
from concurrent.futures import Future
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from integrations.http import Answer, NoAnswerError
from integrations.klaviyo.contract import OPERATIONS, PROFILE_FIELDS, Operation
from tests.support.klaviyo.model.klaviyo import InMemoryKlaviyo

LATE_MAX_S = 45.0  # less than the quarantine
SHOWN = ("email", *PROFILE_FIELDS)
HTML = {"Content-Type": "text/html; charset=UTF-8"}
JSON_API = {"Content-Type": "application/vnd.api+json"}

# What may become of a request: applied now, late or never, and what its sender hears.
UNKNOWN = ("lost", "503", "page")
FATES = ("applied", "applied late", "never applied")
REFUSALS = {  # never applied, and the sender can tell
    "429": Answer(429, {**JSON_API, "Retry-After": "5"}, b'{"errors": []}'),
    "400": Answer(400, JSON_API, b'{"errors": [{"source": {"pointer": "/data"}}]}'),
    "401": Answer(401, JSON_API, b'{"errors": []}'),
    "challenge": Answer(403, {**HTML, "cf-mitigated": "challenge"}, b"<title>Robot?</title>"),
}
NEVER_LEFT = "never left"
TROUBLES = [*REFUSALS, NEVER_LEFT, *(f"{what}, {fate}" for what in UNKNOWN for fate in FATES)]


class Killed(BaseException):
    """Raised where a thread waits for an answer: its process is no more."""


@dataclass(eq=False)
class Request:
    """On the wire from the moment the engine sent it."""

    method: str
    path: str
    said: Mapping[str, Any] = field(repr=False)
    age_s: float = 0.0
    answer: Answer | None = None  # Klaviyo's, once it has carried it out
    heard: "Future[Answer]" = field(default_factory=Future)

    @property
    def operation(self) -> str:
        for operation, facts in OPERATIONS.items():
            head, _, tail = facts.path.partition("{id}")
            fits = self.path.startswith(head) if "{" in facts.path else self.path == head + tail
            if facts.method == self.method and fits:
                return operation
        return self.path

    @property
    def is_upsert(self) -> bool:
        return self.operation in (Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE)

    @property
    def is_about_people(self) -> bool:
        return self.path.startswith("/api/") and self.operation != Operation.GET_ACCOUNTS

    @property
    def attributes(self) -> dict[str, Any]:
        attributes: dict[str, Any] = self.said["json"]["data"]["attributes"]
        return attributes

    @property
    def suppressed(self) -> list[str]:
        """The addresses of a suppression."""
        people = self.attributes["profiles"]["data"]
        return [person["attributes"]["email"] for person in people]

    @property
    def token(self) -> str:
        return str(self.said["headers"]["Authorization"]).partition(" ")[2]

    def __str__(self) -> str:
        if self.is_upsert:
            shown = {name: value for name, value in self.attributes.items() if name in SHOWN}
            return f"{self.operation} {shown}"
        if self.operation == Operation.SUPPRESS:
            return f"suppress {', '.join(self.suppressed)}"
        return f"{self.operation} {(self.said.get('params') or {}).get('filter', '')}"


class Door:
    """What is on the wire, and what will be carried out late."""

    def __init__(self, klaviyo: InMemoryKlaviyo) -> None:
        self._klaviyo = klaviyo
        self._lock = threading.Lock()
        self._waiting: list[Request] = []
        self.late: list[Request] = []
        self.carried_out_late: set[int] = set()  # entries of Klaviyo's journal

    def send(self, method: str, url: str, **said: Any) -> Answer:
        """As `integrations.http.send`; comes back when it was said what becomes of the request."""
        request = Request(method, urlsplit(url).path, said)
        if not request.is_about_people:  # tokens and accounts have tests of their own
            return self._carry_out(request)
        with self._lock:
            self._waiting.append(request)
        return request.heard.result()

    @property
    def waiting(self) -> list[Request]:
        """Requests whose senders wait, in an order that doesn't hang on which thread was first."""
        with self._lock:
            return sorted(self._waiting, key=lambda one: (-one.age_s, one.operation, str(one)))

    def answer(self, request: Request) -> None:
        self._tell(request, request.answer or self._carry_out(request))

    def trouble(self, request: Request, what: str) -> None:
        """`what` is one of `TROUBLES`; what was carried out already can only be unknown."""
        kind, _, fate = what.partition(", ")
        if request.answer is None:
            if fate == "applied":
                self._carry_out(request)
            elif fate == "applied late":
                self.late.append(request)
            elif not fate:
                self._tell(request, refusal(kind))
                return
        self._tell(request, unknown(kind))

    def arrives(self, request: Request) -> None:
        """At last."""
        self.late.remove(request)
        self._carry_out_late(request)

    def kill(self) -> None:
        """All who wait are gone; what they sent arrives late."""
        for request in self.waiting:
            if request.answer is None:
                self.late.append(request)
            self._tell(request, Killed())

    def time_passes(self, seconds: float) -> list[Request]:
        """What had to be carried out before."""
        arriving = []
        for request in [*self.waiting, *self.late]:
            if request.answer is None and request.age_s + seconds > LATE_MAX_S:
                self._carry_out_late(request)
                arriving.append(request)
            request.age_s += seconds
        self.late = [request for request in self.late if request.answer is None]
        return arriving

    def _carry_out_late(self, request: Request) -> None:
        before = self._entries()
        self._carry_out(request)
        self.carried_out_late |= self._entries() - before

    def _entries(self) -> set[int]:
        return {entry["seq"] for entry in self._klaviyo.applied(0)}

    def _carry_out(self, request: Request) -> Answer:
        answer = self._klaviyo.carry_out(request.method, request.path, **request.said)
        request.answer = answer
        return answer

    def _tell(self, request: Request, what: Answer | BaseException) -> None:
        with self._lock:
            self._waiting.remove(request)
        if isinstance(what, Answer):
            request.heard.set_result(what)
        else:
            request.heard.set_exception(what)


def refusal(kind: str) -> Answer | NoAnswerError:
    if kind == NEVER_LEFT:
        return NoAnswerError("never left, by the model", sent=False)
    return REFUSALS[kind]


def unknown(kind: str) -> Answer | NoAnswerError:
    if kind == "503":
        return Answer(503, JSON_API, b'{"errors": []}')
    if kind == "page":
        return Answer(200, HTML, b"<title>Maintenance</title>")
    return NoAnswerError("lost, by the model", sent=True)
