"""The lists behind the counters: needs attention, not sent, opt-outs waiting. Owners only."""

import csv
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import Count, QuerySet
from django.http import HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from clients.models import Client
from integrations.klaviyo import outbox, standing
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.reasons import NEEDS_ATTENTION, UNSENT, Reason
from integrations.klaviyo.rings import ring
from integrations.klaviyo.standing import Standing
from studios.access import StudioRequest, studio_access
from studios.models import Role

ROWS_ON_A_PAGE = 50


@studio_access(Role.OWNER)
@require_safe
def attention(request: StudioRequest) -> HttpResponse:
    """Clients a person has to act for, but the opt-outs, which have a list of their own."""
    rows = ClientSync.objects.for_studio(request.studio).needing_attention()
    rows = rows.exclude(pk__in=rows.opt_outs_waiting())
    reason = request.GET.get("reason", "")
    chosen = rows.filter(reason=reason) if reason in NEEDS_ATTENTION else rows
    counted = rows.values_list("reason").annotate(Count("pk")).order_by("reason")
    context = {
        "page": _page(request, chosen.select_related("client__studio").order_by("reason", "pk")),
        "reasons": [(Reason(key), number) for key, number in counted],
        "chosen": reason,
    }
    return render(request, "klaviyo/attention.html", context)


@studio_access(Role.OWNER)
@require_safe
def not_sent(request: StudioRequest) -> HttpResponse:
    clients = standing.standing_as(Client.objects.for_studio(request.studio), Standing.NOT_SENT)
    reason = request.GET.get("reason", "")
    chosen = standing.unsent_for(clients, reason) if reason in UNSENT else clients
    counts = standing.count_unsent(request.studio)
    context = {
        "page": _page(request, standing.with_unsent_reason(chosen).by_name()),
        "reasons": [(Reason(key), number) for key, number in sorted(counts.items())],
        "chosen": reason,
    }
    return render(request, "klaviyo/not_sent.html", context)


@studio_access(Role.OWNER)
@require_safe
def opt_outs(request: StudioRequest) -> HttpResponse:
    waiting = ClientSync.objects.for_studio(request.studio).opt_outs_waiting()
    rows = waiting.select_related("client__studio").order_by("pk")
    connection = Connection.objects.for_studio(request.studio).live().first()
    context = {"page": _page(request, rows), "connection": connection}
    return render(request, "klaviyo/opt_outs.html", context)


@studio_access(Role.OWNER)
@require_safe
def opt_outs_csv(request: StudioRequest) -> HttpResponse:
    """The addresses as Klaviyo's own suppression upload takes them: one column, `Email`."""
    rows = ClientSync.objects.for_studio(request.studio).opt_outs_waiting().order_by("pk")
    response = HttpResponse(
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": 'attachment; filename="opt-outs.csv"'},
    )
    writer = csv.writer(response)
    writer.writerow(["Email"])
    writer.writerows([address] for row in rows for address in sorted(row.exposed))
    return response


@studio_access(Role.OWNER)
@require_POST
def send_again(request: StudioRequest, client_id: UUID) -> HttpResponse:
    client = get_object_or_404(Client.objects.for_studio(request.studio), public_id=client_id)
    outbox.again(ClientSync.objects.for_studio(request.studio).filter(client=client))
    ring(request.studio.pk)
    messages.success(request, f"{client.name} is being sent again.")
    return redirect(client)


def _page(request: StudioRequest, rows: QuerySet[Any]) -> Page[Any]:
    return Paginator(rows, ROWS_ON_A_PAGE).get_page(request.GET.get("page"))
