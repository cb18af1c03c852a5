"""The link in every email's footer, and the mail program's one-click POST (RFC 8058).

Looking changes nothing, since mail scanners follow links; a POST opts out, with no cookie, no
token of a form and no redirect. An unknown token gets the same page and does nothing.
"""

import re

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from clients import consent
from clients.models import Client, Door

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")


@csrf_exempt  # mail programs carry none; the token in the address is the permission
@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    client = client_of(token)
    is_post = request.method == "POST"
    if is_post and client:
        opt_out(client, door_of(request))
    context = {"client": client, "is_done": is_post}
    response = render(request, "clients/unsubscribe.html", context)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def client_of(token: str) -> Client | None:
    if not TOKEN.fullmatch(token):
        return None
    return Client.objects.filter(unsubscribe_token=token).select_related("studio").first()


@transaction.atomic
def opt_out(client: Client, door: Door) -> None:
    """Nothing is left to do where the client was deleted a moment ago."""
    if held := Client.objects.for_edit(client.studio).filter(pk=client.pk).first():
        consent.withdraw(held, door=door)


def door_of(request: HttpRequest) -> Door:
    is_one_click = request.POST.get("List-Unsubscribe") == "One-Click"
    return Door.ONE_CLICK if is_one_click else Door.FOOTER
