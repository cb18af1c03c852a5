"""What happens when somebody comes back from Klaviyo's consent page with a code.

Nothing is stored unless the exchange and the look at the account both succeeded. Tokens of a
refused arrival are dropped, not revoked: revoking would uninstall the app for whoever has it.
"""

import time

from integrations.klaviyo import answers, api, attempts, connections, oauth
from integrations.klaviyo.api import Account
from integrations.klaviyo.attempts import Attempt, Purpose
from integrations.klaviyo.oauth import Grant
from integrations.klaviyo.operations import Operation

WAIT_MAX_S = 2.0  # somebody sits there and waits for the page


class LessGranted(Exception):
    """Klaviyo granted fewer permissions than were asked for."""


class KlaviyoUnavailable(Exception):
    """Klaviyo gave no usable answer, or none that this code is good for."""


def arrive(attempt: Attempt, code: str) -> None:
    """Exchange the code, read the account, then connect or widen; raises what `connections` does,
    `LessGranted` or `KlaviyoUnavailable`."""
    grant = _exchange(attempt, code)
    if not attempt.scopes <= grant.scopes:
        raise LessGranted
    account = _read_account(grant)
    if attempt.purpose is Purpose.ALLOW_SUPPRESSION:
        connections.widen(attempt.studio, attempt.user, account, grant)
    else:
        connections.connect(attempt.studio, attempt.user, account, grant)


def _exchange(attempt: Attempt, code: str) -> Grant:
    try:
        return oauth.exchange(
            code=code, verifier=attempt.verifier, redirect_uri=attempts.redirect_uri()
        )
    except (oauth.GrantDead, oauth.OAuthUnavailable, oauth.ConfigurationRefused) as error:
        raise KlaviyoUnavailable from error


def _read_account(grant: Grant, *, is_second_try: bool = False) -> Account:
    """Klaviyo gives one answer a second here, and somebody else may have had it."""
    try:
        answer = api.request(Operation.GET_ACCOUNTS, grant.access_token)
        return api.read_account(answers.read(answer))
    except answers.Throttled as error:
        if is_second_try or error.wait_s is None or error.wait_s > WAIT_MAX_S:
            raise KlaviyoUnavailable from error
        time.sleep(error.wait_s)
    except answers.Trouble as error:
        raise KlaviyoUnavailable from error
    return _read_account(grant, is_second_try=True)
