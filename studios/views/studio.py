"""Settings → Studio."""

from allauth.account.models import EmailAddress
from allauth.core import ratelimit
from django.contrib import messages
from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods, require_POST

from studios.access import StudioRequest, studio_access
from studios.forms import StudioForm
from studios.models import Role, Studio
from studios.team import owner_is_verified


@studio_access(Role.OWNER, keeps_typed=True)
@require_http_methods(["GET", "POST"])
def settings(request: StudioRequest) -> HttpResponse:
    # A copy for the form: what can't be saved must not stand in the frame as if it were.
    form = StudioForm(
        request.POST or request.unsaved, instance=Studio.objects.get(pk=request.studio.pk)
    )
    if request.method == "POST" and form.is_valid():
        form.save()
        messages.success(request, "Saved.")
        return redirect("studios:settings", request.studio.slug)
    context = {"form": form, "is_verified": owner_is_verified(request.studio)}
    return render(request, "studios/settings.html", context)


@studio_access(Role.OWNER)
@require_POST
def verify(request: StudioRequest) -> HttpResponse:
    """Send the owner who asks another link that proves the address."""
    address = EmailAddress.objects.get_primary(request.user)
    if ratelimit.consume(request, action="confirm_email", key=address.email):
        address.send_confirmation(request)
        messages.info(request, f"A link is on its way to {address.email}.")
    else:
        messages.warning(
            request,
            f"A link went to {address.email} a moment ago. Look among spam as well;"
            " in three minutes you can ask for another.",
        )
    return redirect("studios:settings", request.studio.slug)
