"""The list of clients."""

from django.http import HttpResponse
from django.shortcuts import render
from django.utils.cache import patch_vary_headers
from django.views.decorators.http import require_safe

from clients.listing.page import Listing
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.INSTRUCTOR)
@require_safe
def listing(request: StudioRequest) -> HttpResponse:
    is_answer_while_typing = request.htmx.target == "clients"
    template = "clients/_rows.html" if is_answer_while_typing else "clients/list.html"
    response = render(request, template, {"list": Listing(request.GET, request.membership)})
    patch_vary_headers(response, ["HX-Target"])
    return response
