"""What tests run with instead of Django's and Junocal's own."""

import pytest


@pytest.hookimpl(trylast=True)
def pytest_configure() -> None:
    """Pages name static files as they are: nothing was collected."""
    from django.conf import settings  # noqa: PLC0415 (needs the environment that servers.py makes)

    settings.STORAGES["staticfiles"] = {
        "BACKEND": "django.contrib.staticfiles.storage.StaticFilesStorage"
    }
    settings.MIDDLEWARE.remove("whitenoise.middleware.WhiteNoiseMiddleware")
    # The real one is slow on purpose.
    settings.PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
