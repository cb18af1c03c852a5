"""Importing a list: the file, its columns, what will happen, how far it is, what it did."""

from collections.abc import Callable
from functools import partial
from uuid import UUID

from django.contrib import messages
from django.http import HttpResponse, StreamingHttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_http_methods, require_POST, require_safe

from clients import extensions
from clients.csv.reading import UnreadableError
from clients.imports import control, report, uploads
from clients.imports.counting import Counts
from clients.imports.forms import ColumnsForm, UploadForm
from clients.imports.mapping import ColumnMapping, proposed
from clients.models import ImportRow, ImportRun
from studios.access import StudioRequest, studio_access
from studios.models import Role

State = ImportRun.State
ROWS_SHOWN = 12
RUNS_SHOWN = 10


@studio_access(Role.FRONT_DESK)
@require_http_methods(["GET", "HEAD", "POST"])
def upload(request: StudioRequest) -> HttpResponse:
    form = UploadForm(request.POST or None, request.FILES or None)
    if request.method == "POST" and form.is_valid():
        try:
            run = uploads.keep(request.studio, form.cleaned_data["file"], by=request.user)
        except UnreadableError as error:
            form.add_error("file", str(error))
        else:
            return redirect("clients:import_columns", request.studio.slug, run.public_id)
    runs = ImportRun.objects.for_studio(request.studio).select_related("by")
    context = {"form": form, "runs": runs.order_by("-created_at")[:RUNS_SHOWN]}
    return render(request, "clients/imports/upload.html", context)


@studio_access(Role.FRONT_DESK)
@require_http_methods(["GET", "HEAD", "POST"])
def columns(request: StudioRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    if not run.is_open:
        return redirect(run)
    names = run.reading["headers"]
    form = ColumnsForm(
        request.POST if request.method == "POST" else None,
        names=names,
        sample=uploads.sample_of(run),
        proposal=proposal_for(run),
    )
    if request.method == "POST" and form.is_valid() and form.is_answered:
        return press(request, run, partial(control.map_columns, mapping=form.mapping))
    return render(request, "clients/imports/columns.html", {"run": run, "form": form})


def proposal_for(run: ImportRun) -> ColumnMapping:
    """What was said before of this file, or of the studio's last one; else by its headers."""
    if run.mapping:
        return ColumnMapping.from_json(run.mapping)
    return proposed(run.reading["headers"], *control.remembered(run.studio))


@studio_access(Role.FRONT_DESK)
@require_safe
def show(request: StudioRequest, run_id: UUID) -> HttpResponse:
    run = run_of(request, run_id)
    if run.state == State.UPLOADED:
        return redirect("clients:import_columns", request.studio.slug, run.public_id)
    if request.htmx:
        if request.GET.get("state") != run.state:
            return HttpResponse(headers={"HX-Refresh": "true"})
        return render(request, "clients/imports/_progress.html", {"run": run})
    counts = Counts.kept_by(run) if run.counts else None
    services = [
        service.label for service in extensions.registered() if service.notice(request.membership)
    ]
    context = {"run": run, "counts": counts, "services": services, "rows": first_rows(run)}
    return render(request, "clients/imports/run.html", context)


def first_rows(run: ImportRun) -> list[tuple[ImportRow, str]]:
    """The first rows of a list that is checked, each with why it is refused, if it is."""
    if run.state != State.CHECKED:
        return []
    rows = run.rows.select_related("run__studio").order_by("line")[:ROWS_SHOWN]
    return [(row, report.reason(row) if row.reason else "") for row in rows]


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
    return press(request, run_of(request, run_id), control.undo)


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


def press(
    request: StudioRequest, run: ImportRun, button: Callable[[ImportRun], None]
) -> HttpResponse:
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
        headers={"Content-Disposition": 'attachment; filename="refused-rows.csv"'},
    )


def run_of(request: StudioRequest, run_id: UUID) -> ImportRun:
    runs = ImportRun.objects.for_studio(request.studio).select_related("studio", "by")
    return get_object_or_404(runs, public_id=run_id)
