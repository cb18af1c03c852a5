"""Settings and wiring of Junocal; no behaviour lives here."""

from junocal.celery import app as celery_app

__version__ = "0.3.0"  # the one place; CHANGELOG.md says what is in it

__all__ = ["__version__", "celery_app"]
