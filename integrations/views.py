"""Settings → Integrations: a card for each integration. Owners only."""

from django.http import HttpResponse
from django.shortcuts import render
from django.views.decorators.http import require_safe

from integrations.registry import registered
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.OWNER)
@require_safe
def settings_page(request: StudioRequest) -> HttpResponse:
    cards = [integration.card(request.studio) for integration in registered()]
    context = {"cards": cards, "integrations": registered()}
    return render(request, "integrations/settings.html", context)
