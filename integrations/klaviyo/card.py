"""What the card on the Integrations page says: one state at a time, true, with what to press."""

from datetime import datetime, timedelta
from functools import cached_property

from django.db import models
from django.db.models import Min
from django.utils import timezone

from integrations.klaviyo import standing, trial
from integrations.klaviyo.http import DEADLINE_S
from integrations.klaviyo.limits import BACKOFF_MAX_S, rate
from integrations.klaviyo.models import (
    ClientSync,
    Connection,
    EndedConnection,
    Priority,
    RateBudget,
)
from integrations.klaviyo.models.sync import ClientSyncQuerySet
from integrations.klaviyo.operations import LARGE, WHY_SCOPES
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.standing import Numbers
from studios.models import Studio

FAILURES_UNTIL_SAID = 3  # in a row: a single hiccup is nobody's business
# Between two tries at most; a silence from before that was of something that is no longer due.
TRIED_WITHIN = timedelta(seconds=1.5 * BACKOFF_MAX_S + DEADLINE_S)


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


class Card:
    """How a studio stands with Klaviyo. Made anew for each look; what nobody asks isn't counted."""

    scopes = WHY_SCOPES  # what connecting asks for

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.connection = Connection.objects.for_studio(studio).first()

    @cached_property
    def state(self) -> State:
        connection = self.connection
        if connection is None:
            return self._unconnected()
        found = (
            (lambda: connection.is_fenced, State.DISCONNECTING),
            (lambda: self.opt_outs_waiting, State.OPT_OUTS_WAITING),
            (lambda: connection.is_refused, State.REFUSED),
            (lambda: self.next_try_at, State.NOT_ANSWERING),
            (lambda: connection.is_paused, State.PAUSED),
            (lambda: self.is_seeding, State.SENDING),
            (lambda: self.needs_attention, State.NEEDS_ATTENTION),
        )
        return next((state for applies, state in found if applies()), State.CONNECTED)

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
    def face(self) -> str:
        """What the parts of the page that don't refresh depend on; when it changes, all reload."""
        return f"{self.state.value}-tested" if self.is_being_tested else self.state.value

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and not self.connection.is_fenced

    @property
    def is_being_tested(self) -> bool:
        return self.connection is not None and self.connection.trial_wanted_at is not None

    @property
    def is_held(self) -> bool:
        """Until somebody acts, nothing goes out (but opt-outs)."""
        connection = self.connection
        return connection is not None and (connection.is_paused or connection.is_refused)

    @property
    def moves(self) -> bool:
        """Whether a look in two seconds may show something else."""
        if self.state is State.DISCONNECTING or self.is_being_tested:
            return True
        return self.is_connected and not self.is_held and bool(self.due or self.is_seeding)

    @property
    def shows_progress(self) -> bool:
        return self.is_connected and self.is_seeding and not self.is_held

    @cached_property
    def ended(self) -> EndedConnection | None:
        return EndedConnection.objects.for_studio(self.studio).first()

    @cached_property
    def numbers(self) -> Numbers:
        return standing.count(self.studio)

    @cached_property
    def unsent(self) -> list[tuple[Reason, int]]:
        """By reason: of how many clients nothing is sent."""
        return standing.count_unsent(self.studio)

    @cached_property
    def opt_outs_waiting(self) -> int:
        """For the owner; those of deleted clients as well."""
        return self._rows.opt_outs_waiting().count()

    @cached_property
    def needs_attention(self) -> bool:
        return self._rows.needing_attention().exclude(client=None).exists()

    @cached_property
    def due(self) -> int:
        """Changes that are safe here and not yet in Klaviyo."""
        return self._rows.unsettled().count()

    @cached_property
    def is_seeding(self) -> bool:
        """Whether the backfill is under way."""
        if self.connection is None:
            return False
        backfill = (Priority.KNOWN_OPT_OUT, Priority.BACKFILL)
        first_time = self._rows.unsettled().filter(priority__in=backfill)
        return self.connection.phase != Connection.Phase.SEEDED or first_time.exists()

    @cached_property
    def next_try_at(self) -> datetime | None:
        """When Klaviyo is tried again, where it has not answered for some time."""
        now = timezone.now()
        silent = RateBudget.objects.filter(
            connection=self.connection,
            block=RateBudget.Block.NOT_ANSWERING,
            failures__gte=FAILURES_UNTIL_SAID,
            blocked_until__gt=now - TRIED_WITHIN,
        )
        again = silent.aggregate(at=Min("blocked_until"))["at"]
        first = self._rows.unsettled().aggregate(due=Min("due_at"))["due"]
        return max(now, again, first or now) if again else None

    @property
    def minutes(self) -> int:
        """How long connecting would take to send all."""
        return minutes_for(self.numbers.sendable)

    @property
    def time_left(self) -> str:
        minutes = minutes_for(self.numbers.waiting)
        return f"about {minutes} minutes left" if minutes > 1 else "less than a minute left"

    @property
    def trial_words(self) -> str:
        """How the last test of the connection went."""
        result = self.connection.trial_result if self.connection else ""
        return "works" if result == trial.OK else Reason(result).label

    @property
    def _rows(self) -> ClientSyncQuerySet:
        rows = ClientSync.objects.for_studio(self.studio)
        return rows.of(self.connection) if self.connection else rows.none()


def minutes_for(clients: int) -> int:
    """How long so many clients take within Klaviyo's limit, rounded up."""
    return -int(-clients // (rate(LARGE) * 60))
