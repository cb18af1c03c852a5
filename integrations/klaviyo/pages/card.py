"""What the card on the Integrations page says, by two lights: how the connection is, and what waits
for the owner. Neither hides the other; what each says is true, with what to press."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cached_property

from django.db import models
from django.utils import timezone

from clients.listing import counts
from clients.listing.counts import Counts
from clients.listing.tally import Consent
from integrations.klaviyo.connection import health_check, hindrances
from integrations.klaviyo.connection.hindrances import Hindrance, Kind
from integrations.klaviyo.contract import LARGE, WHY_SCOPES
from integrations.klaviyo.models import ClientSync, Connection, EndedConnection, Priority
from integrations.klaviyo.models.sync import ClientSyncQuerySet
from integrations.klaviyo.pages import stacked_bar, status, todos
from integrations.klaviyo.pages.stacked_bar import Part
from integrations.klaviyo.pages.status import ClientStatus, Numbers
from integrations.klaviyo.pages.todos import Todo
from integrations.klaviyo.reasons import Reason
from integrations.token_bucket import rate
from studios.models import Studio

COUNTED_A_WHILE_AGO = timedelta(seconds=60)


class State(models.TextChoices):
    """How the connection is."""

    NOT_CONNECTED = "not_connected", "Not connected"
    SENDING = "sending", "Sending"
    WORKING = "working", "Working"
    PAUSED = "paused", "Paused"
    SUSPENDED = "suspended", "Klaviyo refuses access"
    NOT_ANSWERING = "not_answering", "Klaviyo not answering"
    NO_WORKER = "no_worker", "Nothing is being sent"
    OUTDATED = "outdated", Reason.OUTDATED.label
    RECONNECT_REQUIRED = "reconnect_required", "Reconnect required"
    DISCONNECTING = "disconnecting", "Disconnecting"
    DISCONNECTED = "disconnected", "Disconnected"


@dataclass(frozen=True)
class Look:
    """How something looks: the tone of its icon, and its words."""

    tone: str
    text: str = ""


NEEDS_OWNER = "needs the owner"
# What the front desk reads of each state, after "Klaviyo: "; blank where there is nothing to say.
LOOKS = {
    State.NOT_CONNECTED: Look("quiet"),
    State.SENDING: Look("moving", "sending clients"),
    State.WORKING: Look("good", "working"),
    State.PAUSED: Look("quiet", "paused"),
    State.SUSPENDED: Look("bad", NEEDS_OWNER),
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


STATES_WITH_BUTTON = {State.PAUSED, State.SUSPENDED, State.NOT_ANSWERING}


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
        if self.hindrance:
            return HINDERED[self.hindrance.kind]
        if connection.is_paused:
            return State.PAUSED
        return State.SENDING if self.is_seeding else State.WORKING

    def _unconnected(self) -> State:
        if self.ended is None:
            return State.NOT_CONNECTED
        return State.RECONNECT_REQUIRED if self.ended.asks_to_reconnect else State.DISCONNECTED

    @property
    def tone(self) -> str:
        return LOOKS[self.state].tone

    @property
    def for_staff(self) -> Look:
        """What the front desk reads, both lights in one."""
        look = LOOKS[self.state]
        if not self.needs_owner or look.text == NEEDS_OWNER:
            return look
        if self.state is State.WORKING:
            return Look("attention", NEEDS_OWNER)
        return Look(look.tone, f"{look.text}; {NEEDS_OWNER}")

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
    def bar(self) -> list[Part]:
        return stacked_bar.parts_of(self.numbers)

    @cached_property
    def todos(self) -> list[Todo]:
        """What waits for the owner, the most pressing first."""
        return list(todos.todos_of(self.connection)) if self.connection else []

    @cached_property
    def needs_owner(self) -> bool:
        """As the to-dos say, for pages that don't list them: nobody is counted or named."""
        return bool(self.is_connected and self.connection and todos.needs_owner(self.connection))

    @property
    def pressing(self) -> list[Todo]:
        return [one for one in self.todos if one.is_pressing]

    @property
    def todo_light(self) -> Look:
        if len(self.pressing) > 1:
            return Look("attention", f"{len(self.pressing)} things to do")
        if self.todos:
            return Look("attention" if self.pressing else "quiet", self.todos[0].kind.label)
        return Look("good", "Nothing to do")

    @property
    def big_button(self) -> str:
        """Of all there is to press the one that comes first: the state's, or a to-do's kind. A no
        that Klaviyo has not heard of outranks everything."""
        first = self.pressing[0].kind if self.pressing else ""
        if first == todos.Kind.OPT_OUTS:
            return first
        return self.state if self.state in STATES_WITH_BUTTON else first

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
    def promised(self) -> int:
        """How many clients connecting sends, before the click and after it: who agreed to emails
        and has an address. Opt-outs that are passed on first are not among them."""
        agreed = self.counts.tally.count({"consent": Consent.AGREED})
        return agreed - self._agreed(ClientStatus.NOT_SENT)

    @property
    def arrived(self) -> int:
        """Of the promised ones, those who wait no longer."""
        return self.promised - self._agreed(ClientStatus.WAITING)

    def _agreed(self, and_is: ClientStatus) -> int:
        return self.counts.tally.count({"consent": Consent.AGREED, status.FACET: and_is})

    @property
    def minutes(self) -> int:
        """How long connecting would take to send all."""
        return minutes_for(self.promised)

    @property
    def time_left(self) -> str:
        minutes = minutes_for(self.promised - self.arrived)
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
