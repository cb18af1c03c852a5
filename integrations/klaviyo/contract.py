"""The operations of Klaviyo's API that Junocal calls, with the scopes and limits each has there,
and the optional permissions that an owner may give.

Source: the official OpenAPI document, revision 2026-07-15 (contract, sections 3.4, 4 and 7). A
test holds this table against the facts taken from it, docs/klaviyo/operations.json.
"""

from dataclasses import dataclass
from enum import StrEnum

from integrations.token_bucket import Limit

REVISION = "2026-07-15"

# Exactly these three are asked for when connecting; a test counts them.
SCOPES = ("accounts:read", "profiles:read", "profiles:write")

# Every scope and what it is for, in words for an owner.
WHY_SCOPES = {
    "accounts:read": "to show which Klaviyo account is connected",
    "profiles:read": "to look a client up before sending, so that nobody is there twice",
    "profiles:write": "to add your clients as profiles and keep them current",
}

# What a profile carries besides its email: Klaviyo's word → the client's field. What stands here is
# sent, looked for in a change (`models.digest`) and named on the help page.
PROFILE_FIELDS = {"first_name": "first_name", "last_name": "last_name", "phone_number": "phone"}
SOURCE_TAG = ("junocal_source", "junocal")  # the custom property on every profile we push
SUPPRESSION_BATCH = 100  # addresses in one suppression call
SPELLINGS_MAX = 100  # in one look-up: as many profiles as one page has
LOOKUP_BATCH = 50  # clients in one look-up; two spellings each make the 100 of one page


class Operation(StrEnum):
    GET_ACCOUNTS = "get_accounts"
    GET_PROFILES = "get_profiles"
    CREATE_PROFILE = "create_profile"
    UPDATE_PROFILE = "update_profile"
    SUPPRESS = "bulk_suppress_profiles"


@dataclass(frozen=True)
class Facts:
    method: str
    path: str
    scopes: tuple[str, ...]
    limit: Limit


LARGE = Limit(burst=75, steady=750)
SMALL = Limit(burst=1, steady=15)

OPERATIONS: dict[Operation, Facts] = {
    Operation.GET_ACCOUNTS: Facts("GET", "/api/accounts", ("accounts:read",), SMALL),
    Operation.GET_PROFILES: Facts("GET", "/api/profiles", ("profiles:read",), LARGE),
    Operation.CREATE_PROFILE: Facts("POST", "/api/profiles", ("profiles:write",), LARGE),
    Operation.UPDATE_PROFILE: Facts("PATCH", "/api/profiles/{id}", ("profiles:write",), LARGE),
    Operation.SUPPRESS: Facts(
        "POST",
        "/api/profile-suppression-bulk-create-jobs",
        ("profiles:write", "subscriptions:write"),
        LARGE,
    ),
}


@dataclass(frozen=True)
class Feature:
    """An optional permission: the owner allows it by a consent of its own, which adds its scopes.

    Operations that belong to no feature are the base's. The texts are an owner's, on the help page
    and wherever the permission is offered.
    """

    key: str  # in addresses and in `OAuthAttempt.feature`
    name: str  # on its button
    scopes: tuple[str, ...]  # beyond the base's
    operations: tuple[Operation, ...]
    does: str
    without: str  # what happens, or doesn't, until it is allowed
    asks: str  # what Klaviyo will ask
    stores: str  # what is kept for it here, and how long
    help_anchor: str  # where the help page tells more
    is_always_tried: bool = False  # Klaviyo's answer decides, not what we know of the grant

    @property
    def url_name(self) -> str:
        """Of the address that its button posts to (`urls`)."""
        return f"klaviyo:allow_{self.key}"


SUPPRESSION = Feature(
    key="suppression",
    name="Allow automatic suppression",
    scopes=("subscriptions:write",),
    operations=(Operation.SUPPRESS,),
    does="to pass opt-outs on to Klaviyo",
    without="Junocal knows who opted out but can't stop Klaviyo from emailing them; those people "
    "stand on the list “Opt-outs waiting for you”",
    asks="to subscribe and suppress profiles; Junocal only ever suppresses",
    help_anchor="opt-outs-waiting",
    stores="nothing more than without it.",
    is_always_tried=True,  # a person's no is worth a request that may be refused
)

FEATURES = {feature.key: feature for feature in (SUPPRESSION,)}
FEATURE_OF = {
    operation: feature for feature in FEATURES.values() for operation in feature.operations
}
# What else a grant may hold, whoever put it there, is nothing that is asked for again.
KNOWN_SCOPES = {*SCOPES, *(scope for feature in FEATURES.values() for scope in feature.scopes)}
