"""Pages of a studio's clients."""

from collections.abc import Mapping
from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.urls import reverse
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_http_methods, require_safe

from clients import history, outside
from clients.forms import ClientForm
from clients.listing import Listing
from clients.models import Client
from clients.outside import Line
from studios.access import StudioRequest, studio_access
from studios.models import Membership, Role


@studio_access(Role.INSTRUCTOR)
@require_safe
def listing(request: StudioRequest) -> HttpResponse:
    is_answer_while_typing = request.htmx.target == "clients"
    template = "clients/_rows.html" if is_answer_while_typing else "clients/list.html"
    response = render(request, template, {"list": Listing(request.GET, request.membership)})
    patch_vary_headers(response, ["HX-Target"])
    return response


@studio_access(Role.INSTRUCTOR)
@require_safe
def detail(request: StudioRequest, client_id: UUID) -> HttpResponse:
    client = get_object_or_404(Client.objects.for_studio(request.studio), public_id=client_id)
    context = {
        "client": client,
        "services": services_of(client, request.membership),
        "consent_history": history.consent_history(client),
        "timeline": history.timeline(client),
    }
    return render(request, "clients/detail.html", context)


def services_of(client: Client, viewer: Membership) -> Mapping[str, Line]:
    said = {service.label: service.lines([client], viewer) for service in outside.registered()}
    return {label: lines[client.pk] for label, lines in said.items() if client.pk in lines}


@studio_access(Role.FRONT_DESK)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StudioRequest) -> HttpResponse:
    form = ClientForm(request.POST if request.method == "POST" else None, studio=request.studio)
    if form.is_valid() and form.save(by=request.user):
        return back_to_the_list(request, form)
    return render(request, "clients/form.html", {"form": form})


@studio_access(Role.FRONT_DESK)
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def edit(request: StudioRequest, client_id: UUID) -> HttpResponse:
    is_post = request.method == "POST"
    rows = Client.objects.for_edit if is_post else Client.objects.for_studio
    client = get_object_or_404(rows(request.studio), public_id=client_id)
    name = client.name  # the form may have changed it by the time it is refused
    form = ClientForm(request.POST if is_post else None, studio=request.studio, client=client)
    if form.is_valid() and form.save(by=request.user):
        return back_to_the_list(request, form)
    return render(request, "clients/form.html", {"form": form, "client": client, "name": name})


@studio_access(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def delete(request: StudioRequest, client_id: UUID) -> HttpResponse:
    is_post = request.method == "POST"
    rows = Client.objects.for_edit if is_post else Client.objects.for_studio
    client = get_object_or_404(rows(request.studio), public_id=client_id)
    if is_post:
        client.delete()
        messages.success(request, f"{client.name} is deleted.")
        return redirect("clients:list", request.studio.slug)
    stays = [service.after_deletion(client) for service in outside.registered()]
    return render(request, "clients/delete.html", {"client": client, "stays": filter(None, stays)})


def back_to_the_list(request: StudioRequest, form: ClientForm) -> HttpResponse:
    client = form.saved
    if form.kept_consent:
        messages.warning(
            request,
            f"{client.name} is saved, but not what this form said about emails: that changed while "
            f"you had it open. It stays: {client.consent_text.lower()}.",
        )
    elif client.is_remembered and "email" in form.changed_data:
        messages.warning(
            request,
            f"{client.name} is saved and opted out of emails: this address opted out before.",
        )
    else:
        messages.success(request, f"{client.name} is saved.")
    return redirect(
        f"{reverse('clients:list', args=[request.studio.slug])}?saved={client.public_id}"
    )
