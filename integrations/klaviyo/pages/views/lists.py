"""The lists behind the counters: needs attention, not sent, opt-outs waiting. Owners only."""

import csv
from collections.abc import Callable, Iterator
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.core.paginator import Page, Paginator
from django.db.models import QuerySet
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.http import require_POST, require_safe

from clients.csv.export import ROWS_AT_ONCE, UTF8_MARK, written
from clients.models import Client, ClientQuerySet
from integrations.klaviyo.models import ClientSync, Connection
from integrations.klaviyo.outbox import producer
from integrations.klaviyo.outbox.wakeup import wake
from integrations.klaviyo.pages import status, unreported_opt_outs
from integrations.klaviyo.pages.status import ClientStatus
from integrations.klaviyo.reasons import NEEDS_ATTENTION, UNSENT, Reason
from studios.access import StudioRequest, studio_access
from studios.models import Role

ROWS_ON_A_PAGE = 50


@studio_access(Role.OWNER)
@require_safe
def attention(request: StudioRequest) -> HttpResponse:
    """Clients a person has to act for, the opt-outs that wait for the owner among them."""
    context = {
        "status": ClientStatus.ATTENTION,
        "page": page_of(request, needing_attention(request)),
        "reasons": status.count_attention(request.studio),
        "chosen": request.GET.get("reason", ""),
    }
    return render(request, "klaviyo/attention.html", context)


@studio_access(Role.OWNER)
@require_safe
def attention_csv(request: StudioRequest) -> StreamingHttpResponse:
    def reason(client: Client) -> str:
        return client.klaviyo_sync.reason

    return as_file(request, needing_attention(request), reason, "needs-attention.csv")


def needing_attention(request: StudioRequest) -> ClientQuerySet:
    """With their rows; for the reason that was chosen, if one was."""
    everybody = Client.objects.for_studio(request.studio)
    clients = status.with_status(everybody, ClientStatus.ATTENTION, request.studio)
    reason = request.GET.get("reason", "")
    chosen = clients.filter(klaviyo_sync__reason=reason) if reason in NEEDS_ATTENTION else clients
    return chosen.select_related("klaviyo_sync").order_by("klaviyo_sync__reason", "pk")


@studio_access(Role.OWNER)
@require_safe
def not_sent(request: StudioRequest) -> HttpResponse:
    context = {
        "status": ClientStatus.NOT_SENT,
        "page": page_of(request, left_out(request)),
        "reasons": status.count_unsent(request.studio),
        "chosen": request.GET.get("reason", ""),
    }
    return render(request, "klaviyo/not_sent.html", context)


@studio_access(Role.OWNER)
@require_safe
def not_sent_csv(request: StudioRequest) -> StreamingHttpResponse:
    def reason(client: Any) -> str:
        return str(client.unsent_reason)

    return as_file(request, left_out(request), reason, "not-sent.csv")


def left_out(request: StudioRequest) -> ClientQuerySet:
    """With why; for the reason that was chosen, if one was."""
    everybody = Client.objects.for_studio(request.studio)
    clients = status.with_status(everybody, ClientStatus.NOT_SENT, request.studio)
    reason = request.GET.get("reason", "")
    chosen = status.unsent_for(clients, reason) if reason in UNSENT else clients
    return status.with_unsent_reason(chosen).by_name()


def as_file(
    request: StudioRequest, clients: ClientQuerySet, reason_of: Callable[[Client], str], name: str
) -> StreamingHttpResponse:
    """These clients, each with the reason in words, as a download."""
    studio = request.studio

    def lines() -> Iterator[str]:
        yield UTF8_MARK + written([["First name", "Last name", "Email", "Phone", "Reason"]])
        for client in clients.iterator(chunk_size=ROWS_AT_ONCE):
            client.studio = studio
            words = Reason(reason_of(client)).label
            details = [client.first_name, client.last_name, client.email, client.phone_shown]
            yield written([[*details, words]])

    return StreamingHttpResponse(
        lines(),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )


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
