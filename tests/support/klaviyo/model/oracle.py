"""What must hold: of each request that leaves, after every step, and at rest."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from clients.models import Client
from dev.klaviyo_sandbox.testing.client import Entry
from integrations.klaviyo.contract import SOURCE_TAG, Operation
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.pages import status
from integrations.klaviyo.pages.card import Card
from integrations.klaviyo.reasons import Reason
from tests.support.klaviyo.model.door import Request

if TYPE_CHECKING:
    from tests.support.klaviyo.model.base import Model

UPSERTS = (Operation.CREATE_PROFILE, Operation.UPDATE_PROFILE)


# --- A request leaves -----------------------------------------------------------------------------


def check_sent(machine: "Model", request: Request) -> None:
    connection = machine.connection
    grant = machine.world.klaviyo.grant_of(request.token)
    assert connection, f"sent after the end: {request}"
    assert not connection.is_disconnecting, f"sent after the fence: {request}"
    assert machine.grants.get(grant) == connection.pk, f"of an old connection: {request}"
    if request.is_upsert:
        assert not connection.is_paused, f"sent while paused: {request}"
        check_upsert(machine, request)
    elif request.operation == Operation.SUPPRESS:
        held = Client.objects.may_be_emailed().holding(request.suppressed).addresses()
        assert not held, f"would suppress somebody who agreed: {request}"


def check_upsert(machine: "Model", request: Request) -> None:
    pk = machine.memory.whose[request.attributes["first_name"]]
    client = machine.memory.clients.get(pk)
    agrees = client is not None and client.may_be_emailed
    assert agrees, f"sent of somebody who doesn't agree: {request}"
    if request.operation == Operation.UPDATE_PROFILE:
        assert machine.connection
        profiles = machine.world.klaviyo.profiles(str(machine.connection.account_id))
        is_there = request.path.rpartition("/")[2] in {one["id"] for one in profiles}
        assert is_there, f"an id of another account: {request}"
    machine.memory.owed.pop(pk, None)


# --- After every step -----------------------------------------------------------------------------


def check_always(machine: "Model") -> None:
    for entry in machine.world.klaviyo.applied(machine.seen):
        machine.seen = entry["seq"]
        is_new = entry["operation"] == Operation.SUPPRESS and entry["created"]
        # One that was right when it was sent, and arrives when its profile has moved, is nobody's.
        is_new = is_new and entry["seq"] not in machine.world.door.carried_out_late
        assert not is_new, f"a suppression created a profile: {entry['email']}"
    clients = [*machine.memory.clients.values()]
    ids = [one.klaviyo_profile_id for one in clients if one.klaviyo_profile_id]
    assert len(set(ids)) == len(ids), "a profile is two clients'"


# --- At rest --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class There:
    """What Klaviyo's account has in the end, and what of it was written under this connection."""

    profiles: dict[str, Entry]  # attributes, by address
    ids: dict[str, str]
    ours: set[str]  # ids
    recent: set[tuple[str, str]]  # id and attribute

    def is_suppressed(self, address: str) -> bool:
        marketing = self.profiles[address]["subscriptions"]["email"]["marketing"]
        return bool(marketing["suppression"])


def look_there(machine: "Model") -> There:
    connection = machine.connection
    assert connection
    klaviyo, account = machine.world.klaviyo, str(connection.account_id)
    shown = {one["attributes"]["email"]: one for one in klaviyo.profiles(account)}
    written = [
        entry
        for entry in klaviyo.journal(account=account)
        if entry["operation"] in UPSERTS and machine.grants.get(entry["grant"]) == connection.pk
    ]
    return There(
        {email: one["attributes"] for email, one in shown.items()},
        {email: one["id"] for email, one in shown.items()},
        {entry["profile"] for entry in written},
        {(entry["profile"], name) for entry in written for name in entry["attributes"]},
    )


def check_attention(machine: "Model") -> None:
    """A person has to act for nobody, but where that was to be."""
    there = look_there(machine)
    for row in ClientSync.objects.needing_attention().select_related("client", "connection"):
        assert has_good_reason(machine, row, there), (
            f"{row.client and row.client.email}: {row.reason}"
        )


def has_good_reason(machine: "Model", row: ClientSync, there: There) -> bool:
    match row.reason:
        case Reason.EMAIL_TAKEN:
            return row.client is not None and is_a_strangers(row.client, there)
        case Reason.PERMISSION_MISSING:
            return row.is_about_opt_out and not row.connection.may_suppress
        case Reason.REFUSED | Reason.EMAIL_INVALID:
            return machine.memory.refused
    return False


def is_a_strangers(client: Client, there: There) -> bool:
    """True if the profile at the client's address is none that we ever wrote to."""
    return there.ids.get(client.address) not in {None, *there.ours}


def check_at_rest(machine: "Model") -> None:
    there = look_there(machine)
    machine.memory.refused = False
    check_attention(machine)
    for client in Client.objects.all():
        if client.may_be_emailed:
            check_client(client, there)
    for address, profile in there.profiles.items():
        check_said_no(machine, address, profile, there)
    assert not machine.memory.owed, f"never sent again: {machine.memory.owed}"
    assert not ClientSync.objects.filter(client=None).exists(), "a deleted client is remembered"
    check_counters(machine)


def check_client(client: Client, there: There) -> None:
    row = ClientSync.objects.get(client=client)
    if row.reason == Reason.EMAIL_TAKEN:  # and that was looked at
        return
    shown = f"{client.first_name} {client.last_name} at {client.email}"
    profile = there.profiles.get(client.address)
    assert profile, f"{shown} is not there"
    profile_id = there.ids[client.address]
    assert client.klaviyo_profile_id == profile_id, f"{shown} has another profile's id"
    assert profile["first_name"] == client.first_name, f"{shown} is {profile['first_name']} there"
    assert profile["properties"] == dict([SOURCE_TAG]), f"{shown} has no mark of ours"
    last_name, phone = client.last_name, client.phone
    if row.reason == Reason.PHONE_TAKEN:
        others = [one for email, one in there.profiles.items() if email != client.address]
        assert phone in [one["phone_number"] for one in others], f"{shown}: the phone is free"
        phone = ""
    else:
        assert row.reason == "", f"{shown}: {row.reason}"
    for name, ours in {"last_name": last_name, "phone_number": phone}.items():
        theirs = profile[name] or ""
        is_left_alone = not ours and (profile_id, name) not in there.recent
        assert theirs == ours or is_left_alone, f"{shown}: {name} is {theirs!r} and not {ours!r}"


def check_said_no(machine: "Model", address: str, profile: dict[str, Any], there: There) -> None:
    """Whoever said no is nowhere unsuppressed, as far as this connection knows of them."""
    pk = machine.memory.whose.get(profile["first_name"])
    if pk not in machine.memory.said_no:
        return
    is_recent = (there.ids[address], "first_name") in there.recent
    is_present = Client.objects.filter(pk=pk).holding([address]).exists()
    if is_recent or is_present:
        assert there.is_suppressed(address), f"{profile['first_name']} may be mailed at {address}"


def check_counters(machine: "Model") -> None:
    studio = machine.world.studio
    numbers = Card(studio).numbers
    assert numbers.total == len(machine.people), "the counters don't add up"
    assert numbers.waiting == 0, numbers
    assert numbers.attention == sum(number for _, number in status.count_attention(studio))
    assert numbers.not_sent == sum(number for _, number in status.count_unsent(studio))
