"""Trying a connection: renew its access, read the account, write nothing at Klaviyo.

Asked for by an owner ("Test the connection"), by the daily heartbeat, and by an uninstall event
that is older than the connection. The wish stands in PostgreSQL, so that a worker hears of it
even if its wake-up is lost.
"""

import logging
from typing import Any

from django.db.models.functions import Now

from integrations.klaviyo.api import access_tokens, rate_limits
from integrations.klaviyo.api.client import Klaviyo, send
from integrations.klaviyo.api.documents import Request as KlaviyoRequest
from integrations.klaviyo.api.errors import (
    ForbiddenError,
    KlaviyoError,
    RetiredError,
    ThrottledError,
    UnauthorizedError,
)
from integrations.klaviyo.api.health import health
from integrations.klaviyo.api.oauth import ConfigurationRefusedError
from integrations.klaviyo.connection import lifecycle
from integrations.klaviyo.contract import Operation
from integrations.klaviyo.models import Connection
from integrations.klaviyo.models.connection import UNSUSPENDED
from integrations.klaviyo.outbox.wakeup import wake
from integrations.klaviyo.reasons import Reason

logger = logging.getLogger(__name__)

NOBODY = "0"  # no profile's id
OK = "ok"  # a good result; any other is a reason


def request(connection: Connection) -> None:
    """Have a worker check this connection soon."""
    Connection.objects.live().filter(pk=connection.pk).update(health_check_requested_at=Now())
    wake(connection.studio_id)


def run(connection: Connection) -> None:
    """Check the connection and store the result; a dead grant ends it."""
    try:
        result = check(connection)
    except ThrottledError:
        return  # its turn comes again
    except access_tokens.GrantRevokedError as error:
        lifecycle.begin_disconnect(connection, error.cause)
        return
    changes: dict[str, Any] = {
        "health_check_requested_at": None,
        "health_checked_at": Now(),
        "health_check_result": result,
    }
    if result == OK:
        changes |= UNSUSPENDED
    elif connection.is_suspended and result in (Reason.NOT_ACCEPTED, Reason.OUTDATED):
        lifecycle.suspend(connection, Reason(result))  # tried in vain once more
    Connection.objects.live().filter(pk=connection.pk).update(**changes)
    if result == OK:
        rate_limits.try_now(connection)
    wake(connection.studio_id)  # what waited for the outcome goes on


def probe() -> None:
    """Klaviyo is down for everybody: try for all of them, with one connection's profiles, which is
    what they wait for. Whatever it answers, it answers; `api.health` hears of that."""
    connection = Connection.objects.live().order_by("?").first()
    if connection is None:
        return
    try:
        token = access_tokens.access_token(connection)
        answer = send(KlaviyoRequest.find_profiles("id", [NOBODY]), token.text)
    except (KlaviyoError, ConfigurationRefusedError) as error:
        logger.info("Klaviyo is still down (%s)", type(error).__name__)
    else:
        if answer.status < 500:
            health.answered()


def check(connection: Connection) -> str:
    """Raises `ThrottledError` if it must wait: then no renewal was spent on it."""
    api = Klaviyo(connection)
    try:
        api.allowances.have(Operation.GET_ACCOUNTS)
        access_tokens.refresh(connection)
        account = api.get_account(lambda: None)
    except (UnauthorizedError, ConfigurationRefusedError, access_tokens.TokenUnreadableError):
        return Reason.NOT_ACCEPTED
    except ForbiddenError:
        return Reason.PERMISSION_MISSING
    except RetiredError:
        return Reason.OUTDATED
    except access_tokens.NotAnsweringError:
        return Reason.NOT_ANSWERING
    except (ThrottledError, access_tokens.GrantRevokedError):
        raise
    except KlaviyoError:
        return Reason.NOT_ANSWERING
    finally:
        api.allowances.give_back()
    return OK if account.id == connection.account_id else Reason.NOT_ACCEPTED
