"""What Settings → Integrations lists: each integration registers itself when Django starts.

Nothing here knows a provider by name. One more is a room of its own, an app in the settings, and a
call of `register` when it is ready.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from studios.models import Studio


@dataclass(frozen=True)
class Panel:
    """A part of a page: a template, and what it expects besides the page's own context."""

    template: str
    context: Mapping[str, Any]


class Integration(Protocol):
    name: str  # as people call the service
    urlconf: str  # the module with its addresses
    help_url: str  # the name of its help page's address

    def card(self, studio: Studio) -> Panel:
        """What the Integrations page shows of it."""

    def banner(self, studio: Studio) -> Panel | None:
        """What stands on every Settings page while an owner has to act; mostly nothing."""

    def require_ready(self) -> None:
        """Raise `ImproperlyConfigured` if it can't serve as it is set up; before anything does."""


_registered: list[Integration] = []


def register(integration: Integration) -> None:
    _registered.append(integration)


def registered() -> Sequence[Integration]:
    return tuple(_registered)
