"""What client pages show of Klaviyo: a line each, chips, how it is doing, and what it was told."""

from collections.abc import Mapping, Sequence
from datetime import datetime

from django.urls import reverse
from django.utils import formats, timezone

from clients import outside
from clients.models import Client, ClientQuerySet
from clients.outside import Action, Chip, Line, Told
from integrations.klaviyo import card, standing
from integrations.klaviyo.card import State
from integrations.klaviyo.models import ClientSync, Connection, EndedConnection, SyncEvent
from integrations.klaviyo.reasons import NEEDS_ATTENTION, SENT_WITHOUT_PHONE, Reason
from integrations.klaviyo.standing import Standing
from studios.models import Membership, Studio

TIMELINE_LENGTH = 50


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
        return (
            "The profile stays in Klaviyo and may still be emailed from there. To delete it, open "
            "it in Klaviyo (Audience, Profiles) and choose “Delete profile”."
        )


def _line(client: Client, row: ClientSync | None, live: Connection, viewer: Membership) -> Line:
    if client.has_opted_out:
        return _opted_out(row)
    if not client.may_be_emailed:
        why = "has no email address" if client.email_opt_in else "has not agreed to emails"
        return Line(f"Not sent: {why}", "quiet")
    if row and row.reason in NEEDS_ATTENTION:
        return Line(_needs(Reason(row.reason)), "attention", _send_again(client, viewer))
    if client.klaviyo_profile_id is None or row is None:
        return Line(_waiting(live), "moving")
    return _in_klaviyo(row, live)


def _opted_out(row: ClientSync | None) -> Line:
    if row is None:
        return Line("Opted out: being told to Klaviyo", "moving")
    if row.reason == Reason.PERMISSION_MISSING:
        return Line("Opted out: owner still has to act", "attention")
    if row.reason in NEEDS_ATTENTION:
        return Line(f"Opted out: {Reason(row.reason).label}, owner still has to act", "attention")
    if row.is_unsettled:
        return Line("Opted out: being told to Klaviyo", "moving")
    if row.suppressed_at:
        return Line(f"Opted out: Klaviyo told at {_at(row.suppressed_at)}", "good")
    return Line("Opted out: not in Klaviyo", "quiet")


def _in_klaviyo(row: ClientSync, live: Connection) -> Line:
    if row.is_unsettled:
        words = (
            "In Klaviyo, change waits: paused" if live.is_paused else "In Klaviyo, being updated"
        )
        return Line(words, "moving")
    if row.suppressed_at:
        return Line(
            "In Klaviyo, but still suppressed there from the opt-out; an owner can lift that in "
            "Klaviyo on the profile",
            "attention",
        )
    if row.reason in SENT_WITHOUT_PHONE:
        return Line(f"In Klaviyo, without the phone: {_short(Reason(row.reason))}", "good")
    return Line("In Klaviyo, up to date", "good")


def _waiting(live: Connection) -> str:
    return "Waiting: paused by the owner" if live.is_paused else "Being sent"


def _needs(reason: Reason) -> str:
    return f"Not sent: {reason.label}"


def _short(reason: Reason) -> str:
    return "not a number it takes" if reason is Reason.PHONE_INVALID else "another profile has it"


def _send_again(client: Client, viewer: Membership) -> Action | None:
    if not viewer.is_owner:
        return None
    address = reverse("klaviyo:send_again", args=[viewer.studio.slug, client.public_id])
    return Action("Send again", address)


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
NEEDS_OWNER = Line("Klaviyo: needs the owner", "attention")


def _notice(studio: Studio) -> Line | None:
    connected = Connection.objects.for_studio(studio).live().exists()
    ended = EndedConnection.objects.for_studio(studio).first()
    if not connected:
        return NEEDS_OWNER if ended and ended.asks_to_reconnect else None
    return NOTICES.get(card.look(studio).state, NEEDS_OWNER)


outside.register(KlaviyoOnClientPages())
