"""`/healthz`: this process answers. `/readyz`: and its database is there, with every migration."""

from django.db import DatabaseError, connection
from django.db.migrations.executor import MigrationExecutor
from django.http import HttpRequest, HttpResponse


def alive(request: HttpRequest) -> HttpResponse:
    return HttpResponse("ok\n", content_type="text/plain")


def ready(request: HttpRequest) -> HttpResponse:
    try:
        executor = MigrationExecutor(connection)
    except DatabaseError:
        return HttpResponse("the database does not answer\n", "text/plain", status=503)
    if executor.migration_plan(executor.loader.graph.leaf_nodes()):
        return HttpResponse("migrations are missing\n", "text/plain", status=503)
    return HttpResponse("ok\n", content_type="text/plain")
