"""The link in every email's footer, and the mail program's one-click POST (RFC 8058).

Looking changes nothing, since mail scanners follow links; a POST opts out, with no cookie, no
token of a form and no redirect. Only the token in the address decides: the body is never read, so
none is too large, broken or slow. A token that was never in an email gets a page that promises
nothing, and tells nothing of anybody.
"""

import re

from django.db import transaction
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.views.decorators.cache import cache_control
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_http_methods

from clients import consent
from clients.models import Client, ConsentSource, SentAddress
from studios.models import Studio

TOKEN = re.compile(r"[A-Za-z0-9_-]{1,64}")
ONE_CLICK = "List-Unsubscribe=One-Click"  # what a mail program's body says; ours has none


@csrf_exempt  # mail programs carry none; the token in the address is the permission
@cache_control(no_store=True)
@require_http_methods(["GET", "HEAD", "POST"])
def unsubscribe(request: HttpRequest, token: str) -> HttpResponse:
    studio = studio_of(token)
    is_done = False
    if studio and request.method == "POST":
        opt_out(studio, token, source_of(request))
        is_done = True
    context = {"studio": studio, "is_done": is_done}
    response = render(request, "clients/unsubscribe.html", context)
    response["Referrer-Policy"] = "no-referrer"
    response["X-Robots-Tag"] = "noindex"
    return response


def studio_of(token: str) -> Studio | None:
    """The studio in whose emails this token is, or was before its client was deleted."""
    if not TOKEN.fullmatch(token):
        return None
    client = Client.objects.filter(unsubscribe_token=token).select_related("studio").first()
    return client.studio if client else SentAddress.studio_of(token)


@transaction.atomic
def opt_out(studio: Studio, token: str, source: ConsentSource) -> None:
    """Record the withdrawal of the client, or of the addresses of one who was deleted, perhaps a
    moment ago."""
    client = Client.objects.for_edit(studio).filter(unsubscribe_token=token).first()
    if client:
        consent.withdraw(client, source=source)
    else:
        consent.withdraw_by_token(token)


def source_of(request: HttpRequest) -> ConsentSource:
    """By the length alone: a mail program's body has room for its words, our page's is empty."""
    is_one_click = content_length(request) >= len(ONE_CLICK)
    return ConsentSource.ONE_CLICK if is_one_click else ConsentSource.FOOTER


def content_length(request: HttpRequest) -> int:
    """In bytes; none is told for a body in chunks, nor by nonsense."""
    try:
        return int(request.META.get("CONTENT_LENGTH") or 0)
    except ValueError:
        return 0
