"""What becomes of a row, seen against the clients who are there.

The preview plans with what it reads; the run plans with the clients locked, and does it. Rows are
matched by address; those without one by name and phone number. A blank cell erases nothing, and an
address keeps the spelling it has.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Self

from clients.folding import sort_key
from clients.imports.cleaning import key_of
from clients.imports.mapping import NO, YES
from clients.models import Client, RunRow, Withdrawal
from clients.models.address import all_hashes
from clients.models.client import DETAILS
from studios.models import Studio

Outcome = RunRow.Outcome
Consent = RunRow.Consent
FILLED_IN = ("first_name", "last_name", "phone")


@dataclass(frozen=True)
class Plan:
    client: Client | None
    outcome: str
    consent: str
    changes: Mapping[str, str]  # of `FILLED_IN`


@dataclass
class Present:
    """Of a studio's clients and withdrawals those that a few rows are about."""

    studio: Studio
    clients: dict[str, Client]  # by their key
    withdrawn: set[str]  # hashes

    @classmethod
    def around(cls, studio: Studio, rows: Sequence[RunRow], *, locked: bool = False) -> Self:
        """`locked`: in the order of their ids, until the transaction ends."""
        emails = {row.values["email"] for row in rows} - {""}
        pks = {*holders_of(studio, emails), *namesakes(studio, rows)}
        source = Client.objects.for_edit if locked else Client.objects.for_studio
        present = cls(studio, {}, standing(studio, emails))
        for client in source(studio).filter(pk__in=pks).order_by("pk"):
            present.add(client)
        return present

    def add(self, client: Client) -> None:
        """Found by its address, and by its name and number; the oldest one if there are several."""
        details = {field: getattr(client, field) for field in DETAILS}
        if client.email:
            self.clients[key_of(details)] = client
        if client.phone or not client.email:
            self.clients.setdefault(key_of(details | {"email": ""}), client)

    def client_of(self, row: RunRow) -> Client | None:
        return self.clients.get(key_of(row.values))

    def is_withdrawn(self, email: str) -> bool:
        return bool(email) and not all_hashes(self.studio, email).isdisjoint(self.withdrawn)


def holders_of(studio: Studio, emails: set[str]) -> list[int]:
    found = Client.objects.for_studio(studio).holding(emails)
    return list(found.values_list("pk", flat=True))


def namesakes(studio: Studio, rows: Sequence[RunRow]) -> list[int]:
    """Clients of the same name and number as a row without an address."""
    theirs = [row.values for row in rows if not row.values["email"] and key_of(row.values)]
    if not theirs:
        return []
    names = {sort_key(said["first_name"], said["last_name"], "", said["phone"]) for said in theirs}
    phones = {said["phone"] for said in theirs}
    found = Client.objects.for_studio(studio).filter(sort_key__in=names, phone__in=phones)
    return list(found.values_list("pk", flat=True))


def standing(studio: Studio, emails: set[str]) -> set[str]:
    hashes: set[str] = set()
    for email in emails:
        hashes |= all_hashes(studio, email)
    return Withdrawal.standing(studio, hashes)


def plan(row: RunRow, present: Present) -> Plan:
    client = present.client_of(row)
    consent = consent_of(row, client, present)
    if row.outcome == Outcome.REFUSED:
        return Plan(client, Outcome.REFUSED, consent if consent == Consent.OPTS_OUT else "", {})
    if client is None:
        return Plan(None, Outcome.NEW, consent, {})
    changes = {
        field: row.values[field]
        for field in FILLED_IN
        if row.values[field] not in ("", getattr(client, field))
    }
    is_changed = changes or consent in (Consent.OPTS_IN, Consent.OPTS_OUT)
    return Plan(client, Outcome.CHANGED if is_changed else Outcome.UNCHANGED, consent, changes)


def consent_of(row: RunRow, client: Client | None, present: Present) -> str:
    """What becomes of the client's consent. Nobody who opted out is opted in again."""
    if row.reason_about:  # the same person stands further up, and its row says this no as well
        return Consent.NONE
    if client and client.has_opted_out:
        return Consent.WITHDRAWN if row.says == YES else Consent.NONE
    is_withdrawn = present.is_withdrawn(client.email if client else row.values["email"])
    if is_withdrawn and (client is None or row.says == YES):
        return Consent.WITHDRAWN
    if row.says == NO:
        return Consent.OPTS_OUT
    is_new_yes = row.says == YES and not (client and client.email_opt_in)
    return Consent.OPTS_IN if is_new_yes else Consent.NONE
