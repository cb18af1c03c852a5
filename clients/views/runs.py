"""A run: what it will do, how far it is, what it did, and its buttons."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils.http import content_disposition_header
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe

from clients import extensions
from clients.imports import preview, report
from clients.listing.asked import posted_place
from clients.models import Run
from clients.runs import control, undoing
from clients.runs.counting import Counts
from studios.access import StudioRequest, studio_access
from studios.models import Role

State = Run.State


@studio_access(Role.FRONT_DESK)
@require_safe
def show(request: StudioRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    if run.state == State.UPLOADED:
        return redirect("clients:import_columns", request.studio.slug, run.public_id)
    if request.htmx:
        if request.GET.get("state") != run.state:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "clients/runs/_progress.html", {"run": run})
    counts = Counts.kept_by(run) if run.counts else None
    services = [one.label for one in extensions.seen_by(request.membership) if one.notice]
    context = {
        "run": run,
        "counts": counts,
        "said": counts.said_of(Run.Kind(run.kind)) if counts else "",
        "services": services,
        "preview": preview.of(run) if run.state == State.CHECKED else None,
    }
    return render(request, "clients/runs/run.html", context)


@studio_access(Role.FRONT_DESK)
@require_POST
def start(request: StudioRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    is_owner = request.membership.may(Role.OWNER)
    said = request.POST.get("confirmed", "") if is_owner else ""
    return press(request, run, partial(control.start, owner_says=said))


@studio_access(Role.FRONT_DESK)
@require_POST
def undo(request: StudioRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    answer = press(request, run, control.undo)
    if run.is_mass:
        return answer
    run.refresh_from_db()
    for _ in undoing.undo(run):
        pass
    run.refresh_from_db()
    if run.is_import or run.state != State.UNDONE:
        return answer
    messages.success(request, said_of_undo(run))
    return redirect(posted_place(request).url(request.studio))


def said_of_undo(run: Run) -> str:
    kept = Counts.kept_by(run).kept
    if kept == run.total_rows:
        return "Nothing was taken back: it was edited since, or another client has the address now."
    if kept:
        return f"Taken back, but for {kept}: edited since, or another client has their address now."
    return "Taken back."


@studio_access(Role.FRONT_DESK)
@require_POST
def send_now(request: StudioRequest, run_id: UUID) -> HttpResponse:
    return press(request, run_of(request, run_id), control.send_now)


@studio_access(Role.FRONT_DESK)
@require_POST
def discard(request: StudioRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    try:
        control.discard(run)
    except control.NotNowError as error:
        messages.warning(request, str(error))
        return redirect(run)
    messages.success(request, f"{run.file_name} is discarded. No client was changed.")
    return redirect("clients:import", request.studio.slug)


def press(request: StudioRequest, run: Run, button: Callable[[Run], None]) -> HttpResponse:
    """Do what the button says, or say why that can't be now; then show the run as it is."""
    try:
        button(run)
    except control.NotNowError as error:
        messages.warning(request, str(error))
    return redirect(run)


@studio_access(Role.FRONT_DESK)
@never_cache
@require_safe
def refused(request: StudioRequest, run_id: UUID) -> StreamingHttpResponse:
    run = run_of(request, run_id)
    return StreamingHttpResponse(
        report.lines(run),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": content_disposition_header(True, report.file_name(run)) or ""
        },
    )


def run_of(request: StudioRequest, run_id: UUID) -> Run:
    runs = Run.objects.for_studio(request.studio).select_related("studio", "by")
    return get_object_or_404(runs, public_id=run_id)
