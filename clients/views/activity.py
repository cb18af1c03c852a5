"""Settings → Activity: what a studio's people did to its clients on a day."""

from datetime import date

from django.http import HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.dateparse import parse_date
from django.views.decorators.http import require_safe

from clients.activity import Day
from clients.listing.asked import as_number
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.OWNER)
@require_safe
def activity(request: StudioRequest) -> HttpResponse:
    day = Day(request.studio, asked_day(request), as_number(request.GET.get("before", "")) or None)
    entries, go_on_at = day.entries()
    context = {"day": day, "entries": entries, "go_on_at": go_on_at}
    return render(request, "clients/activity.html", context)


def asked_day(request: StudioRequest) -> date:
    """Today, where the address names no day that there is."""
    today = timezone.localdate()
    try:
        asked = parse_date(request.GET.get("day", "")) or today
    except ValueError:
        return today
    return asked if date(2000, 1, 1) <= asked <= today else today
