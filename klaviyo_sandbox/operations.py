"""The operations of the API that this sandbox offers, named as in Klaviyo's own document.

Scopes and limits per operation as in contract sections 0, 4 and 7.
"""

from dataclasses import dataclass

ACCOUNTS_READ = "accounts:read"
PROFILES_READ = "profiles:read"
PROFILES_WRITE = "profiles:write"
SUBSCRIPTIONS_READ = "subscriptions:read"
SUBSCRIPTIONS_WRITE = "subscriptions:write"

# What the consent page says of each scope; a scope that isn't here is ignored (1.2).
SCOPES = {
    ACCOUNTS_READ: "See your account's name, time zone and contact details",
    PROFILES_READ: "See the people in your account and what is known about them",
    PROFILES_WRITE: "Add people to your account and change their details",
    SUBSCRIPTIONS_READ: "See who is subscribed and who is suppressed",
    SUBSCRIPTIONS_WRITE: "Suppress people, so that they get no more marketing emails",
    "lists:read": "See your lists",
    "lists:write": "Create and change your lists",
    "events:read": "See what people did",
    "events:write": "Record what people did",
}


@dataclass(frozen=True)
class Operation:
    """One method on one address; limits are per account and app (3.4)."""

    id: str
    method: str
    rule: str
    scopes: frozenset[str]
    per_second: int
    per_minute: int


SMALLEST, MEDIUM, LARGE = (1, 15), (10, 150), (75, 750)
CREATE_JOBS = "/api/profile-suppression-bulk-create-jobs"
DELETE_JOBS = "/api/profile-suppression-bulk-delete-jobs"


def _operation(
    name: str, method: str, rule: str, scopes: set[str], limit: tuple[int, int]
) -> Operation:
    return Operation(name, method, rule, frozenset(scopes), *limit)


OPERATIONS = {
    one.id: one
    for one in (
        _operation("get_accounts", "GET", "/api/accounts", {ACCOUNTS_READ}, SMALLEST),
        _operation("get_account", "GET", "/api/accounts/<id>", {ACCOUNTS_READ}, SMALLEST),
        _operation("get_profiles", "GET", "/api/profiles", {PROFILES_READ}, LARGE),
        _operation("get_profile", "GET", "/api/profiles/<id>", {PROFILES_READ}, LARGE),
        _operation("create_profile", "POST", "/api/profiles", {PROFILES_WRITE}, LARGE),
        _operation("update_profile", "PATCH", "/api/profiles/<id>", {PROFILES_WRITE}, LARGE),
        _operation(
            "create_or_update_profile", "POST", "/api/profile-import", {PROFILES_WRITE}, LARGE
        ),
        _operation("merge_profiles", "POST", "/api/profile-merge", {PROFILES_WRITE}, MEDIUM),
        _operation(
            "bulk_suppress_profiles",
            "POST",
            CREATE_JOBS,
            {PROFILES_WRITE, SUBSCRIPTIONS_WRITE},
            LARGE,
        ),
        _operation(
            "get_bulk_suppress_profiles_job",
            "GET",
            f"{CREATE_JOBS}/<id>",
            {SUBSCRIPTIONS_READ},
            LARGE,
        ),
        _operation("bulk_unsuppress_profiles", "POST", DELETE_JOBS, {SUBSCRIPTIONS_WRITE}, LARGE),
        _operation(
            "get_bulk_unsuppress_profiles_job",
            "GET",
            f"{DELETE_JOBS}/<id>",
            {SUBSCRIPTIONS_READ},
            LARGE,
        ),
    )
}
