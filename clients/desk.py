"""What the desk does with clients: add one, change one. Details and consent in one transaction."""

from dataclasses import dataclass

from django.db import transaction
from django.utils import timezone

from clients import consent
from clients.models import Client, Door
from studios.models import Studio, User


@dataclass(frozen=True)
class Entry:
    """A client as somebody filled in the form."""

    first_name: str = ""
    last_name: str = ""
    email: str = ""
    phone: str = ""
    email_opt_in: bool = False
    client_asked: bool = False
    consent_version: str = ""  # what the form saw


@transaction.atomic
def add(studio: Studio, entry: Entry, *, by: User) -> Client:
    """A new client. Raises `consent.WithdrawnBefore` and the database's `IntegrityError`."""
    client = Client(studio=studio)
    if entry.email_opt_in and entry.email:
        client.welcome_due_at = timezone.now()
    fill_in(client, entry, by)
    save(client, entry, Door.STAFF, by)
    return client


@transaction.atomic
def edit(client: Client, entry: Entry, *, by: User, door: Door = Door.STAFF) -> bool:
    """Change a client whose row the caller holds; False where consent was kept as it stands.

    A form changes consent only if it saw the current one. Raises as `add` does.
    """
    fill_in(client, entry, by)
    if entry.consent_version != str(client.consent_version):
        client.save()
        return False
    save(client, entry, door, by)
    return True


def fill_in(client: Client, entry: Entry, by: User) -> None:
    client.first_name = entry.first_name
    client.last_name = entry.last_name
    client.email = entry.email
    client.phone = entry.phone
    client.edited_by = by


def save(client: Client, entry: Entry, door: Door, by: User) -> None:
    if entry.email_opt_in:
        is_saved = consent.agree(client, door=door, by=by, client_asked=entry.client_asked)
    else:
        is_saved = client.email_opt_in and consent.withdraw(client, door=door, by=by)
    if not is_saved:
        client.save()
