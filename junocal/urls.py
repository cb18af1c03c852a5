"""Every address Junocal answers; each room names its own."""

from django.contrib import admin
from django.urls import include, path

from junocal import health

urlpatterns = [
    path("", include("studios.urls")),
    path("", include("clients.urls")),
    path("", include("integrations.klaviyo.urls")),
    path("accounts/", include("allauth.urls")),
    path("admin/", admin.site.urls),
    path("healthz", health.alive),
    path("readyz", health.ready),
]
