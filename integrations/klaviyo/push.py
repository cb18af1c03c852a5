"""Push one claimed client: look up, then update what was found or create (architecture: upsert).

Conflicts end in one of few ways: the phone is left out, a found profile is adopted, a profile
follows its address from one client of the studio to another, or a person has to look.
"""

import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import partial

from django.db import transaction
from django.db.models.functions import Now

from clients.models import Client, same_address
from integrations.klaviyo import bindings, outbox, profiles
from integrations.klaviyo.answers import Conflict, NotFound, Rejected
from integrations.klaviyo.api import Cancelled, Klaviyo, Profile
from integrations.klaviyo.models import ClientSync, SyncEvent
from integrations.klaviyo.reasons import Reason

logger = logging.getLogger(__name__)

STEPS_MAX = 5  # look-ups and detours for one client, then a person looks

Found = Mapping[str, Profile]  # by address; what a look-up for several clients brought


class NeedsPerson(Exception):
    """This client can't be pushed as it is."""

    def __init__(self, reason: Reason) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass
class Plan:
    """How the next request for this client goes."""

    profile_id: str | None
    address: str  # in the spelling it has there, or is to get
    stands: bool  # the profile has this address: it is left alone, differing case included
    without_phone: Reason | None = None
    adopted: bool = False

    def adopt(self, profile: Profile) -> None:
        self.profile_id, self.address = profile.id, profile.email
        self.stands = self.adopted = True

    def start_anew(self, address: str) -> None:
        self.profile_id, self.address, self.stands = None, address, False


def push(row: ClientSync, api: Klaviyo, found: Found | None = None) -> None:
    """Bring Klaviyo's profile of this client to its present state, and complete the row.

    A phone that belongs to another profile may be on its way from one client to another: the
    client is pushed once more before that is settled.

    `found` is the outcome of a look-up made just now for clients without a profile id.
    """
    try:
        plan, profile = _upsert(row, api, found)
    except NeedsPerson as error:
        _park(row, error.reason)
        return
    if not _complete(row, plan, profile):
        outbox.release(row)  # fenced meanwhile: who disconnects waits for nothing more


def look_up(rows: Sequence[ClientSync], api: Klaviyo) -> Found:
    """The profiles that hold these clients' addresses, as typed or in lower case."""
    clients = [row.client for row in rows if row.client]
    spellings = sorted({s for c in clients for s in (c.email.strip(), c.address)})
    if not spellings:
        return {}
    profiles_found = api.find_profiles(spellings, partial(_depart_to_read, rows))
    return {same_address(profile.email): profile for profile in profiles_found}


def _upsert(row: ClientSync, api: Klaviyo, found: Found | None) -> tuple[Plan, Profile]:
    client = _client(row)
    plan = _first_plan(row, client)
    if plan.profile_id is None:
        _adopt(row, plan, _owner(row, api) if found is None else found.get(client.address))
    for _ in range(STEPS_MAX):
        try:
            profile = _send(row, api, plan)
        except Rejected as error:
            _without_what_was_rejected(plan, error)
        except NotFound:
            _resolve_not_found(row, api, plan)
        except Conflict:
            _resolve(row, api, plan)
        else:
            if same_address(profile.email) == client.address:
                return plan, profile
            _set_right(row, api, plan, profile)
    raise NeedsPerson(Reason.EMAIL_TAKEN)


def _first_plan(row: ClientSync, client: Client) -> Plan:
    profile_id, known = client.klaviyo_profile_id, row.confirmed_address
    is_there = same_address(known) == client.address and row.confirm_at is None
    stands = profile_id is not None and is_there
    return Plan(profile_id, known if stands else client.address, stands)


def _owner(row: ClientSync, api: Klaviyo) -> Profile | None:
    """The profile that has the client's address now."""
    try:
        found = look_up([row], api)
    except Rejected as error:
        raise NeedsPerson(Reason.EMAIL_INVALID) from error
    return found.get(_client(row).address)


def _adopt(row: ClientSync, plan: Plan, profile: Profile | None) -> None:
    if profile:
        bindings.inherit(row, profile.id)
        plan.adopt(profile)


def _send(row: ClientSync, api: Klaviyo, plan: Plan) -> Profile:
    document = profiles.attributes(
        _client(row),
        address=None if plan.stands else plan.address,
        sent_before=row.sent_fields,
        with_phone=plan.without_phone is None,
    )
    fields = profiles.fields_with_values(document)
    depart = partial(outbox.depart, row, plan.address, plan.profile_id, fields)
    if plan.profile_id is None:
        return api.create_profile(document, depart)
    return api.update_profile(plan.profile_id, document, depart)


def _without_what_was_rejected(plan: Plan, error: Rejected) -> None:
    if "phone_number" in error.fields and plan.without_phone is None:
        plan.without_phone = Reason.PHONE_INVALID
    elif "email" in error.fields:
        raise NeedsPerson(Reason.EMAIL_INVALID)
    else:
        raise NeedsPerson(Reason.REFUSED)


def _resolve_not_found(row: ClientSync, api: Klaviyo, plan: Plan) -> None:
    """The profile is gone; or it isn't, and Klaviyo answers a conflict so (seen live)."""
    looks = partial(_depart_to_read, [row])
    if plan.profile_id is None or api.has_profile(plan.profile_id, looks):
        _resolve(row, api, plan)
    else:
        _start_anew(row, api, plan)


def _resolve(row: ClientSync, api: Klaviyo, plan: Plan) -> None:
    """An identifier belongs to another profile: is it the address, or the phone?"""
    owner = _owner(row, api)
    if owner is None or owner.id == plan.profile_id:
        if plan.without_phone:
            raise NeedsPerson(Reason.EMAIL_TAKEN)
        plan.without_phone = Reason.PHONE_TAKEN
    elif plan.profile_id is None or bindings.belongs_to_another(row, owner.id):
        _adopt(row, plan, owner)
    else:
        raise NeedsPerson(Reason.EMAIL_TAKEN)


def _set_right(row: ClientSync, api: Klaviyo, plan: Plan, profile: Profile) -> None:
    """The profile turned out to have another address."""
    if plan.adopted:  # for an address that it lost meanwhile
        bindings.give_back(row, profile.id)
        _start_anew(row, api, plan)
    else:
        plan.stands = False  # it was changed there by hand


def _start_anew(row: ClientSync, api: Klaviyo, plan: Plan) -> None:
    plan.start_anew(_client(row).address)
    _adopt(row, plan, _owner(row, api))


@transaction.atomic
def _complete(row: ClientSync, plan: Plan, profile: Profile) -> bool:
    bindings.bind(row, profile.id)
    done = outbox.complete(
        row,
        plan.without_phone or "",
        once_more=plan.without_phone == Reason.PHONE_TAKEN != row.reason,
        exposed=_exposed_after(row, profile),
        confirmed_address=profile.email,
        pushed_at=Now(),
    )
    if done:
        _note(row, _what(plan))
    else:
        transaction.set_rollback(True)
    return done


def _exposed_after(row: ClientSync, profile: Profile) -> dict[str, str | None]:
    """The profile stands at this address now, so its earlier ones are free, but only once no
    unknown request is left that may still move it back."""
    settled = row.confirm_at is None or row.confirming
    exposed = {
        address: holder
        for address, holder in row.exposed.items()
        if not (settled and holder == profile.id)
        and same_address(address) != same_address(profile.email)
    }
    return exposed | {profile.email: profile.id}


def _park(row: ClientSync, reason: Reason) -> None:
    with transaction.atomic():
        if outbox.lock_client(row) and outbox.complete(row, reason):
            _note(row, SyncEvent.What.REFUSED, reason)


def _what(plan: Plan) -> SyncEvent.What:
    if plan.profile_id is None:
        return SyncEvent.What.CREATED
    return SyncEvent.What.ADOPTED if plan.adopted else SyncEvent.What.UPDATED


def _note(row: ClientSync, what: SyncEvent.What, reason: Reason | None = None) -> None:
    SyncEvent.objects.create(
        connection_id=row.connection_id, client=_client(row), what=what, reason=reason or ""
    )


def _client(row: ClientSync) -> Client:
    if row.client is None:
        raise Cancelled
    return row.client


def _depart_to_read(rows: Sequence[ClientSync]) -> None:
    if not outbox.still_ours(rows):
        raise Cancelled
