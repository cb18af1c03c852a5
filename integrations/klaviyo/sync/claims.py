"""How much of a studio's work is claimed now, by its connection's state and its rate limits."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from django.utils import timezone

from integrations.klaviyo.api.allowances import Room
from integrations.klaviyo.contract import SUPPRESSION_BATCH, Operation
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.outbox.turns import Waits

LIVE_ROWS = 12  # live claims stay small, as many as are in flight at once
BACKFILL_ROWS = 24  # three rounds of what is in flight: still over within the lease
FEWEST_ROWS = 4  # of a backfill: it waits until Klaviyo's limit lets so many through
PUSHES = (Operation.GET_PROFILES, Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE)
UPDATES = (Operation.UPDATE_PROFILE,)


@dataclass(frozen=True)
class Claims:
    """The most rows of each kind, and how long whatever must wait has to."""

    opt_outs: int
    live: int
    backfill: int
    waits: Waits
    only_linked: bool = False  # clients with a profile go on while new ones must wait

    @classmethod
    def of(cls, connection: Connection, room: Room) -> Self:
        opt_outs = SUPPRESSION_BATCH if room.spare(Operation.SUPPRESS) else 0
        told_s = room.wait_s(Operation.SUPPRESS)
        if connection.is_paused:
            return cls(opt_outs, 0, 0, Waits(told_s, None, None))
        if connection.is_suspended and not connection.is_on_trial:
            wait_s = seconds_until_trial(connection)
            return cls(opt_outs, 0, 0, Waits(told_s, wait_s, wait_s))
        live = min(LIVE_ROWS, room.spare(*PUSHES) or room.spare(*UPDATES))
        fewest = min(FEWEST_ROWS, room.most(*PUSHES))
        bulk = min(BACKFILL_ROWS, room.spare(*PUSHES, backfill=True))
        waits = Waits(
            told_s, room.wait_s(*UPDATES), room.wait_s(*PUSHES, number=fewest, backfill=True)
        )
        if connection.is_on_trial:
            live, bulk = min(live, 1), min(bulk, 1)
        elif bulk < fewest:
            bulk = 0
        return cls(opt_outs, live, bulk, waits, only_linked=not room.spare(*PUSHES))

    @property
    def limits(self) -> Mapping[Priority, int]:
        return {
            Priority.OPT_OUT: self.opt_outs,
            Priority.LIVE: self.live,
            Priority.KNOWN_OPT_OUT: self.opt_outs,
            Priority.BACKFILL: self.backfill,
        }

    def are_full(self, rows: Sequence[ClientSync]) -> bool:
        """True if there may be more of what these rows are."""
        pushes = sum(row.priority in (Priority.LIVE, Priority.BACKFILL) for row in rows)
        told = len(rows) - pushes
        live = sum(row.priority == Priority.LIVE for row in rows)
        limits = ((told, self.opt_outs), (live, self.live), (pushes, self.backfill))
        return any(number and number >= limit for number, limit in limits)


def seconds_until_trial(connection: Connection) -> float | None:
    """None where only a person can help."""
    if connection.suspended_until is None:
        return None
    return max((connection.suspended_until - timezone.now()).total_seconds(), 0.0)
