"""Whose trouble is it? Each error says what happens to the rows that were being worked on.

A bad answer holds up its client; several in a row the operation (`api.rate_limits`); several
connections at once mean Klaviyo itself (`api.health`); a refused access the connection.
"""

import logging
from collections.abc import Callable, Sequence
from functools import partial

from integrations.backoff import backoff_s
from integrations.klaviyo.api.access_tokens import GrantRevokedError, TokenUnreadableError
from integrations.klaviyo.api.client import CancelledError, StaleTokenError
from integrations.klaviyo.api.errors import (
    DisconnectingError,
    FeatureForbiddenError,
    ForbiddenError,
    NotSentError,
    OutcomeUnknownError,
    RetiredError,
    ThrottledError,
    UnauthorizedError,
)
from integrations.klaviyo.api.oauth import ConfigurationRefusedError
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.outbox import consumer
from integrations.klaviyo.reasons import Reason

logger = logging.getLogger(__name__)

OPERATOR_WAIT_S = 60.0


def guard(
    connection: Connection,
    rows: Sequence[ClientSync],
    work: Callable[[], object],
    *,
    again: Callable[[Sequence[ClientSync]], None] | None = None,
) -> float:
    """Do the work. Whatever goes wrong, these rows are given back as the error asks. The seconds
    after which another try makes sense; 0 if all went well or only rows are concerned.

    One that nobody thought of is one row's: with `again`, which does the work for some of them,
    the rows are halved until it is found.
    """
    try:
        work()
    except (CancelledError, DisconnectingError, StaleTokenError):
        each(rows, consumer.release)
    except ThrottledError as error:
        wait_s = error.wait_s or 1.0
        each(rows, partial(consumer.wait, wait_s=wait_s))
        return wait_s
    except OutcomeUnknownError:
        each(rows, partial(postpone, unknown=True))
    except (NotSentError, FeatureForbiddenError):
        each(rows, partial(postpone, unknown=False))
    except UnauthorizedError:
        lifecycle.refused(connection)
        each(rows, partial(postpone, unknown=False))
    except ForbiddenError:
        lifecycle.suspend(connection, Reason.PERMISSION_MISSING)
        each(rows, partial(postpone, unknown=False))
    except GrantRevokedError as error:
        lifecycle.begin_disconnect(connection, error.cause)
        each(rows, consumer.release)
    except RetiredError:
        lifecycle.suspend(connection, Reason.OUTDATED)
        each(rows, partial(consumer.wait, wait_s=OPERATOR_WAIT_S))
        return OPERATOR_WAIT_S
    except (TokenUnreadableError, ConfigurationRefusedError):
        logger.exception("Klaviyo can't be used", extra={"connection": connection.pk})
        each(rows, partial(consumer.wait, wait_s=OPERATOR_WAIT_S))
        return OPERATOR_WAIT_S
    except Exception:  # a poison row: it waits, the others go on
        if again and len(rows) > 1:
            middle = len(rows) // 2
            again(rows[:middle])
            again(rows[middle:])
            return 0.0
        logger.exception("a client can't be synced", extra={"rows": [row.pk for row in rows]})
        each(rows, partial(postpone, unknown=True))
    return 0.0


def each(rows: Sequence[ClientSync], give_back: Callable[[ClientSync], object]) -> None:
    for row in rows:
        give_back(row)


def postpone(row: ClientSync, *, unknown: bool) -> None:
    consumer.postpone(row, backoff_s(row.attempts + 1), unknown=unknown)
