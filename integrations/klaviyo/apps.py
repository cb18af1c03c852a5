"""Klaviyo's room: listens to clients, shows itself on client pages, sweeps in every worker."""

from django.apps import AppConfig


class KlaviyoConfig(AppConfig):
    name = "integrations.klaviyo"
    label = "klaviyo"

    def ready(self) -> None:
        from integrations.klaviyo import checks, client_pages, signals, worker  # noqa: F401
