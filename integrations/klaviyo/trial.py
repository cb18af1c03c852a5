"""Trying a connection: renew its access, read the account, write nothing at Klaviyo.

Asked for by an owner ("Test the connection"), by the daily heartbeat, and by an uninstall event
that is older than the connection. The wish stands in PostgreSQL, so that a worker hears of it
even where a ring is lost.
"""

from typing import Any

from django.db.models.functions import Now

from integrations.klaviyo import connections, tokens
from integrations.klaviyo.answers import Forbidden, Throttled, Trouble, Unauthorized
from integrations.klaviyo.api import Klaviyo
from integrations.klaviyo.models import Connection
from integrations.klaviyo.oauth import ConfigurationRefused
from integrations.klaviyo.reasons import Reason
from integrations.klaviyo.rings import ring

OK = "ok"  # a trial's good result; any other is a reason


def ask_for(connection: Connection) -> None:
    """Have a worker try this connection soon."""
    Connection.objects.live().filter(pk=connection.pk).update(trial_wanted_at=Now())
    ring(connection.studio_id)


def carry_out(connection: Connection) -> None:
    """Try it and note what came of it; a dead grant ends the connection."""
    try:
        result = _try(connection)
    except Throttled:
        return  # its turn comes again
    except tokens.GrantRevoked as error:
        connections.fence(connection, error.cause)
        return
    changes: dict[str, Any] = {"trial_wanted_at": None, "tried_at": Now(), "trial_result": result}
    if result == OK:
        changes |= {"refused_at": None, "refused_reason": ""}
    Connection.objects.live().filter(pk=connection.pk).update(**changes)


def _try(connection: Connection) -> str:
    try:
        tokens.refresh(connection)
        account = Klaviyo(connection).get_account(lambda: None)
    except (Unauthorized, ConfigurationRefused, tokens.Sealed):
        return Reason.NOT_ACCEPTED
    except Forbidden:
        return Reason.PERMISSION_MISSING
    except tokens.NotAnswering:
        return Reason.NOT_ANSWERING
    except (Throttled, tokens.GrantRevoked):
        raise
    except Trouble:
        return Reason.NOT_ANSWERING
    return OK if account.id == connection.account_id else Reason.NOT_ACCEPTED
