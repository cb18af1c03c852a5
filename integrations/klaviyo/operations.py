"""The operations of Klaviyo's API that Junocal calls, with the scopes and limits each has there.

Source: the official OpenAPI document, revision 2026-07-15 (contract, sections 3.4, 4 and 7). A
test holds this table against that document.
"""

from dataclasses import dataclass
from enum import StrEnum

REVISION = "2026-07-15"

# Exactly these three are asked for when connecting; a test counts them.
SCOPES = ("accounts:read", "profiles:read", "profiles:write")
# The second consent, "Allow automatic suppression", adds only this one.
SUPPRESSION_SCOPE = "subscriptions:write"

# Every scope and what it is for, in words for an owner.
WHY_SCOPES = {
    "accounts:read": "to show which Klaviyo account is connected",
    "profiles:read": "to look a client up before sending, so that nobody is there twice",
    "profiles:write": "to add your clients as profiles and keep them current",
}

SOURCE_TAG = ("junocal_source", "junocal")  # the custom property on every profile we push
SUPPRESSION_BATCH = 100  # addresses in one suppression call
LOOKUP_BATCH = 50  # clients in one look-up; two spellings each make the 100 of one page


class Operation(StrEnum):
    GET_ACCOUNTS = "get_accounts"
    GET_PROFILES = "get_profiles"
    CREATE_PROFILE = "create_profile"
    UPDATE_PROFILE = "update_profile"
    SUPPRESS = "bulk_suppress_profiles"


@dataclass(frozen=True)
class Limit:
    """Requests per second (`burst`) and per minute (`steady`), per account and operation."""

    burst: int
    steady: int


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
