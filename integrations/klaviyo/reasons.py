"""Why a client isn't (wholly) in Klaviyo: one closed list.

What each means for people, who can fix it and how stands here too, so that the card, the lists
and the help page say the same.
"""

from dataclasses import dataclass

from django.db import models


class Reason(models.TextChoices):
    NOT_OPTED_IN = "not_opted_in", "not agreed to emails"
    OPTED_OUT = "opted_out", "opted out"
    NO_EMAIL = "no_email", "no email"
    EMAIL_INVALID = "email_invalid", "email not valid"
    PHONE_INVALID = "phone_invalid", "phone not valid, sent without"
    PHONE_TAKEN = "phone_taken", "phone belongs to another profile, sent without"
    EMAIL_TAKEN = "email_taken", "email belongs to another profile"
    REFUSED = "refused", "Klaviyo does not accept this client"
    THROTTLED = "throttled", "Klaviyo asked us to wait"
    NOT_ANSWERING = "not_answering", "Klaviyo not answering"
    PERMISSION_MISSING = "permission_missing", "permission missing"
    NOT_ACCEPTED = "not_accepted", "Klaviyo does not accept our access"
    OUTDATED = "outdated", "Junocal has to be updated"
    PAUSED = "paused", "paused"


# A person has to act before these go on.
NEEDS_ATTENTION = (
    Reason.EMAIL_INVALID,
    Reason.EMAIL_TAKEN,
    Reason.REFUSED,
    Reason.PERMISSION_MISSING,
    Reason.NOT_ACCEPTED,
)
# Nothing is meant to be sent.
UNSENT = (Reason.NOT_OPTED_IN, Reason.OPTED_OUT, Reason.NO_EMAIL)
# In Klaviyo all the same.
SENT_WITHOUT_PHONE = (Reason.PHONE_INVALID, Reason.PHONE_TAKEN)


@dataclass(frozen=True)
class Explanation:
    """What a reason means and how it is fixed, in words for an owner."""

    meaning: str
    fix: str
    fixed_by: str  # "front desk", "owner", "nobody"
    help_anchor: str  # where the help page tells more


EXPLANATIONS: dict[Reason, Explanation] = {
    Reason.NOT_OPTED_IN: Explanation(
        "The client has not agreed to emails, so nothing is sent to Klaviyo.",
        "Tick “Agreed to emails” once the client has said yes.",
        "front desk",
        "client-not-appearing",
    ),
    Reason.OPTED_OUT: Explanation(
        "The client said no to emails. Nothing is sent, and Klaviyo was told where it knew them.",
        "Nothing to do. Only the client's own wish opts them in again.",
        "nobody",
        "client-not-appearing",
    ),
    Reason.NO_EMAIL: Explanation(
        "There is no email address, and Klaviyo knows people by their address.",
        "Add an address if the client would like emails.",
        "front desk",
        "client-not-appearing",
    ),
    Reason.EMAIL_INVALID: Explanation(
        "Klaviyo does not take this email address.",
        "Correct the address on the client's page; it is sent again by itself.",
        "front desk",
        "email-not-valid",
    ),
    Reason.PHONE_INVALID: Explanation(
        "Klaviyo does not take this phone number, so the profile goes without it.",
        "Correct the number, or leave it: emails are not affected.",
        "front desk",
        "phone-missing",
    ),
    Reason.PHONE_TAKEN: Explanation(
        "Another profile in Klaviyo already has this phone number, as families do. "
        "This client's profile goes without it.",
        "Nothing to do: emails are not affected.",
        "nobody",
        "phone-missing",
    ),
    Reason.EMAIL_TAKEN: Explanation(
        "The new email address already belongs to another profile in Klaviyo that is none of "
        "your clients here. Junocal merges nothing by itself.",
        "Merge the two profiles in Klaviyo, then send the client again.",
        "owner",
        "email-belongs-to-another-profile",
    ),
    Reason.REFUSED: Explanation(
        "Klaviyo refused this client's details.",
        "Check the name for unusual characters, then send the client again.",
        "owner",
        "client-refused",
    ),
    Reason.THROTTLED: Explanation(
        "Klaviyo asked us to slow down. What waits is safe and goes out by itself.",
        "Nothing to do.",
        "nobody",
        "klaviyo-not-answering",
    ),
    Reason.NOT_ANSWERING: Explanation(
        "Klaviyo is not answering. What waits is safe and goes out by itself.",
        "Nothing to do.",
        "nobody",
        "klaviyo-not-answering",
    ),
    Reason.PERMISSION_MISSING: Explanation(
        "The client opted out. Klaviyo has not allowed Junocal to pass that on, so it may still "
        "email them.",
        "Allow automatic suppression, or upload the list in Klaviyo.",
        "owner",
        "opt-outs-waiting",
    ),
    Reason.NOT_ACCEPTED: Explanation(
        "Klaviyo does not accept our access, although it was renewed just now.",
        "Test the connection; if that does not help, disconnect and connect again.",
        "owner",
        "access-not-accepted",
    ),
    Reason.OUTDATED: Explanation(
        "Klaviyo no longer takes requests of the kind that this version of Junocal sends. What "
        "waits is safe, and goes out within a minute of an update.",
        "Nothing to do: whoever runs Junocal has to update it.",
        "nobody",
        "junocal-has-to-be-updated",
    ),
    Reason.PAUSED: Explanation(
        "The connection is paused. Changes wait; opt-outs are not held back.",
        "Resume on the Integrations page.",
        "owner",
        "paused",
    ),
}
