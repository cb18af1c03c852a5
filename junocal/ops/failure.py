"""What people see when something broke on our side: with it, the id that finds its log lines."""

from django.http import HttpRequest, HttpResponse, HttpResponseServerError
from django.template.loader import get_template

from junocal.ops import request_id


def server_error(request: HttpRequest) -> HttpResponse:
    """No request goes into the page: with it, sessions and the database would."""
    page = get_template("500.html").render({"request_id": request_id.current()})
    return HttpResponseServerError(page)
