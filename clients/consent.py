"""Consent: the one place where a client's yes or no to emails changes, by whatever door.

An opt-out here is a recorded withdrawal. Whoever listens to a client being saved hears of it in
the same transaction. Both verbs save the whole client, so the caller holds its row
(`Client.objects.for_edit`) or is adding it.
"""

from django.db import transaction

from clients.models import Client, ClientEvent, Door, Withdrawal
from studios.models import User


class WithdrawnBefore(Exception):
    """This address opted out of the studio's emails; only its owner's own wish opts it in again."""


@transaction.atomic
def agree(
    client: Client, *, door: Door, by: User | None = None, client_asked: bool = False
) -> bool:
    """Record that the client agreed to emails; False (and nothing saved) if that was known.

    Raises `WithdrawnBefore` where the client or the address had opted out, unless a person
    confirms that the client asked for it (`client_asked`).
    """
    withdrawn = is_withdrawn(client)
    if client.email_opt_in and not withdrawn:
        return False
    if withdrawn and not client_asked:
        raise WithdrawnBefore
    Withdrawal.lift(client.studio, client.email)
    _record(client, agrees=True, door=door, by=by)
    return True


@transaction.atomic
def withdraw(client: Client, *, door: Door, by: User | None = None) -> bool:
    """Record that the client opted out; False if that was known (doing it twice is fine)."""
    if client.has_opted_out:
        return False
    _record(client, agrees=False, door=door, by=by)
    return True


def uphold(client: Client) -> bool:
    """Opt out a client whose address said no before, however its row came to say yes; whether it
    had to. For writes that go past `Client.save`, which remembers by itself."""
    if not Withdrawal.stands(client.studio, client.email):
        return False
    with transaction.atomic():
        present = Client.objects.for_edit(client.studio).filter(pk=client.pk).first()
        if present:
            present.save()
    return True


def is_withdrawn(client: Client) -> bool:
    """Whether this person said no, or the address did on another row."""
    return client.has_opted_out or Withdrawal.stands(client.studio, client.email)


def _record(client: Client, *, agrees: bool, door: Door, by: User | None) -> None:
    client.record_consent(agrees=agrees, door=door)
    client.save()
    what = ClientEvent.What.AGREED if agrees else ClientEvent.What.WITHDREW
    ClientEvent.objects.create(client=client, what=what, door=door, by=by)
