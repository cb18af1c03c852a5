"""Adding and changing a client by a form: details and consent in one transaction."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Self
from uuid import UUID, uuid4

from django.db import transaction
from django.utils import timezone

from clients import consent
from clients.models import Client, ConsentSource
from clients.models.client import DETAILS
from studios.models import Studio, User

ABOUT_CONSENT = ("email_opt_in", "client_asked", "consent_version")


@dataclass(frozen=True)
class ClientDetails:
    """A client as somebody filled in the form."""

    fields: Mapping[str, str]  # those of `DETAILS`
    email_opt_in: bool = False
    client_asked: bool = False
    consent_version: str = ""  # what the form saw

    @classmethod
    def from_form(cls, answers: Mapping[str, Any]) -> Self:
        """The form's answers by field; a field of `DETAILS` without an answer is blank."""
        fields = {field: answers.get(field, "") for field in DETAILS}
        about_consent = {field: answers[field] for field in ABOUT_CONSENT if field in answers}
        return cls(fields, **about_consent)


@transaction.atomic
def add(
    studio: Studio,
    details: ClientDetails,
    *,
    by: User,
    source: ConsentSource = ConsentSource.STAFF,
    public_id: UUID | None = None,
) -> Client:
    """The new client, saved. Raises `WithdrawnBeforeError` as `consent.agree` does, and the
    database's `IntegrityError` where another client has the address."""
    client = Client(studio=studio, public_id=public_id or uuid4())
    fill_in(client, details, by)
    if details.email_opt_in and client.email:
        client.welcome_due_at = timezone.now()
    save(client, details, source, by)
    return client


@transaction.atomic
def edit(
    client: Client, details: ClientDetails, *, by: User, source: ConsentSource = ConsentSource.STAFF
) -> bool:
    """Save a client whose row the caller has locked; False if its consent was left as it was.

    A form changes consent only if it saw the current version of it. Raises as `add` does.
    """
    fill_in(client, details, by)
    if details.consent_version != str(client.consent_version):
        client.save()
        return False
    save(client, details, source, by)
    return True


def fill_in(client: Client, details: ClientDetails, by: User) -> None:
    for field, text in details.fields.items():
        setattr(client, field, text)
    client.edited_by = by


def save(client: Client, details: ClientDetails, source: ConsentSource, by: User) -> None:
    if details.email_opt_in:
        is_saved = consent.agree(client, source=source, by=by, client_asked=details.client_asked)
    else:
        is_saved = client.email_opt_in and consent.withdraw(client, source=source, by=by)
    if not is_saved:
        client.save()
