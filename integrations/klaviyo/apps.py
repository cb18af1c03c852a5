"""Klaviyo's room: listens to clients, shows itself on client pages and to operators, sweeps in
every worker."""

from django.apps import AppConfig


class KlaviyoConfig(AppConfig):
    name = "integrations.klaviyo"
    label = "klaviyo"

    def ready(self) -> None:
        from integrations.klaviyo import checks, signals  # noqa: F401
        from integrations.klaviyo.ops import metrics, readiness  # noqa: F401
        from integrations.klaviyo.pages import client_pages, integration  # noqa: F401
        from integrations.klaviyo.worker import lifespan  # noqa: F401
