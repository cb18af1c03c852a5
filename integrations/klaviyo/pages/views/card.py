"""Settings → Integrations: the Klaviyo card and its buttons. Owners only."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.klaviyo.connection import health_check, lifecycle
from integrations.klaviyo.models import Connection, EndCause
from integrations.klaviyo.pages import unreported_opt_outs
from integrations.klaviyo.pages.card import Card
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.OWNER)
@require_safe
def show(request: StudioRequest) -> HttpResponse:
    """The card stands among those of all integrations."""
    return redirect("integrations:settings", request.studio.slug)


@studio_access(Role.OWNER)
@require_safe
def panel(request: StudioRequest) -> HttpResponse:
    """The part of the card that moves, for its own refresh."""
    card = Card(request.studio)
    if request.GET.get("reload_key") != card.reload_key:
        return HttpResponse(headers={"HX-Refresh": "true"})  # what stands around it changes too
    return render(request, "klaviyo/_panel.html", {"card": card})


@studio_access(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: StudioRequest) -> HttpResponse:
    """Ask, then begin to disconnect: the answer comes at once, a worker does the rest."""
    connection = Connection.objects.for_studio(request.studio).live().first()
    if connection is None:
        return redirect("integrations:settings", request.studio.slug)
    if request.method == "POST":
        lifecycle.begin_disconnect(connection, EndCause.OWNER, by=request.user)
        return redirect("integrations:settings", request.studio.slug)
    unreported = unreported_opt_outs.unreported(request.studio).count()
    context = {"connection": connection, "unreported": unreported}
    return render(request, "klaviyo/disconnect.html", context)


@studio_access(Role.OWNER)
@require_POST
def pause(request: StudioRequest) -> HttpResponse:
    if Connection.objects.for_studio(request.studio).live().pause():
        messages.success(request, "Paused. Changes wait here; opt-outs are not held back.")
    return redirect("integrations:settings", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def resume(request: StudioRequest) -> HttpResponse:
    if lifecycle.resume(request.studio):
        messages.success(request, "Resumed. What waited is being sent.")
    return redirect("integrations:settings", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def test(request: StudioRequest) -> HttpResponse:
    connection = Connection.objects.for_studio(request.studio).live().first()
    if connection:
        health_check.request(connection)
        messages.info(request, "Testing the connection. The result appears on the card.")
    return redirect("integrations:settings", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def try_now(request: StudioRequest) -> HttpResponse:
    """Not to wait for the next try of what Klaviyo did not answer."""
    lifecycle.try_now(request.studio)
    messages.info(request, "Trying again now. The card says what comes of it.")
    return redirect("integrations:settings", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def retry_all(request: StudioRequest) -> HttpResponse:
    """All that need attention, or those of one reason."""
    lifecycle.retry_all(request.studio, reason=request.POST.get("reason", ""))
    messages.success(request, "Trying again. What Klaviyo takes now disappears from the list.")
    return redirect("integrations:settings", request.studio.slug)
