"""Adding and editing a client."""

from uuid import UUID

from django.contrib import messages
from django.db import transaction
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_http_methods

from clients import consent
from clients.forms import ClientForm
from clients.listing.asked import place_of
from clients.models import Client
from clients.runs import selection
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.FRONT_DESK, keeps_typed=True)
@require_http_methods(["GET", "HEAD", "POST"])
def new(request: StudioRequest) -> HttpResponse:
    is_post = request.method == "POST"
    form = ClientForm(request.POST if is_post else request.unsaved, studio=request.studio)
    if is_post and form.is_valid() and form.save(by=request.user):
        if request.POST.get("then") == "another":
            tell_saved(request, form)
            return redirect(request.get_full_path())
        return back_to_the_list(request, form)
    return render(request, "clients/form.html", {"form": form, "place": place_of(request)})


@studio_access(Role.FRONT_DESK, keeps_typed=True)
@require_http_methods(["GET", "HEAD", "POST"])
@transaction.atomic
def edit(request: StudioRequest, client_id: UUID) -> HttpResponse:
    is_post = request.method == "POST"
    rows = Client.objects.for_edit if is_post else Client.objects.for_studio
    client = get_object_or_404(rows(request.studio), public_id=client_id)
    name = client.name  # the form may have changed it by the time it is refused
    before, email = consent.kept(client), client.email
    typed = request.POST if is_post else request.unsaved
    form = ClientForm(typed, studio=request.studio, client=client)
    if is_post and form.is_valid() and form.save(by=request.user):
        if before["email_opt_in"] and client.has_opted_out and not client.is_remembered:
            emails = (email, client.email)
            selection.note_opt_out(client, before, emails, by=request.user)
        return back_to_the_list(request, form)
    context = {"form": form, "client": client, "name": name, "place": place_of(request)}
    return render(request, "clients/form.html", context)


def back_to_the_list(request: StudioRequest, form: ClientForm) -> HttpResponse:
    tell_saved(request, form)
    address = place_of(request).url(request.studio, saved=form.saved.public_id)
    return redirect(f"{address}#saved")


def tell_saved(request: StudioRequest, form: ClientForm) -> None:
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
