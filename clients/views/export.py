"""The list as a file: those clients whom its search and filters show."""

from django.http import StreamingHttpResponse
from django.utils import timezone
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe

from clients.csv import export as csv_export
from clients.listing.page import Listing
from clients.models import ClientQuerySet
from studios.access import StudioRequest, studio_access
from studios.models import Role


@studio_access(Role.FRONT_DESK)
@never_cache
@require_safe
def export(request: StudioRequest) -> StreamingHttpResponse:
    return as_file(Listing(request.GET, request.membership).narrowed(), request)


def as_file(clients: ClientQuerySet, request: StudioRequest) -> StreamingHttpResponse:
    """These clients, in their order, as a download."""
    name = f"{request.studio.slug}-clients-{timezone.localdate()}.csv"
    return StreamingHttpResponse(
        csv_export.lines(clients, request.membership),
        content_type="text/csv; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{name}"'},
    )
