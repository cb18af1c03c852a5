"""A form whose protection is from before the last sign-in (Django's `CSRF_FAILURE_VIEW`)."""

from django.http import HttpRequest
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.views.csrf import csrf_failure

from studios.accounts import unsaved


def too_old(request: HttpRequest, reason: str = "") -> HttpResponseBase:
    """Back to the form with what was typed, if it is one of ours; else the page that says why."""
    match = request.resolver_match
    keeps_typed = getattr(match.func, "keeps_typed", False) if match else False
    if keeps_typed and request.user.is_authenticated and unsaved.is_from_us(request):
        unsaved.keep(request)
        return redirect(request.get_full_path())
    return csrf_failure(request, reason)
