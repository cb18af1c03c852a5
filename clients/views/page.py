"""A client's page."""

from collections.abc import Mapping
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from clients import extensions, timeline
from clients.extensions import StatusLine
from clients.listing.asked import place_of
from clients.listing.matches import following
from clients.models import Client
from studios.access import StudioRequest, studio_access
from studios.models import Membership, Role


@studio_access(Role.INSTRUCTOR)
@require_safe
def detail(request: StudioRequest, client_id: UUID) -> HttpResponse:
    client = get_object_or_404(Client.objects.for_studio(request.studio), public_id=client_id)
    context = {
        "client": client,
        "place": place_of(request),
        "next_client": following(client, place_of(request)),
        "services": services_of(client, request.membership),
        "timeline": timeline.entries(client),
    }
    return render(request, "clients/detail.html", context)


def services_of(client: Client, viewer: Membership) -> Mapping[str, StatusLine]:
    said = {one.label: one.status_lines([client]) for one in extensions.seen_by(viewer)}
    return {label: lines[client.pk] for label, lines in said.items() if client.pk in lines}
