"""What the card on the Integrations page says: one state at a time, true, with what to press."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import models
from django.utils import timezone

from clients.listing import counts
from clients.listing.counts import Counts
from integrations.klaviyo.connection import health_check, hindrances
from integrations.klaviyo.connection.hindrances import Hindrance, Kind
from integrations.klaviyo.contract import FEATURES, LARGE, SUPPRESSION, WHY_SCOPES, Feature
from integrations.klaviyo.models import ClientSync, Connection, EndedConnection, Priority
from integrations.klaviyo.models.sync import ClientSyncQuerySet
from integrations.klaviyo.pages import status
from integrations.klaviyo.pages.status import ClientStatus, Numbers
from integrations.klaviyo.reasons import Reason
from integrations.token_bucket import rate
from studios.models import Studio

COUNTED_A_WHILE_AGO = timedelta(seconds=60)


class State(models.TextChoices):
    NOT_CONNECTED = "not_connected", "Not connected"
    SENDING = "sending", "Sending"
    CONNECTED = "connected", "Connected"
    PAUSED = "paused", "Paused"
    NEEDS_ATTENTION = "needs_attention", ClientStatus.ATTENTION.label
    SUSPENDED = "suspended", ClientStatus.ATTENTION.label
    OPT_OUTS_WAITING = "opt_outs_waiting", "Opt-outs waiting for you"
    NOT_ANSWERING = "not_answering", "Klaviyo not answering"
    NO_WORKER = "no_worker", "Nothing is being sent"
    OUTDATED = "outdated", Reason.OUTDATED.label
    RECONNECT_REQUIRED = "reconnect_required", "Reconnect required"
    DISCONNECTING = "disconnecting", "Disconnecting"
    DISCONNECTED = "disconnected", "Disconnected"


@dataclass(frozen=True)
class Look:
    """How a state looks: the tone of its icon and word, and what the front desk reads of it."""

    tone: str
    staff_text: str = ""  # after "Klaviyo: "; blank where there is nothing to say


NEEDS_OWNER = "needs the owner"
LOOKS = {
    State.NOT_CONNECTED: Look("quiet"),
    State.SENDING: Look("moving", "sending clients"),
    State.CONNECTED: Look("good", "working"),
    State.PAUSED: Look("quiet", "paused"),
    State.NEEDS_ATTENTION: Look("attention", NEEDS_OWNER),
    State.SUSPENDED: Look("attention", NEEDS_OWNER),
    State.OPT_OUTS_WAITING: Look("attention", NEEDS_OWNER),
    State.NOT_ANSWERING: Look("attention", "not answering, changes are safe"),
    State.NO_WORKER: Look("bad", "nothing is being sent, changes are safe"),
    State.OUTDATED: Look("bad", "waits for an update of Junocal, changes are safe"),
    State.RECONNECT_REQUIRED: Look("bad", NEEDS_OWNER),
    State.DISCONNECTING: Look("moving"),
    State.DISCONNECTED: Look("quiet"),
}


HINDERED = {
    Kind.NO_WORKER: State.NO_WORKER,
    Kind.OUTDATED: State.OUTDATED,
    Kind.SUSPENDED: State.SUSPENDED,
    Kind.DOWN: State.NOT_ANSWERING,
    Kind.SILENT: State.NOT_ANSWERING,
}


class Card:
    """How a studio stands with Klaviyo. Made anew for each look; what nobody asks isn't counted."""

    scopes = WHY_SCOPES  # what connecting asks for
    statuses = ClientStatus

    def __init__(self, studio: Studio) -> None:
        self.studio = studio
        self.connection = Connection.objects.for_studio(studio).first()

    @cached_property
    def state(self) -> State:
        connection = self.connection
        if connection is None:
            return self._unconnected()
        if connection.is_disconnecting:
            return State.DISCONNECTING
        if self.opt_outs_waiting:
            return State.OPT_OUTS_WAITING
        if self.hindrance:
            return HINDERED[self.hindrance.kind]
        return State.PAUSED if connection.is_paused else self._unhindered()

    def _unhindered(self) -> State:
        if self.is_seeding:
            return State.SENDING
        return State.NEEDS_ATTENTION if self.needs_attention else State.CONNECTED

    def _unconnected(self) -> State:
        if self.ended is None:
            return State.NOT_CONNECTED
        return State.RECONNECT_REQUIRED if self.ended.asks_to_reconnect else State.DISCONNECTED

    @property
    def tone(self) -> str:
        return LOOKS[self.state].tone

    @property
    def template(self) -> str:
        """The partial with this state's sentence."""
        return f"klaviyo/states/_{self.state.value}.html"

    @property
    def reload_key(self) -> str:
        """What the parts of the page that don't refresh depend on; when it changes, all reload."""
        return f"{self.state.value}-tested" if self.is_being_tested else self.state.value

    @property
    def is_connected(self) -> bool:
        return self.connection is not None and not self.connection.is_disconnecting

    @property
    def is_being_tested(self) -> bool:
        return self.connection is not None and self.connection.health_check_requested_at is not None

    @property
    def is_held(self) -> bool:
        """Until somebody acts, nothing goes out (but opt-outs)."""
        connection = self.connection
        return connection is not None and (connection.is_paused or connection.is_suspended)

    @property
    def needs_polling(self) -> bool:
        """True if the card may change within seconds."""
        if self.state is State.DISCONNECTING or self.is_being_tested:
            return True
        return self.is_connected and not self.is_held and (self.has_due or self.is_seeding)

    @property
    def shows_progress(self) -> bool:
        is_moving = self.is_connected and self.is_seeding and not self.is_held
        return is_moving and self.hindrance is None

    @cached_property
    def ended(self) -> EndedConnection | None:
        return EndedConnection.objects.for_studio(self.studio).first()

    @cached_property
    def counts(self) -> Counts:
        """The list's: of a large studio they are kept, and counted anew beside."""
        return counts.of(self.studio)

    @cached_property
    def numbers(self) -> Numbers:
        return status.numbers_in(self.counts.tally)

    @property
    def counted_at(self) -> datetime | None:
        """When, where that was a while ago."""
        counted_at = self.counts.counted_at
        return counted_at if timezone.now() - counted_at > COUNTED_A_WHILE_AGO else None

    @cached_property
    def unsent(self) -> list[tuple[Reason, int]]:
        """How many clients nothing is sent of, by reason."""
        return status.unsent_in(self.counts.tally)

    @cached_property
    def opt_outs_waiting(self) -> int:
        """For the owner; those of deleted clients as well."""
        return self._rows.opt_outs_waiting().count()

    @property
    def features_offered(self) -> list[Feature]:
        """Optional permissions that the owner has not given. What opt-outs wait for is offered
        where they are told of."""
        connection = self.connection
        offered = [one for one in FEATURES.values() if connection and not connection.has(one)]
        return [one for one in offered if one is not SUPPRESSION or not self.opt_outs_waiting]

    @cached_property
    def needs_attention(self) -> bool:
        return self._rows.needing_attention().exclude(client=None).exists()

    @cached_property
    def due(self) -> int:
        """Changes that are safe here and not yet in Klaviyo."""
        return self._rows.unsettled().count() if self.has_due else 0

    @cached_property
    def has_due(self) -> bool:
        return self._rows.unsettled().has_any()

    @cached_property
    def is_seeding(self) -> bool:
        """True while the backfill is under way."""
        if self.connection is None:
            return False
        backfill = (Priority.KNOWN_OPT_OUT, Priority.BACKFILL)
        first_time = self._rows.unsettled().filter(priority__in=backfill)
        return self.connection.phase != Connection.Phase.SEEDED or first_time.has_any()

    @cached_property
    def hindrance(self) -> Hindrance | None:
        """What keeps changes from going out for now."""
        return hindrances.hindrance_of(self.connection) if self.connection else None

    @property
    def minutes(self) -> int:
        """How long connecting would take to send all."""
        return minutes_for(self.numbers.sendable)

    @property
    def time_left(self) -> str:
        minutes = minutes_for(self.numbers.waiting)
        return f"about {minutes} minutes left" if minutes > 1 else "less than a minute left"

    @property
    def health_check_text(self) -> str:
        """How the last test of the connection went."""
        result = self.connection.health_check_result if self.connection else ""
        return "works" if result == health_check.OK else Reason(result).label

    @property
    def _rows(self) -> ClientSyncQuerySet:
        rows = ClientSync.objects.for_studio(self.studio)
        return rows.of(self.connection) if self.connection else rows.none()


def minutes_for(clients: int) -> int:
    """How long so many clients take within Klaviyo's limit, rounded up."""
    return -int(-clients // (rate(LARGE) * 60))
