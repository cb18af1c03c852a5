"""Every address Junocal answers; each app names its own."""

from django.contrib import admin
from django.urls import include, path

from junocal.ops import failure, health, metrics

handler500 = failure.server_error

urlpatterns = [
    path("", include("studios.urls")),
    path("", include("clients.urls")),
    path("", include("integrations.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.alive),
    path("readyz", health.ready),
    path("metrics", metrics.metrics),
]
