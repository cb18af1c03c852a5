"""What client pages show of Klaviyo: a status line each, filters, and what it was told."""

from collections.abc import Mapping, Sequence
from functools import cached_property

from django.urls import reverse

from clients import extensions
from clients.extensions import FilterOption, FirstStep, StatusLine, TimelineEntry
from clients.models import Client, ClientQuerySet
from integrations.klaviyo.models import SyncEvent
from integrations.klaviyo.pages import status
from integrations.klaviyo.pages.card import Card
from integrations.klaviyo.pages.client_lines import Holds, status_line
from integrations.klaviyo.pages.status import ClientStatus
from integrations.klaviyo.reasons import Reason
from studios.models import Membership, Studio

TIMELINE_LENGTH = 50


# What of an edit or an opt-out there is to hear.
HEARD = {
    SyncEvent.What.CREATED,
    SyncEvent.What.UPDATED,
    SyncEvent.What.ADOPTED,
    SyncEvent.What.SUPPRESSED,
}


class KlaviyoSeen:
    """Klaviyo on one page, by one look at the connection."""

    key, label = status.FACET, "Klaviyo"

    def __init__(self, viewer: Membership) -> None:
        self._viewer = viewer
        self._card = Card(viewer.studio)

    @property
    def options(self) -> Sequence[FilterOption]:
        if not self._card.is_connected:
            return []
        return [FilterOption(one.value, one.label) for one in ClientStatus]

    @cached_property
    def notice(self) -> StatusLine | None:
        look = self._card.for_staff
        tone = "attention" if look.tone == "bad" else look.tone  # nothing that staff could mend
        return StatusLine(f"Klaviyo: {look.text}", tone) if look.text else None

    @property
    def first_step(self) -> FirstStep:
        return FirstStep(
            "Connect Klaviyo",
            "Who agreed to emails becomes a profile there. The page tells you first how many.",
            reverse("integrations:settings", args=[self._viewer.studio.slug]),
            self._card.is_connected,
        )

    def status_lines(self, clients: Sequence[Client]) -> Mapping[int, StatusLine]:
        if not self._card.is_connected:
            return {}
        held, viewer = Holds(self._card), self._viewer
        pks = [client.pk for client in clients]
        seen = status.with_rows(Client.objects.for_studio(viewer.studio).filter(pk__in=pks))
        return {
            client.pk: status_line(client, known, row, held, viewer) for client, known, row in seen
        }


class KlaviyoOnClientPages:
    key, label = KlaviyoSeen.key, KlaviyoSeen.label
    option_keys = ClientStatus.values
    facet = status.STATUS

    def seen_by(self, viewer: Membership) -> KlaviyoSeen:
        return KlaviyoSeen(viewer)

    def narrow(self, clients: ClientQuerySet, studio: Studio, option: str) -> ClientQuerySet:
        return (
            status.with_status(clients, option, studio)
            if option in ClientStatus.values
            else clients
        )

    def timeline(self, client: Client) -> Sequence[TimelineEntry]:
        events = SyncEvent.objects.filter(client=client).order_by("-at")[:TIMELINE_LENGTH]
        return [
            TimelineEntry(event.at, told(event), answers=event.what in HEARD) for event in events
        ]

    def after_deletion(self, client: Client) -> str:
        if not client.klaviyo_profile_id:
            return ""
        stays = "The profile stays in Klaviyo"
        emails = "" if client.has_opted_out else " and may still be emailed from there"
        return (
            f"{stays}{emails}. To delete it, open it in Klaviyo (Audience, Profiles) and choose "
            "“Delete profile”."
        )


def told(event: SyncEvent) -> str:
    words = SyncEvent.What(event.what).label
    return f"{words}: {Reason(event.reason).label}" if event.reason else words


extensions.register(KlaviyoOnClientPages())
