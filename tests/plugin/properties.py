"""How many examples Hypothesis tries of each property, by profile."""

from typing import Any

import pytest
from hypothesis import HealthCheck, settings

# Machines may be slow and busy; and examples that share what a fixture made clean up themselves.
EVERYWHERE: dict[str, Any] = {
    "deadline": None,
    "suppress_health_check": [HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
}

settings.register_profile("default", max_examples=60, **EVERYWHERE)
settings.register_profile("fast", max_examples=8, **EVERYWHERE)
settings.register_profile("thorough", max_examples=1000, **EVERYWHERE)


@pytest.hookimpl(trylast=True)
def pytest_configure(config: pytest.Config) -> None:
    """Unless another is asked for by name."""
    if not config.getoption("--hypothesis-profile"):
        settings.load_profile("fast" if config.getoption("fast") else "default")
