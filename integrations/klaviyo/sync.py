"""A quantum of work for one studio: claim what is due, push or suppress it, complete.

Nobody sleeps here: a studio that must wait gives its turn away, and the sweep comes back to it.
One client's trouble never stops the others.
"""

import logging
import time
from collections.abc import Callable, Iterable, Sequence
from functools import partial

from clients import consent
from integrations.klaviyo import budgets, connections, optouts, outbox
from integrations.klaviyo.answers import (
    Forbidden,
    NotSent,
    Rejected,
    Throttled,
    Unauthorized,
    Unknown,
)
from integrations.klaviyo.api import Cancelled, Klaviyo
from integrations.klaviyo.limits import backoff_s
from integrations.klaviyo.models import ClientSync, Connection, Priority
from integrations.klaviyo.oauth import ConfigurationRefused
from integrations.klaviyo.operations import SUPPRESSION_BATCH, Operation
from integrations.klaviyo.push import Found, look_up, push
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.tokens import Fenced, GrantRevoked, Sealed

logger = logging.getLogger(__name__)

QUANTUM_S = 1.0
OPERATOR_WAIT_S = 60.0
CLAIM_ROWS = 8  # pushes in one claim: each must still leave within the lease
PUSHES = (Operation.GET_PROFILES, Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE)

OPT_OUTS = (Priority.OPT_OUT, Priority.KNOWN_OPT_OUT)
LIVE_LANE = (Priority.OPT_OUT, Priority.LIVE)
ALL_LANES = tuple(Priority)


def run(connection: Connection, lanes: Iterable[Priority]) -> bool:
    """Work on this connection for about a second, what outranks first; whether more may be due."""
    ends_at = time.monotonic() + QUANTUM_S
    while time.monotonic() < ends_at:
        # As it is now: fenced, paused or refused meanwhile, it is worked for no longer.
        fresh = Connection.objects.live().filter(pk=connection.pk).first()
        if fresh is None or not any(_work(fresh, lane) for lane in lanes):
            return False
    return True


def _work(connection: Connection, lane: Priority) -> bool:
    """Claim and handle one batch of a lane; whether there was one."""
    api = Klaviyo(connection, backfill=lane >= Priority.KNOWN_OPT_OUT)
    rows = _claim(connection, lane, backfill=api.backfill)
    opt_outs = [row for row in rows if optouts.needs_suppression(row)]
    pushes = [row for row in rows if row not in opt_outs]
    _suppress(opt_outs, api)
    _push(pushes, api)
    return bool(rows)


def _claim(connection: Connection, lane: Priority, *, backfill: bool) -> list[ClientSync]:
    """Claim what can be sent now: clients with a profile id go on while new ones must wait."""
    affordable = partial(budgets.affordable, connection, backfill=backfill)
    if lane in OPT_OUTS:
        payable = affordable((Operation.SUPPRESS,))
        return outbox.claim(connection, lane, SUPPRESSION_BATCH if payable else 0)
    if connection.is_paused or connection.is_refused:
        return []
    if limit := min(CLAIM_ROWS, affordable(PUSHES)):
        return outbox.claim(connection, lane, limit)
    limit = min(CLAIM_ROWS, affordable((Operation.UPDATE_PROFILE,)))
    return outbox.claim(connection, lane, limit, bound=True)


def _suppress(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    if rows:
        _guard(rows, api.connection, lambda: optouts.suppress(rows, api))


def _push(rows: Sequence[ClientSync], api: Klaviyo) -> None:
    to_send = [row for row in rows if not _settled_unsent(row)]
    bound = [row for row in to_send if row.client and row.client.klaviyo_profile_id]
    for row in bound:  # first: what they move away from is free before anybody looks for it
        _guard([row], api.connection, partial(push, row, api))
    unbound = [row for row in to_send if row not in bound]
    found = _look_up_together(unbound, api)
    for row in unbound:
        if row.pk in found:
            _guard([row], api.connection, partial(push, row, api, found[row.pk]))


def _look_up_together(rows: Sequence[ClientSync], api: Klaviyo) -> dict[int, Found | None]:
    """One look-up for several clients; where it fails, all of them wait. Where Klaviyo can't read
    it, each client is looked up alone."""
    alone: dict[int, Found | None] = dict.fromkeys((row.pk for row in rows), None)
    found: dict[int, Found | None] = {}

    def look() -> None:
        try:
            found.update(dict.fromkeys(alone, look_up(rows, api)))
        except Rejected:
            found.update(alone)

    if len(rows) < 2:
        return alone
    _guard(rows, api.connection, look)
    return found


def _settled_unsent(row: ClientSync) -> bool:
    """Complete what needs no request: not to be emailed, or nothing that matters changed."""
    if row.client is None or not row.client.may_be_emailed:
        agreed = row.client is not None and row.client.email_opt_in
        outbox.complete(row, Reason.NO_EMAIL if agreed else Reason.NOT_OPTED_IN)
        return True
    if consent.uphold(row.client):
        outbox.release(row)  # marked anew, as an opt-out
        return True
    if row.digest == row.client_digest and not row.confirming:
        outbox.complete(row, row.reason)
        return True
    return False


def _guard(rows: Sequence[ClientSync], connection: Connection, work: Callable[[], None]) -> None:
    """Do the work; whatever goes wrong, these rows are given back with what fits."""
    try:
        work()
    except (Cancelled, Fenced):
        _each(rows, outbox.release)
    except Throttled as error:
        _each(rows, partial(outbox.wait, wait_s=error.wait_s or 1.0))
    except Unknown:
        _each(rows, partial(_postpone, unknown=True))
    except NotSent:
        _each(rows, partial(_postpone, unknown=False))
    except (Unauthorized, Forbidden) as error:
        connections.refuse(connection, _refusal(error))
        _each(rows, partial(_postpone, unknown=False))
    except GrantRevoked as error:
        connections.fence(connection, error.cause)
        _each(rows, outbox.release)
    except (Sealed, ConfigurationRefused):
        logger.exception("Klaviyo can't be used", extra={"connection": connection.pk})
        _each(rows, partial(outbox.wait, wait_s=OPERATOR_WAIT_S))
    except Exception:  # a poison row: it waits, the others go on
        logger.exception("a client can't be synced", extra={"rows": [row.pk for row in rows]})
        _each(rows, partial(_postpone, unknown=True))


def _each(rows: Sequence[ClientSync], give_back: Callable[[ClientSync], object]) -> None:
    for row in rows:
        give_back(row)


def _postpone(row: ClientSync, *, unknown: bool) -> None:
    outbox.postpone(row, backoff_s(row.attempts + 1), unknown=unknown)


def _refusal(error: Unauthorized | Forbidden) -> Reason:
    missing = isinstance(error, Forbidden)
    return Reason.PERMISSION_MISSING if missing else Reason.NOT_ACCEPTED
