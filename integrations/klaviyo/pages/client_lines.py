"""A client's line about Klaviyo, in words that the front desk understands.

Which of four it is about is decided by the expression that counters, lists and card read too.
"""

from datetime import datetime
from functools import cached_property

from django.urls import reverse
from django.utils import formats, timezone

from clients.extensions import Action, StatusLine
from clients.models import Client
from integrations.klaviyo.connection.hindrances import Hindrance, Kind
from integrations.klaviyo.models import ClientSync
from integrations.klaviyo.pages.card import Card
from integrations.klaviyo.pages.status import ClientStatus
from integrations.klaviyo.reasons import SENT_WITHOUT_PHONE, Reason
from studios.models import Membership

PHONE_WORDS = {
    Reason.PHONE_INVALID: "not a number it takes",
    Reason.PHONE_TAKEN: "another profile has it",
}


NOT_SENT = "Not sent"  # why is told by the columns beside it


def status_line(
    client: Client,
    status: ClientStatus,
    row: ClientSync | None,
    held: "Holds",
    viewer: Membership,
) -> StatusLine:
    """The line of a client whose status and sync row are of the same moment."""
    if row is None:
        return not_seeded(client, status, held)
    match status:
        case ClientStatus.ATTENTION:
            return needs_attention(client, row, viewer)
        case ClientStatus.NOT_SENT:
            return not_sent(client, row)
        case ClientStatus.IN_KLAVIYO:
            return in_klaviyo(row, held)
        case ClientStatus.WAITING:
            return being_told(held) if client.has_opted_out else waiting(held)


def not_seeded(client: Client, status: ClientStatus, held: "Holds") -> StatusLine:
    """The backfill has not come to this client yet."""
    if client.has_opted_out:
        return being_told(held)
    return waiting(held) if status is not ClientStatus.NOT_SENT else never_sent(client)


def needs_attention(client: Client, row: ClientSync, viewer: Membership) -> StatusLine:
    label = Reason(row.reason).label
    if not client.has_opted_out:
        what = "Change not sent" if client.klaviyo_profile_id else "Not sent"
        return StatusLine(
            f"{what}: {label}", "attention", send_again(client, viewer), needs(viewer)
        )
    if row.awaits_permission:
        words = f"Opted out: {who(viewer)} to act"
        return StatusLine(words, "attention", allow(viewer), needs(viewer))
    words = f"Opted out: {label}, {who(viewer)} to act"
    return StatusLine(words, "attention", send_again(client, viewer), needs(viewer))


def not_sent(client: Client, row: ClientSync) -> StatusLine:
    if not client.has_opted_out:
        return never_sent(client)
    if row.suppressed_at:
        words = f"Opted out: Klaviyo told at {at(row.suppressed_at)}"
        return StatusLine(words, "good", short="Opt-out sent")
    return StatusLine("Opted out: not in Klaviyo", "quiet", short=NOT_SENT)


def never_sent(client: Client) -> StatusLine:
    why = "has no email address" if client.email_opt_in else "has not agreed to emails"
    return StatusLine(f"Not sent: {why}", "quiet", short=NOT_SENT)


def in_klaviyo(row: ClientSync, held: "Holds") -> StatusLine:
    if row.is_unsettled:
        if held.change:
            waits = f"In Klaviyo, change waits: {held.change}"
            return StatusLine(waits, "moving", short="Change waits")
        return StatusLine("In Klaviyo, being updated", "moving", short="Updating")
    if row.suppressed_at:
        return StatusLine(
            "In Klaviyo, but suppressed there after the opt-out, until an owner lifts that in "
            "Klaviyo, on the profile under Email",
            "attention",
            short="Still suppressed",
        )
    if row.reason in SENT_WITHOUT_PHONE:
        words = f"In Klaviyo, without the phone: {PHONE_WORDS[Reason(row.reason)]}"
        return StatusLine(words, "good", short="Without phone")
    return StatusLine("In Klaviyo, up to date", "good", short="Up to date")


def waiting(held: "Holds") -> StatusLine:
    if held.change:
        return StatusLine(f"Waiting: {held.change}", "moving", short="Waiting")
    return StatusLine("Being sent", "moving", short="Sending")


def being_told(held: "Holds") -> StatusLine:
    if held.opt_out:
        words = f"Opted out: Klaviyo not told yet, {held.opt_out}"
        return StatusLine(words, "moving", short="Opt-out waits")
    return StatusLine("Opted out: being told to Klaviyo", "moving", short="Sending")


class Holds:
    """Why changes and opt-outs of a connected studio wait, in words; blank where they go out."""

    def __init__(self, card: Card) -> None:
        self._card = card

    @cached_property
    def change(self) -> str:
        if self._card.connection and self._card.connection.is_paused:
            return "paused by an owner"
        hindrance = self._card.hindrance
        if hindrance and hindrance.is_suspended:
            return f"an owner has to look{next_try(hindrance)}"
        return self.opt_out

    @cached_property
    def opt_out(self) -> str:
        """No pause holds it back, and no suspension."""
        match self._card.hindrance:
            case Hindrance(kind=Kind.NO_WORKER):
                return "nothing is being sent at the moment"
            case Hindrance(kind=Kind.OUTDATED):
                return Reason.OUTDATED.label
            case Hindrance(kind=Kind.DOWN | Kind.SILENT) as hindrance:
                return f"Klaviyo is not answering{next_try(hindrance)}"
        return ""


def next_try(hindrance: Hindrance) -> str:
    return f", next try {at(hindrance.next_try_at)}" if hindrance.next_try_at else ""


def needs(viewer: Membership) -> str:
    return "Needs you" if viewer.is_owner else "Needs owner"


def who(viewer: Membership) -> str:
    return "you still have" if viewer.is_owner else "owner still has"


def send_again(client: Client, viewer: Membership) -> Action | None:
    if not viewer.is_owner:
        return None
    address = reverse("klaviyo:send_again", args=[viewer.studio.slug, client.public_id])
    return Action("Send again", address)


def allow(viewer: Membership) -> Action | None:
    if not viewer.is_owner:
        return None
    address = reverse("klaviyo:allow_suppression", args=[viewer.studio.slug])
    return Action("Allow automatic suppression", address)


def at(moment: datetime) -> str:
    local = timezone.localtime(moment)
    is_today = local.date() == timezone.localdate()
    return formats.date_format(local, "H:i" if is_today else "j M Y, H:i")
