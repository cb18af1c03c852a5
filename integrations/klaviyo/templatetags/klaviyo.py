"""Klaviyo's words on pages: a reason's label, and a time as one says it."""

from django import template

from integrations.klaviyo.pages.client_lines import at
from integrations.klaviyo.reasons import Reason

register = template.Library()
register.filter("moment", at)


@register.filter
def reason_label(reason: str) -> str:
    return Reason(reason).label
