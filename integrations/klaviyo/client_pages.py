"""What client pages show of Klaviyo: a line each, chips, how it is doing, and what it was told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils import formats, timezone

from clients import outside
from clients.models import Client, ClientQuerySet
from clients.outside import Action, Chip, Line, Told
from integrations.klaviyo import standing
from integrations.klaviyo.card import Card, State
from integrations.klaviyo.models import ClientSync, Connection, SyncEvent
from integrations.klaviyo.reasons import SENT_WITHOUT_PHONE, Reason
from integrations.klaviyo.standing import Standing
from studios.models import Membership, Studio

TIMELINE_LENGTH = 50
PHONE_WORDS = {
    Reason.PHONE_INVALID: "not a number it takes",
    Reason.PHONE_TAKEN: "another profile has it",
}


class KlaviyoOnClientPages:
    key = "klaviyo"
    label = "Klaviyo"

    def lines(self, clients: Sequence[Client], viewer: Membership) -> Mapping[int, Line]:
        connection = Connection.objects.for_studio(viewer.studio).live().first()
        if connection is None:
            return {}
        rows = ClientSync.objects.for_studio(viewer.studio).filter(client__in=clients)
        by_client = {row.client_id: row for row in rows}
        return {
            client.pk: _line(client, by_client.get(client.pk), connection, viewer)
            for client in clients
        }

    def chips(self, studio: Studio) -> Sequence[Chip]:
        if not Connection.objects.for_studio(studio).live().exists():
            return []
        numbers = standing.count(studio)
        return [Chip(one.value, one.label, getattr(numbers, one.value)) for one in Standing]

    def narrow(self, clients: ClientQuerySet, studio: Studio, chip: str) -> ClientQuerySet:
        return standing.standing_as(clients, chip) if chip in Standing.values else clients

    def notice(self, viewer: Membership) -> Line | None:
        return _notice(viewer.studio)

    def timeline(self, client: Client) -> Sequence[Told]:
        events = SyncEvent.objects.filter(client=client).order_by("-at")[:TIMELINE_LENGTH]
        return [Told(event.at, _told(event)) for event in events]

    def after_deletion(self, client: Client) -> str:
        if not client.klaviyo_profile_id:
            return ""
        stays = "The profile stays in Klaviyo"
        emails = "" if client.has_opted_out else " and may still be emailed from there"
        return (
            f"{stays}{emails}. To delete it, open it in Klaviyo (Audience, Profiles) and choose "
            "“Delete profile”."
        )


def _line(client: Client, row: ClientSync | None, live: Connection, viewer: Membership) -> Line:
    if client.has_opted_out:
        return _opted_out(client, row, viewer)
    if not client.may_be_emailed:
        why = "has no email address" if client.email_opt_in else "has not agreed to emails"
        return Line(f"Not sent: {why}", "quiet")
    if row and row.needs_person:
        what = "Change not sent" if client.klaviyo_profile_id else "Not sent"
        words = f"{what}: {Reason(row.reason).label}"
        return Line(words, "attention", _send_again(client, viewer))
    if client.klaviyo_profile_id is None or row is None:
        return _waiting(live)
    return _in_klaviyo(row, live)


def _opted_out(client: Client, row: ClientSync | None, viewer: Membership) -> Line:
    if row is None or row.is_unsettled:
        return Line("Opted out: being told to Klaviyo", "moving")
    if row.awaits_permission:
        return Line("Opted out: owner still has to act", "attention", _allow(viewer))
    if row.needs_person:
        words = f"Opted out: {Reason(row.reason).label}, owner still has to act"
        return Line(words, "attention", _send_again(client, viewer))
    if row.suppressed_at:
        return Line(f"Opted out: Klaviyo told at {_at(row.suppressed_at)}", "good")
    return Line("Opted out: not in Klaviyo", "quiet")


def _in_klaviyo(row: ClientSync, live: Connection) -> Line:
    if row.is_unsettled:
        held = _held(live)
        return Line(
            f"In Klaviyo, change waits: {held}" if held else "In Klaviyo, being updated", "moving"
        )
    if row.suppressed_at:
        return Line(
            "In Klaviyo, but suppressed there after the opt-out, until an owner lifts that in "
            "Klaviyo, on the profile under Email",
            "attention",
        )
    if row.reason in SENT_WITHOUT_PHONE:
        return Line(f"In Klaviyo, without the phone: {PHONE_WORDS[Reason(row.reason)]}", "good")
    return Line("In Klaviyo, up to date", "good")


def _waiting(live: Connection) -> Line:
    held = _held(live)
    return Line(f"Waiting: {held}" if held else "Being sent", "moving")


def _held(live: Connection) -> str:
    if live.is_paused:
        return "paused by an owner"
    return "an owner has to act" if live.is_refused else ""


def _send_again(client: Client, viewer: Membership) -> Action | None:
    if not viewer.is_owner:
        return None
    address = reverse("klaviyo:send_again", args=[viewer.studio.slug, client.public_id])
    return Action("Send again", address)


def _allow(viewer: Membership) -> Action | None:
    if not viewer.is_owner:
        return None
    address = reverse("klaviyo:allow_suppression", args=[viewer.studio.slug])
    return Action("Allow automatic suppression", address)


def _at(moment: datetime) -> str:
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return formats.date_format(local, "H:i" if is_today else "j M Y, H:i")


def _told(event: SyncEvent) -> str:
    words = SyncEvent.What(event.what).label
    return f"{words}: {Reason(event.reason).label}" if event.reason else words


NOTICES = {
    State.SENDING: Line("Klaviyo: sending clients", "moving"),
    State.CONNECTED: Line("Klaviyo: working", "good"),
    State.PAUSED: Line("Klaviyo: paused", "quiet"),
    State.NOT_ANSWERING: Line("Klaviyo: not answering, changes are safe", "attention"),
}
SILENT = (State.NOT_CONNECTED, State.DISCONNECTING, State.DISCONNECTED)
NEEDS_OWNER = Line("Klaviyo: needs the owner", "attention")


def _notice(studio: Studio) -> Line | None:
    state = Card(studio).state
    return None if state in SILENT else NOTICES.get(state, NEEDS_OWNER)


outside.register(KlaviyoOnClientPages())
