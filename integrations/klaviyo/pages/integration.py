"""Klaviyo as one of the integrations: its card, its banner, its addresses."""

from integrations.klaviyo.checks import require_keys
from integrations.klaviyo.models import Connection, EndedConnection
from integrations.klaviyo.pages.card import Card
from integrations.registry import Panel, register
from studios.models import Studio


class KlaviyoIntegration:
    name = "Klaviyo"
    urlconf = "integrations.klaviyo.urls"
    help_url = "klaviyo:help"

    def card(self, studio: Studio) -> Panel:
        return Panel("klaviyo/_card.html", {"card": Card(studio)})

    def banner(self, studio: Studio) -> Panel | None:
        """While a reconnect is required."""
        ended = EndedConnection.objects.for_studio(studio).first()
        if ended is None or not ended.asks_to_reconnect:
            return None
        if Connection.objects.for_studio(studio).exists():
            return None
        return Panel("klaviyo/_reconnect_banner.html", {})

    def require_ready(self) -> None:
        require_keys()


register(KlaviyoIntegration())
