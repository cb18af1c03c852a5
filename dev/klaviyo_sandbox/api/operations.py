"""The operations of the API that this sandbox offers, named as in Klaviyo's own document.

Scopes and limits per operation: contract, sections 0, 4 and 7.
"""

from dataclasses import dataclass

ACCOUNTS_READ = "accounts:read"
PROFILES_READ = "profiles:read"
PROFILES_WRITE = "profiles:write"
SUBSCRIPTIONS_WRITE = "subscriptions:write"

# What the consent page says of each scope; others are ignored (contract, section 1.2).
SCOPES = {
    ACCOUNTS_READ: "See your account's name, time zone and contact details",
    PROFILES_READ: "See the people in your account and what is known about them",
    PROFILES_WRITE: "Add people to your account and change their details",
    "subscriptions:read": "See who is subscribed and who is suppressed",
    SUBSCRIPTIONS_WRITE: "Suppress people, so that they get no more marketing emails",
    "lists:read": "See your lists",
    "lists:write": "Create and change your lists",
    "events:read": "See what people did",
    "events:write": "Record what people did",
}


@dataclass(frozen=True)
class Operation:
    """One method on one address; limits are per account and app (contract, section 3.4)."""

    id: str
    method: str
    rule: str
    scopes: frozenset[str]
    per_second: int
    per_minute: int


SMALLEST, MEDIUM, LARGE = (1, 15), (10, 150), (75, 750)


def operation(
    name: str, method: str, rule: str, scopes: set[str], limit: tuple[int, int]
) -> Operation:
    return Operation(name, method, rule, frozenset(scopes), *limit)


OPERATIONS = {
    one.id: one
    for one in (
        operation("get_accounts", "GET", "/api/accounts", {ACCOUNTS_READ}, SMALLEST),
        operation("get_profiles", "GET", "/api/profiles", {PROFILES_READ}, LARGE),
        operation("get_profile", "GET", "/api/profiles/<id>", {PROFILES_READ}, LARGE),
        operation("create_profile", "POST", "/api/profiles", {PROFILES_WRITE}, LARGE),
        operation("update_profile", "PATCH", "/api/profiles/<id>", {PROFILES_WRITE}, LARGE),
        operation("merge_profiles", "POST", "/api/profile-merge", {PROFILES_WRITE}, MEDIUM),
        operation(
            "bulk_suppress_profiles",
            "POST",
            "/api/profile-suppression-bulk-create-jobs",
            {PROFILES_WRITE, SUBSCRIPTIONS_WRITE},
            LARGE,
        ),
    )
}
