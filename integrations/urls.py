"""Settings → Integrations, and the addresses of every integration that registered itself."""

from django.urls import include, path

from integrations import views
from integrations.registry import registered

settings_urls = ([path("", views.settings_page, name="settings")], "integrations")

urlpatterns = [
    path("s/<slug:slug>/settings/integrations/", include(settings_urls)),
    *[path("", include(integration.urlconf)) for integration in registered()],
]
