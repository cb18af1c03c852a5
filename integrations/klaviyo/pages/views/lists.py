"""The lists behind the counters: needs attention, not sent, opt-outs waiting. Owners only."""

import csv
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from clients.models import Client
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.outbox import producer
from integrations.klaviyo.outbox.wakeup import wake
from integrations.klaviyo.pages import status, unreported_opt_outs
from integrations.klaviyo.pages.status import ClientStatus
from integrations.klaviyo.reasons import NEEDS_ATTENTION, UNSENT
from studios.access import StudioRequest, studio_access
from studios.models import Role

ROWS_ON_A_PAGE = 50


@studio_access(Role.OWNER)
@require_safe
def attention(request: StudioRequest) -> HttpResponse:
    """Clients a person has to act for, the opt-outs that wait for the owner among them."""
    clients = status.with_status(Client.objects.for_studio(request.studio), ClientStatus.ATTENTION)
    reason = request.GET.get("reason", "")
    chosen = clients.filter(klaviyo_sync__reason=reason) if reason in NEEDS_ATTENTION else clients
    rows = chosen.select_related("klaviyo_sync").order_by("klaviyo_sync__reason", "pk")
    context = {
        "status": ClientStatus.ATTENTION,
        "page": page_of(request, rows),
        "reasons": status.count_attention(request.studio),
        "chosen": reason,
    }
    return render(request, "klaviyo/attention.html", context)


@studio_access(Role.OWNER)
@require_safe
def not_sent(request: StudioRequest) -> HttpResponse:
    clients = status.with_status(Client.objects.for_studio(request.studio), ClientStatus.NOT_SENT)
    reason = request.GET.get("reason", "")
    chosen = status.unsent_for(clients, reason) if reason in UNSENT else clients
    context = {
        "status": ClientStatus.NOT_SENT,
        "page": page_of(request, status.with_unsent_reason(chosen).by_name()),
        "reasons": status.count_unsent(request.studio),
        "chosen": reason,
    }
    return render(request, "klaviyo/not_sent.html", context)


@studio_access(Role.OWNER)
@require_safe
def opt_outs(request: StudioRequest) -> HttpResponse:
    page = page_of(request, unreported_opt_outs.for_owner(request.studio))
    context = {
        "page": page,
        "opt_outs": unreported_opt_outs.opt_outs(request.studio, page.object_list),
        "is_connected": Connection.objects.for_studio(request.studio).live().exists(),
    }
    return render(request, "klaviyo/opt_outs.html", context)


@studio_access(Role.OWNER)
@require_safe
def opt_outs_csv(request: StudioRequest) -> HttpResponse:
    """The addresses as Klaviyo's own suppression upload takes them: one column, `Email`."""
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="opt-outs.csv"'},
    )
    writer = csv.writer(response)
    writer.writerow(["Email"])
    for opt_out in unreported_opt_outs.opt_outs(
        request.studio, unreported_opt_outs.unreported(request.studio)
    ):
        writer.writerows([address] for address in opt_out.addresses)
    return response


@studio_access(Role.OWNER)
@require_POST
def send_again(request: StudioRequest, client_id: UUID) -> HttpResponse:
    client = get_object_or_404(Client.objects.for_studio(request.studio), public_id=client_id)
    rows = ClientSync.objects.for_studio(request.studio).needing_attention()
    if producer.retry(rows.filter(client=client)):
        wake(request.studio.pk)
        messages.success(request, f"{client.name} is being sent again.")
    else:
        messages.info(request, f"Nothing of {client.name} waits for you any more.")
    return redirect(client)


def page_of(request: StudioRequest, rows: QuerySet[Any]) -> Page[Any]:
    return Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
