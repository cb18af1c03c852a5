"""Settings → Integrations: the Klaviyo card and its buttons. Owners only."""

from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from integrations.klaviyo import connections, outbox, trial, waiting
from integrations.klaviyo.card import Card
from integrations.klaviyo.models import ClientSync, Connection, EndCause
from integrations.klaviyo.rings import ring
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.OWNER)
@require_safe
def show(request: StudioRequest) -> HttpResponse:
    return render(request, "klaviyo/card.html", {"card": Card(request.studio)})


@studio_access(Role.OWNER)
@require_safe
def panel(request: StudioRequest) -> HttpResponse:
    """The part of the card that moves, for its own refresh."""
    card = Card(request.studio)
    if request.GET.get("face") != card.face:
        return HttpResponse(headers={"HX-Refresh": "true"})  # what stands around it changes too
    return render(request, "klaviyo/_panel.html", {"card": card})


@studio_access(Role.OWNER)
@require_http_methods(["GET", "HEAD", "POST"])
def disconnect(request: StudioRequest) -> HttpResponse:
    """Ask, then fence: the answer comes at once, a worker does the rest."""
    connection = Connection.objects.for_studio(request.studio).live().first()
    if connection is None:
        return redirect("klaviyo:card", request.studio.slug)
    if request.method == "POST":
        connections.fence(connection, EndCause.OWNER, by=request.user)
        return redirect("klaviyo:card", request.studio.slug)
    untold = waiting.untold(request.studio).count()
    context = {"connection": connection, "untold": untold}
    return render(request, "klaviyo/disconnect.html", context)


@studio_access(Role.OWNER)
@require_POST
def pause(request: StudioRequest) -> HttpResponse:
    if Connection.objects.for_studio(request.studio).live().pause():
        messages.success(request, "Paused. Changes wait here; opt-outs are not held back.")
    return redirect("klaviyo:card", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def resume(request: StudioRequest) -> HttpResponse:
    if Connection.objects.for_studio(request.studio).live().resume():
        ring(request.studio.pk)
        messages.success(request, "Resumed. What waited is being sent.")
    return redirect("klaviyo:card", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def test(request: StudioRequest) -> HttpResponse:
    connection = Connection.objects.for_studio(request.studio).live().first()
    if connection:
        trial.ask_for(connection)
        messages.info(request, "Testing the connection. The result appears on the card.")
    return redirect("klaviyo:card", request.studio.slug)


@studio_access(Role.OWNER)
@require_POST
def retry_all(request: StudioRequest) -> HttpResponse:
    """Everything that needs attention is tried once more; opt-outs included."""
    Connection.objects.for_studio(request.studio).live().accept_again()
    outbox.again(ClientSync.objects.for_studio(request.studio).needing_attention())
    ring(request.studio.pk)
    messages.success(request, "Trying again. What Klaviyo takes now disappears from the list.")
    return redirect("klaviyo:card", request.studio.slug)
