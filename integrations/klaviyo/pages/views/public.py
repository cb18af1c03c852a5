"""What is open to the world: Klaviyo's webhook and the help page."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from clients.models.client import EMAIL_MAX_LENGTH
from integrations.klaviyo.connection import authorization, webhook
from integrations.klaviyo.contract import (
    FEATURES,
    LARGE,
    PROFILE_FIELDS,
    SOURCE_TAG,
    WHY_SCOPES,
)
from integrations.klaviyo.reasons import EXPLANATIONS
from integrations.klaviyo.worker import maintenance
from integrations.token_bucket import rate

FIELDS = ("email", *PROFILE_FIELDS, SOURCE_TAG[0])


@csrf_exempt
@require_POST
def hook(request: HttpRequest) -> HttpResponse:
    """200 whatever account it speaks of, so that it tells nobody who is connected."""
    if not settings.KLAVIYO_WEBHOOK_SECRET:
        raise Http404
    try:
        body = request.read(webhook.BODY_MAX_BYTES + 1)  # before anything parses it
        if len(body) > webhook.BODY_MAX_BYTES:
            return HttpResponse(status=413)
        webhook.verify(body, request.headers, settings.KLAVIYO_WEBHOOK_SECRET)
        delivery = webhook.read(body, request.headers, timezone.now())
    except webhook.BadSignatureError:
        return HttpResponse(status=401)
    except (webhook.UnreadableError, UnreadablePostError):
        return HttpResponse(status=400)
    webhook.receive(delivery)
    return HttpResponse(status=200)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Everything about the integration; scopes, fields and limits are the code's own constants."""
    context = {
        "scopes": WHY_SCOPES,
        "features": FEATURES.values(),
        "fields": FIELDS,
        "source_tag": SOURCE_TAG,
        "limit": LARGE,
        "clients_a_minute": int(rate(LARGE) * 60),
        "email_max_length": EMAIL_MAX_LENGTH,
        "reasons": [(reason.label, explanation) for reason, explanation in EXPLANATIONS.items()],
        "attempt_minutes": int(authorization.LIFE.total_seconds() // 60),
        "attempt_days": maintenance.ATTEMPTS_KEPT.days,
        "event_days": maintenance.EVENTS_KEPT.days,
        "receipt_days": maintenance.RECEIPTS_KEPT.days,
        "fresh_minutes": int(webhook.FRESH_FOR.total_seconds() // 60),
        "uninstall_topic": settings.KLAVIYO_UNINSTALL_TOPIC,
        "support_email": settings.SUPPORT_EMAIL,
    }
    return render(request, "klaviyo/help.html", context)
