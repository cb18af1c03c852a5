"""What is open to the world: Klaviyo's webhook and the help page."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.request import UnreadablePostError
from django.shortcuts import render
from django.utils import timezone
from django.views.decorators.csrf import csrf_exempt
from django.views.decorators.http import require_POST, require_safe

from clients.models.client import EMAIL_MAX_LENGTH
from integrations.klaviyo import attempts, chores, webhook
from integrations.klaviyo.limits import rate
from integrations.klaviyo.operations import LARGE, SOURCE_TAG, SUPPRESSION_SCOPE, WHY_SCOPES
from integrations.klaviyo.profiles import OPTIONAL_FIELDS
from integrations.klaviyo.reasons import WORDS

FIELDS = ("email", *OPTIONAL_FIELDS, SOURCE_TAG[0])


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
    except webhook.BadSignature:
        return HttpResponse(status=401)
    except (webhook.Unreadable, UnreadablePostError):
        return HttpResponse(status=400)
    webhook.receive(delivery)
    return HttpResponse(status=200)


@require_safe
def help_page(request: HttpRequest) -> HttpResponse:
    """Everything about the integration; scopes, fields and limits are the code's own constants."""
    context = {
        "scopes": WHY_SCOPES,
        "suppression_scope": SUPPRESSION_SCOPE,
        "fields": FIELDS,
        "source_tag": SOURCE_TAG,
        "limit": LARGE,
        "clients_a_minute": int(rate(LARGE) * 60),
        "email_max_length": EMAIL_MAX_LENGTH,
        "reasons": [(reason.label, words) for reason, words in WORDS.items()],
        "attempt_minutes": int(attempts.LIFE.total_seconds() // 60),
        "attempt_days": chores.ATTEMPTS_KEPT.days,
        "event_days": chores.EVENTS_KEPT.days,
        "receipt_days": chores.RECEIPTS_KEPT.days,
        "fresh_minutes": int(webhook.FRESH_FOR.total_seconds() // 60),
        "uninstall_topic": settings.KLAVIYO_UNINSTALL_TOPIC,
        "support_email": settings.SUPPORT_EMAIL,
    }
    return render(request, "klaviyo/help.html", context)
