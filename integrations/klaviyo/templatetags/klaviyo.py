"""Klaviyo's words on pages: a reason's label, and the banner when a reconnect is required."""

from django import template
from django.template import RequestContext
from django.urls import reverse

from integrations.klaviyo.models import Connection, EndedConnection
from integrations.klaviyo.reasons import Reason
from studios.models import Studio

register = template.Library()


@register.filter
def reason_label(reason: str) -> str:
    return Reason(reason).label


@register.inclusion_tag("klaviyo/_reconnect_banner.html", takes_context=True)
def reconnect_banner(context: RequestContext, studio: Studio) -> dict[str, object]:
    ended = EndedConnection.objects.for_studio(studio).first()
    connected = Connection.objects.for_studio(studio).exists()
    required = ended is not None and ended.asks_to_reconnect and not connected
    on_the_card = context["request"].path == reverse("klaviyo:card", args=[studio.slug])
    return {"studio": studio, "required": required, "has_button": on_the_card}
