"""To Klaviyo's consent page and back."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations.klaviyo.connection import authorization
from integrations.klaviyo.connection.callback import arrive
from integrations.klaviyo.connection.refusals import (
    AlreadyConnectedError,
    DeniedError,
    NotOwnerError,
    RefusedError,
    UnknownAttemptError,
)
from integrations.klaviyo.contract import Feature
from integrations.klaviyo.models import Connection
from studios.access import SignedInRequest, StudioRequest, signed_in, studio_access
from studios.models import Membership, Role

CONNECTED = "Connected. The first sending starts by itself."


@studio_access(Role.OWNER)
@require_POST
def connect(request: StudioRequest) -> HttpResponse:
    """Off to Klaviyo; refused while there is a connection, or one being deleted."""
    if Connection.objects.for_studio(request.studio).exists():
        return refusal(request, AlreadyConnectedError(), request.studio.slug)
    return redirect(authorization.start(request.studio, request.user, request.session))


@studio_access(Role.OWNER)
@require_POST
def allow(request: StudioRequest, feature: Feature) -> HttpResponse:
    """Off to Klaviyo for one more permission."""
    if not Connection.objects.for_studio(request.studio).live().exists():
        return redirect("integrations:settings", request.studio.slug)
    return redirect(authorization.start(request.studio, request.user, request.session, feature))


@never_cache
@signed_in
@require_safe
def callback(request: SignedInRequest) -> HttpResponse:
    """Back from Klaviyo. Whatever goes wrong, nothing is stored and the page says what to do."""
    if is_prefetch(request):
        return HttpResponse(status=204)  # nobody asked for it yet: it spends nothing
    slug, state = None, request.GET.get("state", "")
    try:
        if any(len(values) > 1 for _, values in request.GET.lists()):
            raise UnknownAttemptError  # RFC 6749, section 3.1
        attempt = authorization.redeem(state, request.user, request.session)
        slug = attempt.studio.slug
        if request.GET.get("error") or not request.GET.get("code"):
            raise DeniedError
        arrive(attempt, request.GET["code"])
    except PermissionDenied:
        return refusal(request, NotOwnerError(), slug)
    except UnknownAttemptError as error:
        if slug is None and (
            studio := authorization.arrived_before(state, request.user, request.session)
        ):
            return redirect("integrations:settings", studio.slug)
        return refusal(request, error, slug)
    except RefusedError as error:
        return refusal(request, error, slug)
    allowed = attempt.feature and f"You allowed Junocal {attempt.feature.does}."
    messages.success(request, allowed or CONNECTED)
    return redirect("integrations:settings", slug)


def is_prefetch(request: HttpRequest) -> bool:
    """True if the browser only looks ahead (Fetch standard: Sec-Purpose)."""
    said = f"{request.headers.get('Sec-Purpose', '')} {request.headers.get('Purpose', '')}"
    return "prefetch" in said


@signed_in
@require_safe
def install(request: SignedInRequest) -> HttpResponse:
    """Where Klaviyo's directory sends people: choose the studio, then the usual way."""
    owned = Membership.objects.filter(user=request.user, role=Role.OWNER).select_related("studio")
    studios = [membership.studio for membership in owned.order_by("studio__name")]
    if len(studios) == 1:
        return redirect("integrations:settings", studios[0].slug)
    return render(request, "klaviyo/install.html", {"studios": studios})


def refusal(request: HttpRequest, error: RefusedError, slug: str | None) -> HttpResponse:
    context = {
        "why": f"klaviyo/refusals/_{error.page}.html",
        "help_anchor": error.help_anchor,
        "slug": slug,
    }
    return render(request, "klaviyo/refusal.html", context, status=400)
