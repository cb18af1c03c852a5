"""Why nobody was connected: one closed list. Nothing was stored, and a page says what to do.

Each names its page, templates/klaviyo/refusals/_<page>.html, and where the help page tells more.
Raised on the way back from Klaviyo: by `authorization` (the attempt), `callback` (what Klaviyo
granted) and `lifecycle` (what stands in the studio by then).
"""


class RefusedError(Exception):
    """Somebody came back from Klaviyo's consent page, or was about to go there, in vain."""

    page: str
    help_anchor = "not-connected"


class UnknownAttemptError(RefusedError):
    """The state is unknown, spent, too old, or another person's or session's; or what it was to add
    to is gone."""

    page = "stale"


class NotOwnerError(RefusedError):
    """The person no longer owns the studio."""

    page = "not_owner"


class DeniedError(RefusedError):
    """Klaviyo sent no code: somebody said no, or something went wrong there."""

    page = "denied"


class LessGrantedError(RefusedError):
    """Klaviyo granted fewer permissions than were asked for."""

    page = "less_granted"


class ScopesChangedError(RefusedError):
    """Another permission was given meanwhile (two tabs): this consent would take it back."""

    page = "scopes_changed"


class KlaviyoUnavailableError(RefusedError):
    """Klaviyo gave no usable answer, or none that this code is good for."""

    page = "unavailable"
    help_anchor = "klaviyo-not-answering"


class AlreadyConnectedError(RefusedError):
    """The studio has a connection, or one that is still being deleted."""

    page = "already_connected"
    help_anchor = "another-account"


class AccountTakenError(RefusedError):
    """Another studio is connected to this Klaviyo account."""

    page = "account_taken"
    help_anchor = "another-account"


class AnotherAccountError(RefusedError):
    """A second consent came from another account than the connected one."""

    page = "another_account"
    help_anchor = "another-account"
