"""`/metrics`: numbers for Prometheus, read from PostgreSQL when it asks.

No process counts for itself here: whichever of them answers, the numbers are those of all. Apps
register what they have to tell.
"""

from collections.abc import Callable, Iterable, Iterator

from django.conf import settings
from django.db import DatabaseError, connection, transaction
from django.http import Http404, HttpRequest, HttpResponse
from django.utils.crypto import constant_time_compare
from prometheus_client import Metric, generate_latest
from prometheus_client.core import InfoMetricFamily
from prometheus_client.exposition import CONTENT_TYPE_PLAIN_0_0_4 as TEXT

from junocal import __version__

Source = Callable[[], Iterable[Metric]]

PATIENCE_MS = 5000  # for one statement: looking must never weigh on the work

_sources: list[Source] = []


def register(source: Source) -> Source:
    _sources.append(source)
    return source


def metrics(request: HttpRequest) -> HttpResponse:
    if not settings.METRICS_TOKEN:
        raise Http404
    if not is_allowed(request.headers.get("Authorization", "")):
        headers = {"WWW-Authenticate": "Bearer"}
        return HttpResponse("the token is wrong\n", "text/plain", status=401, headers=headers)
    try:
        body = generate_latest(Everything())
    except DatabaseError:
        return HttpResponse("the database does not answer\n", "text/plain", status=503)
    return HttpResponse(body, content_type=TEXT, headers={"Cache-Control": "no-store"})


def is_allowed(authorization: str) -> bool:
    kind, _, token = authorization.partition(" ")
    return kind.lower() == "bearer" and constant_time_compare(token, settings.METRICS_TOKEN)


class Everything:
    """All that is registered."""

    def collect(self) -> Iterator[Metric]:
        yield InfoMetricFamily("junocal", "What is running.", {"version": __version__})
        with transaction.atomic(), connection.cursor() as cursor:
            cursor.execute("SELECT set_config('statement_timeout', %s, true)", [str(PATIENCE_MS)])
            for source in _sources:
                yield from source()
