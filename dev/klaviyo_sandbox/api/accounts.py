"""The Klaviyo accounts of this sandbox, and how the API shows one (contract, section 4.1)."""

import sqlite3
from dataclasses import dataclass
from typing import Any

from dev.klaviyo_sandbox.store import Store


@dataclass(frozen=True)
class Account:
    """One business's Klaviyo account."""

    id: str
    organization: str
    timezone: str = "Europe/Berlin"
    locale: str = "en-GB"
    currency: str = "EUR"


LOTUS = Account("LoTuS1", "Lotus Yoga Berlin", locale="de-DE")
STAN = Account("StAnP2", "Stan's Pilates", timezone="Europe/London", currency="GBP")
OWN = Account("YoUrS3", "Your own studio")  # of whoever signs up in the demo
SEEDED = (LOTUS, STAN, OWN)


def seed(store: Store) -> None:
    """The accounts that are always there."""
    with store.transaction() as db:
        for account in SEEDED:
            add(db, account)


def add(db: sqlite3.Connection, account: Account) -> None:
    """Open an account; one that is there already stays as it is."""
    db.execute(
        "INSERT OR IGNORE INTO accounts VALUES (?, ?, ?, ?, ?)",
        (account.id, account.organization, account.timezone, account.locale, account.currency),
    )


def every(db: sqlite3.Connection) -> list[Account]:
    rows = db.execute("SELECT * FROM accounts ORDER BY organization COLLATE NOCASE, id")
    return [Account(**dict(row)) for row in rows]


def find(db: sqlite3.Connection, account_id: str) -> Account | None:
    row = db.execute("SELECT * FROM accounts WHERE id = ?", (account_id,)).fetchone()
    return Account(**dict(row)) if row else None


def resource(account: Account, base_url: str) -> dict[str, Any]:
    """The account as JSON:API."""
    return {
        "type": "account",
        "id": account.id,
        "attributes": {
            "test_account": True,
            "industry": "Health & Fitness",
            "timezone": account.timezone,
            "preferred_currency": account.currency,
            "public_api_key": account.id,
            "locale": account.locale,
            "contact_information": contact(account),
        },
        "links": {"self": f"{base_url}/api/accounts/{account.id}/"},
    }


def contact(account: Account) -> dict[str, Any]:
    parts = ("address1", "address2", "city", "region", "country", "zip")
    return {
        "default_sender_name": account.organization,
        "default_sender_email": f"hello@{account.id.lower()}.test",
        "website_url": None,
        "organization_name": account.organization,
        "street_address": dict.fromkeys(parts),
    }
