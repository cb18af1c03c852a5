"""What happens when somebody comes back from Klaviyo's consent page with a code.

Nothing is stored unless the exchange and the look at the account both succeeded. Tokens of a
refused consent are dropped, not revoked: revoking would uninstall the app for whoever has it.
"""

import time

from integrations.klaviyo.api import errors, oauth, statistics
from integrations.klaviyo.api.client import send
from integrations.klaviyo.api.documents import Account, Request, read_account
from integrations.klaviyo.api.oauth import Grant
from integrations.klaviyo.connection import authorization, lifecycle
from integrations.klaviyo.connection.authorization import Attempt
from integrations.klaviyo.connection.refusals import KlaviyoUnavailableError, LessGrantedError
from integrations.klaviyo.contract import Operation

WAIT_MAX_S = 2.0  # somebody sits there and waits for the page


def arrive(attempt: Attempt, code: str) -> None:
    """Exchange the code, read the account, connect or add scopes. Raises a `RefusedError`."""
    try:
        take(attempt, code)
    finally:
        statistics.flush()  # in a web process nobody else does


def take(attempt: Attempt, code: str) -> None:
    grant = exchange(attempt, code)
    if not attempt.scopes <= grant.scopes:
        raise LessGrantedError
    account = fetch_account(grant)
    if attempt.feature:
        lifecycle.add_scopes(attempt.studio, attempt.user, account, grant)
    else:
        lifecycle.connect(attempt.studio, attempt.user, account, grant)


def exchange(attempt: Attempt, code: str) -> Grant:
    try:
        return oauth.exchange(
            code=code, verifier=attempt.verifier, redirect_uri=authorization.redirect_uri()
        )
    except (
        oauth.GrantDeadError,
        oauth.OAuthUnavailableError,
        oauth.ConfigurationRefusedError,
    ) as error:
        raise KlaviyoUnavailableError from error


def fetch_account(grant: Grant, *, is_second_try: bool = False) -> Account:
    """The account of the grant; asked twice, since Klaviyo gives one answer a second here and
    somebody else may have had it."""
    try:
        answer = send(Request(Operation.GET_ACCOUNTS), grant.access_token)
        return read_account(errors.read(answer))
    except errors.ThrottledError as error:
        if is_second_try or error.wait_s is None or error.wait_s > WAIT_MAX_S:
            raise KlaviyoUnavailableError from error
        time.sleep(error.wait_s)
    except errors.KlaviyoError as error:
        raise KlaviyoUnavailableError from error
    return fetch_account(grant, is_second_try=True)
