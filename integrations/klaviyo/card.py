"""What the card on the Integrations page says: one state at a time, true, with what to press."""

from dataclasses import dataclass
from datetime import datetime

from django.db import models
from django.utils import timezone

from integrations.klaviyo import standing, trial
from integrations.klaviyo.limits import rate
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndedConnection,
    Priority,
    RateBudget,
)
from integrations.klaviyo.operations import LARGE
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.standing import Numbers
from studios.models import Studio

FAILURES_UNTIL_SAID = 3  # in a row: a single hiccup is nobody's business


class State(models.TextChoices):
    NOT_CONNECTED = "not_connected", "Not connected"
    SENDING = "sending", "Sending"
    CONNECTED = "connected", "Connected"
    PAUSED = "paused", "Paused"
    NEEDS_ATTENTION = "needs_attention", "Needs attention"
    REFUSED = "refused", "Needs attention"
    OPT_OUTS_WAITING = "opt_outs_waiting", "Opt-outs waiting for you"
    NOT_ANSWERING = "not_answering", "Klaviyo not answering"
    RECONNECT_REQUIRED = "reconnect_required", "Reconnect required"
    DISCONNECTING = "disconnecting", "Disconnecting"
    DISCONNECTED = "disconnected", "Disconnected"


TONES = {
    State.NOT_CONNECTED: "quiet",
    State.SENDING: "moving",
    State.CONNECTED: "good",
    State.PAUSED: "quiet",
    State.NEEDS_ATTENTION: "attention",
    State.REFUSED: "attention",
    State.OPT_OUTS_WAITING: "attention",
    State.NOT_ANSWERING: "attention",
    State.RECONNECT_REQUIRED: "bad",
    State.DISCONNECTING: "moving",
    State.DISCONNECTED: "quiet",
}
MOVING = (State.SENDING, State.DISCONNECTING, State.NOT_ANSWERING)


@dataclass(frozen=True)
class Card:
    """Everything the card's template needs; made anew for each look at it."""

    studio: Studio
    connection: Connection | None
    ended: EndedConnection | None
    numbers: Numbers
    opt_outs_waiting: int = 0
    is_sending: bool = False
    due: int = 0  # changes that are safe here and not yet in Klaviyo
    next_try_at: datetime | None = None
    is_not_answering: bool = False

    @property
    def state(self) -> State:
        connection = self.connection
        if connection is None:
            return self._unconnected()
        found = (
            (connection.is_fenced, State.DISCONNECTING),
            (self.opt_outs_waiting > 0, State.OPT_OUTS_WAITING),
            (connection.is_refused, State.REFUSED),
            (self.is_not_answering, State.NOT_ANSWERING),
            (connection.is_paused, State.PAUSED),
            (self.is_sending, State.SENDING),
            (self.numbers.attention > 0, State.NEEDS_ATTENTION),
        )
        return next((state for applies, state in found if applies), State.CONNECTED)

    def _unconnected(self) -> State:
        if self.ended is None:
            return State.NOT_CONNECTED
        return State.RECONNECT_REQUIRED if self.ended.asks_to_reconnect else State.DISCONNECTED

    @property
    def tone(self) -> str:
        return TONES[self.state]

    @property
    def template(self) -> str:
        """The partial with this state's sentence."""
        return f"klaviyo/states/_{self.state.value}.html"

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and not self.connection.is_fenced

    @property
    def moves(self) -> bool:
        return self.is_sending or self.state in MOVING or self.due > 0

    @property
    def shows_progress(self) -> bool:
        return self.is_connected and self.is_sending

    @property
    def sendable(self) -> int:
        """How many connecting would send."""
        return self.numbers.total - self.numbers.not_sent

    @property
    def time_left(self) -> str:
        minutes = minutes_for(self.numbers.waiting)
        return f"about {minutes} minutes left" if minutes > 1 else "less than a minute left"

    @property
    def trial_words(self) -> str:
        """How the last test of the connection went."""
        result = self.connection.trial_result if self.connection else ""
        return "works" if result == trial.OK else Reason(result).label


def minutes_for(clients: int) -> int:
    """How long so many clients take within Klaviyo's limit, rounded up."""
    return -int(-clients // (rate(LARGE) * 60))


def look(studio: Studio) -> Card:
    """The card of a studio as it is now."""
    connection = Connection.objects.for_studio(studio).first()
    ended = EndedConnection.objects.for_studio(studio).first()
    numbers = standing.count(studio)
    if connection is None or connection.is_fenced:
        return Card(studio, connection, ended, numbers)
    rows = ClientSync.objects.of(connection)
    next_try_at = _next_try(connection)
    return Card(
        studio,
        connection,
        ended,
        numbers,
        opt_outs_waiting=rows.opt_outs_waiting().count(),
        is_sending=_is_sending(connection),
        due=rows.unsettled().count(),
        next_try_at=next_try_at,
        is_not_answering=next_try_at is not None,
    )


def _is_sending(connection: Connection) -> bool:
    """Whether the backfill is under way."""
    seeding = connection.phase != Connection.Phase.SEEDED
    backfill = (Priority.KNOWN_OPT_OUT, Priority.BACKFILL)
    rows = ClientSync.objects.of(connection).unsettled().filter(priority__in=backfill)
    return seeding or rows.exists()


def _next_try(connection: Connection) -> datetime | None:
    """When Klaviyo is tried again, where it has not answered for some time."""
    silent = RateBudget.objects.filter(
        connection=connection,
        block=RateBudget.Block.NOT_ANSWERING,
        failures__gte=FAILURES_UNTIL_SAID,
    )
    tries = [budget.blocked_until for budget in silent if budget.blocked_until]
    return max(min(tries), timezone.now()) if tries else None
