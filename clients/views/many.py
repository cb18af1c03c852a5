"""Many at once: clients that somebody selected in the list, or all that it shows."""

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpResponse, HttpResponseBase, QueryDict
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clients.listing.asked import as_uuid, posted_place
from clients.listing.page import Listing
from clients.models import ClientQuerySet, Run
from clients.runs import batches, selection
from clients.runs.counting import Counts
from clients.views.export import as_file
from studios.access import StudioRequest, studio_access
from studios.models import Role

NAMED = 10  # more are a number
EXPORT = "export"
KINDS = {"opt_out": Run.Kind.OPT_OUT, "delete": Run.Kind.DELETION, "send_again": Run.Kind.SENDING}
OWNERS = {Run.Kind.DELETION, Run.Kind.SENDING}


@studio_access(Role.FRONT_DESK)
@require_http_methods(["GET", "HEAD", "POST"])
def ask(request: StudioRequest) -> HttpResponseBase:
    """Ask whether that is meant; do it when it was. Who just comes here has to select first."""
    if request.method != "POST":
        return redirect("clients:list", request.studio.slug)
    clients = clients_of(request)
    verb = request.POST.get("do", "")
    if verb == EXPORT:
        return as_file(clients, request)
    kind = KINDS.get(verb)
    number = clients.count()
    if kind is None or not number:
        messages.warning(request, "Select some clients first.")
        return redirect(posted_place(request).url(request.studio))
    if kind in OWNERS and not request.membership.is_owner:
        raise PermissionDenied
    if "confirmed" not in request.POST:
        names = [client.name for client in clients] if number <= NAMED else []
        context = {"kind": kind, "number": number, "names": names, "place": posted_place(request)}
        return render(request, "clients/many.html", context)
    return begin(request, kind, clients)


def begin(request: StudioRequest, kind: Run.Kind, clients: ClientQuerySet) -> HttpResponse:
    run = selection.start(request.studio, kind, clients, by=request.user)
    if run.is_mass:
        return redirect(run)
    for _ in batches.work(run):
        pass
    run.refresh_from_db()
    if not run.can_be_undone:  # else the list says so, beside the way back
        messages.success(request, Counts.kept_by(run).said_of(Run.Kind(run.kind)))
    return redirect(posted_place(request).url(request.studio))


def clients_of(request: StudioRequest) -> ClientQuerySet:
    if "all" in request.POST:
        return Listing(QueryDict(posted_place(request).query), request.membership).narrowed()
    ids = [found for text in request.POST.getlist("client") if (found := as_uuid(text))]
    return selection.chosen(request.studio, ids).by_name()
