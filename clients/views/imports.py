"""Importing a list: the file and its columns. From then on it is a run (`views.runs`)."""

from functools import partial
from uuid import UUID

from django.http import HttpResponse
from django.shortcuts import redirect, render
from django.views.decorators.http import require_http_methods

from clients.csv.reading import UnreadableError
from clients.imports import uploads
from clients.imports.forms import ColumnsForm, UploadForm
from clients.imports.mapping import ColumnMapping, proposed
from clients.models import Run
from clients.runs import control
from clients.views.runs import press, run_of
from studios.access import StudioRequest, studio_access
from studios.models import Role

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
    imports = Run.objects.for_studio(request.studio).filter(kind=Run.Kind.IMPORT)
    runs = imports.select_related("by")
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


def proposal_for(run: Run) -> ColumnMapping:
    """What was said before of this file, or of the studio's last one; else by its headers."""
    if run.mapping:
        return ColumnMapping.from_json(run.mapping)
    return proposed(run.reading["headers"], *control.remembered(run.studio))
