"""Deleting a client."""

from uuid import UUID

from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from clients import extensions
from clients.listing.asked import place_of
from clients.models import Client, Run
from clients.runs import selection
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def delete(request: StudioRequest, client_id: UUID) -> HttpResponse:
    is_post = request.method == "POST"
    rows = Client.objects.for_edit if is_post else Client.objects.for_studio
    client = get_object_or_404(rows(request.studio), public_id=client_id)
    if is_post:
        selection.do_now(request.studio, Run.Kind.DELETION, client, by=request.user)
        return redirect(place_of(request).url(request.studio))
    stays = [service.after_deletion(client) for service in extensions.registered()]
    context = {"client": client, "stays": filter(None, stays), "place": place_of(request)}
    return render(request, "clients/delete.html", context)
