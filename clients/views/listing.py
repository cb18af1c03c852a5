"""The list of clients."""

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_POST, require_safe

from clients.listing import first_steps
from clients.listing.page import Listing
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.OWNER)
@require_POST
def put_first_steps_away(request: StudioRequest) -> HttpResponse:
    first_steps.put_away(request.studio)
    return redirect("clients:list", request.studio.slug)


@studio_access(Role.INSTRUCTOR)
@require_safe
def listing(request: StudioRequest) -> HttpResponse:
    is_answer_while_typing = request.htmx.target == "clients"
    template = "clients/_rows.html" if is_answer_while_typing else "clients/list.html"
    response = render(request, template, {"list": Listing(request.GET, request.membership)})
    patch_vary_headers(response, ["HX-Target"])
    return response
