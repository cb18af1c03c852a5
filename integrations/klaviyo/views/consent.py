"""To Klaviyo's consent page and back."""

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from integrations.klaviyo import arrivals, attempts, connections
from integrations.klaviyo.attempts import NotThisAttempt, Purpose
from integrations.klaviyo.models import Connection
from studios.access import SignedInRequest, StudioRequest, signed_in, studio_access
from studios.models import Membership, Role

REFUSALS = {
    NotThisAttempt: "stale",
    PermissionDenied: "not_owner",
    arrivals.LessGranted: "less_granted",
    arrivals.KlaviyoUnavailable: "unavailable",
    connections.AlreadyConnected: "already_connected",
    connections.AccountTaken: "account_taken",
    connections.AnotherAccount: "another_account",
}
# Where the help page tells more.
SYMPTOMS = {
    "unavailable": "klaviyo-not-answering",
    "already_connected": "another-account",
    "account_taken": "another-account",
    "another_account": "another-account",
}


@studio_access(Role.OWNER)
@require_POST
def connect(request: StudioRequest) -> HttpResponse:
    """Off to Klaviyo; refused while there is a connection, or one being deleted."""
    if Connection.objects.for_studio(request.studio).exists():
        return _refusal(request, "already_connected", request.studio.slug)
    return _leave(request, Purpose.CONNECT)


@studio_access(Role.OWNER)
@require_POST
def allow_suppression(request: StudioRequest) -> HttpResponse:
    """The second consent, for opt-outs."""
    if not Connection.objects.for_studio(request.studio).live().exists():
        return redirect("klaviyo:card", request.studio.slug)
    return _leave(request, Purpose.ALLOW_SUPPRESSION)


def _leave(request: StudioRequest, purpose: Purpose) -> HttpResponse:
    return redirect(attempts.start(request.studio, request.user, purpose, request.session))


@never_cache
@signed_in
@require_safe
def callback(request: SignedInRequest) -> HttpResponse:
    """Back from Klaviyo. Whatever goes wrong, nothing is stored and the page says what to do."""
    try:
        attempt = attempts.redeem(request.GET.get("state", ""), request.user, request.session)
    except (NotThisAttempt, PermissionDenied) as error:
        return _refusal(request, REFUSALS[type(error)])
    slug = attempt.studio.slug
    if request.GET.get("error") or not request.GET.get("code"):
        return _refusal(request, "denied", slug)
    try:
        arrivals.arrive(attempt, request.GET["code"])
    except tuple(REFUSALS) as error:
        return _refusal(request, REFUSALS[type(error)], slug)
    return redirect("klaviyo:card", slug)


@signed_in
@require_safe
def install(request: SignedInRequest) -> HttpResponse:
    """Where Klaviyo's directory sends people: choose the studio, then the usual way."""
    owned = Membership.objects.filter(user=request.user, role=Role.OWNER).select_related("studio")
    studios = [membership.studio for membership in owned.order_by("studio__name")]
    if len(studios) == 1:
        return redirect("klaviyo:card", studios[0].slug)
    return render(request, "klaviyo/install.html", {"studios": studios})


def _refusal(request: HttpRequest, why: str, slug: str | None = None) -> HttpResponse:
    context = {
        "why": f"klaviyo/refusals/_{why}.html",
        "symptom": SYMPTOMS.get(why, "not-connected"),
        "slug": slug,
    }
    return render(request, "klaviyo/refusal.html", context, status=400)
