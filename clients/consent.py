"""Consent: the one place where a client's yes or no to emails changes, whatever its source.

An opt-out here is a recorded withdrawal. Receivers of a saved client's signal run in the same
transaction. Both verbs save the whole client, so the caller has locked its row
(`Client.objects.for_edit`) or is adding it.

A no covers every address at which the client was ever emailed or pushed. Another client who holds
one of them now and agreed is somebody else to the desk: that yes stands. A click in an email was
made by whoever reads that mailbox: then the holder is opted out too, after the commit and in a
transaction of its own: nobody waits for a client while holding another. Where that is cut short,
whoever is about to send still finds the withdrawal (`uphold`).
"""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import partial
from typing import Any

from django.db import transaction

from clients.models import Client, ClientEvent, ConsentSource, SentAddress, Withdrawal, hash_address
from clients.models.address import all_hashes
from studios.models import Studio, User
from studios.tenancy import lock_studio

# The columns that `record_consent` writes.
CONSENT_FIELDS = (
    "email_opt_in",
    "opted_out_at",
    "consent_changed_at",
    "consent_source",
    "consent_version",
    "welcome_due_at",
)


class WithdrawnBeforeError(Exception):
    """This address opted out of the studio's emails; only its owner's own wish opts it in again."""


@transaction.atomic
def agree(
    client: Client, *, source: ConsentSource, by: User | None = None, client_asked: bool = False
) -> bool:
    """Record that the client agreed to emails; False, with nothing saved, if that was known.

    Raises `WithdrawnBeforeError` where the client or the address had opted out, unless a person
    confirms that the client asked for it (`client_asked`): that lifts all withdrawals of the
    client's addresses, but those that another client holds who opted out.
    """
    withdrawn = is_withdrawn(client)
    if client.email_opt_in and not withdrawn:
        return False
    if withdrawn and not client_asked:
        raise WithdrawnBeforeError
    if withdrawn:
        lift_withdrawals(client)
    record(client, agrees=True, source=source, by=by)
    return True


@transaction.atomic
def withdraw(client: Client, *, source: ConsentSource, by: User | None = None) -> bool:
    """Record that the client opted out; False if that was known (doing it twice is fine).

    A click is more than the no that somebody at the studio recorded and may take back.
    """
    is_new = not client.has_opted_out
    if is_new:
        record(client, agrees=False, source=source, by=by)
    elif source.is_a_click:  # somebody else may have agreed for one of these addresses since
        withdraw_addresses(client)
        confirm(client, source)
    if source.is_a_click:
        transaction.on_commit(partial(opt_out_other_holders, client))
    return is_new


def confirm(client: Client, source: ConsentSource) -> None:
    """A no that somebody at the studio recorded, and might take back, is the client's own now.

    `update` tells nobody: Klaviyo has heard of it, or is about to.
    """
    if client.said_so_by_a_click:
        return
    client.consent_source = source
    client.consent_version += 1
    said = {"consent_source": source, "consent_version": client.consent_version}
    Client.objects.for_studio(client.studio).filter(pk=client.pk).update(**said)
    ClientEvent.objects.create(client=client, what=ClientEvent.What.WITHDREW, source=source)


def withdraw_addresses(client: Client) -> None:
    Withdrawal.record(client.studio, client.email)
    Withdrawal.record_hashes(client.studio, SentAddress.hashes_of(client.unsubscribe_token))


@transaction.atomic
def withdraw_by_token(token: str) -> bool:
    """Record that all addresses opted out to which this token was ever sent, whoever holds them:
    its client was deleted. False if it was sent to none."""
    studio = SentAddress.studio_of(token)
    if studio is None:
        return False
    hashes = SentAddress.hashes_of(token)
    Withdrawal.record_hashes(studio, hashes)
    transaction.on_commit(partial(opt_out_holders, studio, hashes))
    return True


def opt_out_other_holders(client: Client) -> None:
    sent = SentAddress.hashes_of(client.unsubscribe_token)
    opt_out_holders(client.studio, sent - {hash_address(client.studio, client.email)})


def opt_out_holders(studio: Studio, hashes: Collection[str]) -> None:
    """Whoever may be emailed at one of these addresses, whose withdrawal is committed."""
    if not hashes:
        return
    with transaction.atomic():
        lock_studio(studio.pk)  # edits under way, which may not have seen it, are over
    for holder in Client.objects.for_studio(studio).may_be_emailed().hashed_as(studio, hashes):
        uphold(holder)


def uphold(client: Client) -> bool:
    """Opt the client out if its address has a withdrawal; True if it has one.

    For writes that go past `Client.save`, which does the same by itself.
    """
    if not Withdrawal.stands(client.studio, client.email):
        return False
    with transaction.atomic():
        present = Client.objects.for_edit(client.studio).filter(pk=client.pk).first()
        if present:
            present.save()
    return True


def lift_withdrawals(client: Client) -> None:
    own = all_hashes(client.studio, client.email)
    sent = SentAddress.hashes_of(client.unsubscribe_token) - own
    if sent:
        sent -= hashes_of_others(client, sent)
    Withdrawal.lift(client.studio, own | sent)


def hashes_of_others(client: Client, hashes: Collection[str]) -> set[str]:
    """Those of these addresses that others hold who opted out: their no is not this client's."""
    holders = Client.objects.for_studio(client.studio).opted_out()
    emails = holders.hashed_as(client.studio, hashes).exclude(pk=client.pk).values_list("email")
    return {hash_address(client.studio, email) for (email,) in emails}


def is_withdrawn(client: Client) -> bool:
    """True if this client opted out, or another client did who had the same address."""
    return client.has_opted_out or Withdrawal.stands(client.studio, client.email)


def record(client: Client, *, agrees: bool, source: ConsentSource, by: User | None) -> None:
    client.record_consent(agrees=agrees, source=source)
    client.save()
    what = ClientEvent.What.AGREED if agrees else ClientEvent.What.WITHDREW
    ClientEvent.objects.create(client=client, what=what, source=source, by=by)


@dataclass
class Bulk:
    """Yes and no of many clients of a studio, in the caller's transaction.

    Who calls has locked the clients or is adding them, saves them (`CONSENT_FIELDS`) and then
    calls `save`. Nobody is opted in here who opted out, and nobody is welcomed.
    """

    studio: Studio
    source: ConsentSource
    by: User | None = None
    events: list[ClientEvent] = field(default_factory=list)
    opted_out: list[Client] = field(default_factory=list)

    def agree(self, client: Client) -> None:
        if client.has_opted_out:
            raise WithdrawnBeforeError
        self._record(client, ClientEvent.What.AGREED, self.source)

    def withdraw(self, client: Client) -> None:
        self._record(client, ClientEvent.What.WITHDREW, self.source)
        self.opted_out.append(client)

    def remember(self, client: Client) -> None:
        """The client's address had opted out before."""
        self._record(client, ClientEvent.What.WITHDREW, ConsentSource.REMEMBERED)

    def take_back(self, client: Client, before: Mapping[str, Any]) -> None:
        """Put back what was known before (`kept`), unless the address is withdrawn by now.

        Who calls has lifted the withdrawals that came with what is taken back.
        """
        if before["email_opt_in"] and Withdrawal.stands(self.studio, client.email):
            return
        put_back(client, before)
        client.consent_version += 1  # forms that are open have seen another
        what = ClientEvent.What.AGREED if client.email_opt_in else ClientEvent.What.UNKNOWN
        if client.has_opted_out:
            what = ClientEvent.What.WITHDREW
        self.events.append(ClientEvent(client=client, what=what, source=self.source, by=self.by))

    def _record(self, client: Client, what: ClientEvent.What, source: ConsentSource) -> None:
        client.record_consent(agrees=what == ClientEvent.What.AGREED, source=source)
        by = None if source == ConsentSource.REMEMBERED else self.by
        self.events.append(ClientEvent(client=client, what=what, source=source, by=by))

    def save(self) -> Mapping[Client, set[str]]:
        """Write history and withdrawals; for each client who opted out, what was not withdrawn yet.

        As `Client.save` does: the addresses at which the client was ever emailed as well, but not
        those that somebody else has now who agreed.
        """
        for event in self.events:
            event.client_id = event.client.pk  # it may have been added since
        ClientEvent.objects.bulk_create(self.events)
        hashes = {
            client: {hash_address(self.studio, client.email)} if client.email else set()
            for client in self.opted_out
        }
        sent = SentAddress.hashes_by_client(self.opted_out)
        elsewhere = set().union(*(sent[client] - hashes[client] for client in sent))
        elsewhere &= agreed_among(self.studio, elsewhere, self.opted_out)
        for client, theirs in sent.items():
            hashes[client] |= theirs - elsewhere
        new = Withdrawal.record_hashes(self.studio, set().union(*hashes.values()))
        return {client: theirs & new for client, theirs in hashes.items()}


def kept(client: Client) -> dict[str, Any]:
    """What is known of the client's consent, to be put back by `Bulk.take_back`."""
    return {
        name: value.isoformat() if isinstance(value, datetime) else value
        for name in CONSENT_FIELDS
        for value in [getattr(client, name)]
    }


def put_back(client: Client, before: Mapping[str, Any]) -> None:
    for name in CONSENT_FIELDS:
        if name != "consent_version":
            value = before[name]
            is_time = name.endswith("_at") and value is not None
            setattr(client, name, datetime.fromisoformat(value) if is_time else value)


def agreed_among(studio: Studio, hashes: Collection[str], but: Collection[Client]) -> set[str]:
    """Those of these addresses that clients hold who may be emailed, but for these clients."""
    if not hashes:
        return set()
    holders = Client.objects.for_studio(studio).may_be_emailed().hashed_as(studio, hashes)
    others = holders.exclude(pk__in=[client.pk for client in but])
    return {hash_address(studio, email) for (email,) in others.values_list("email")}
