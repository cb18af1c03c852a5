"""Settings and wiring of Junocal; no behaviour lives here."""

from junocal.celery import app as celery_app

__all__ = ["celery_app"]
