"""The demo's two studios, their people and their clients. Done twice, it changes nothing."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from allauth.account.models import EmailAddress
from django.db import transaction
from django.utils import timezone

from clients import phones
from clients.models import Client, ClientEvent, ConsentSource, Withdrawal
from clients.signals import clients_changed
from dev.seed import roster
from dev.seed.roster import Person
from studios.models import Membership, Role, Studio, User

LEFT_AFTER = 0.7  # of the time that somebody who opted out has been known
HOUR_OF_DAY = 9  # in UTC, when the demo's desk is open


@transaction.atomic
def seed(password: str) -> None:
    """Make the studios that aren't there yet; their people sign in with this password."""
    if not Studio.objects.filter(slug="lotus").exists():
        lotus_yoga(password)
    if not Studio.objects.filter(slug="stans-pilates").exists():
        stans_pilates(password)


def lotus_yoga(password: str) -> None:
    lotus = Studio.objects.create(
        name="Lotus Yoga",
        slug="lotus",
        country="DE",
        timezone="Europe/Berlin",
        postal_address="Lotusweg 8, 10115 Berlin",
    )
    join(lotus, Role.OWNER, "Olive Okafor", "olive@lotus.example", password)
    fay = join(lotus, Role.FRONT_DESK, "Fay Lindqvist", "fay@lotus.example", password)
    join(lotus, Role.INSTRUCTOR, "Ian Moreau", "ian@lotus.example", password)
    add_clients(lotus, roster.lotus(), fay)


def stans_pilates(password: str) -> None:
    stans = Studio.objects.create(
        name="Stan's Pilates",
        slug="stans-pilates",
        country="GB",
        timezone="Europe/London",
        postal_address="3 Mill Lane, Leeds LS1 4AP",
    )
    stan = join(stans, Role.OWNER, "Stan Whitlock", "stan@stans-pilates.example", password)
    add_clients(stans, roster.stans(), stan)


def join(studio: Studio, role: Role, name: str, email: str, password: str) -> User:
    user = User.objects.create_user(email, password, name=name)
    EmailAddress.objects.create(user=user, email=email, verified=True, primary=True)
    Membership.objects.create(studio=studio, user=user, role=role)
    return user


def add_clients(studio: Studio, people: Sequence[Person], by: User) -> None:
    """Add them in bulk, with a history and without a welcome: they have been here for years."""
    clients = Client.objects.bulk_create(client_of(studio, person) for person in people)
    known = list(zip(clients, people, strict=True))
    for client, person in known:
        client.created_at = added_at(person)
    Client.objects.bulk_update(clients, ["created_at"])
    ClientEvent.objects.bulk_create(
        event for client, person in known for event in past_of(client, person, by)
    )
    for client in clients:
        if client.has_opted_out:
            Withdrawal.record(studio, client.email)
    client_ids = [client.pk for client in clients]
    clients_changed.send(Client, studio_id=studio.pk, client_ids=client_ids)


def client_of(studio: Studio, person: Person) -> Client:
    client = Client(
        studio=studio,
        first_name=person.first_name,
        last_name=person.last_name,
        email=person.email,
        phone=phones.parse(person.phone, studio.country),
    )
    if person.agreed:
        client.record_consent(agrees=True, source=ConsentSource.STAFF)
        client.consent_changed_at = added_at(person)
    if person.left_by:
        client.record_consent(agrees=False, source=person.left_by)
        client.opted_out_at = client.consent_changed_at = left_at(person)
    return client


def past_of(client: Client, person: Person, by: User) -> Sequence[ClientEvent]:
    what = ClientEvent.What
    added = added_at(person)
    past = [ClientEvent(client=client, what=what.ADDED, at=added, by=by)]
    if person.agreed:
        agreed = ClientEvent(
            client=client, what=what.AGREED, at=added, source=ConsentSource.STAFF, by=by
        )
        past.append(agreed)
    if person.left_by:
        whose = by if person.left_by == ConsentSource.STAFF else None
        left = ClientEvent(client=client, what=what.WITHDREW, at=left_at(person), by=whose)
        left.source = person.left_by
        past.append(left)
    return past


def added_at(person: Person) -> datetime:
    day = timezone.now() - timedelta(days=person.known_for_days)
    return day.replace(hour=HOUR_OF_DAY, minute=day.day, second=0, microsecond=0)


def left_at(person: Person) -> datetime:
    return added_at(person) + timedelta(days=int(person.known_for_days * LEFT_AFTER))
