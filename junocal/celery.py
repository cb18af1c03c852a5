"""The Celery application: what `celery -A junocal worker` runs."""

import os
from typing import Any

from celery import Celery
from celery.signals import celeryd_init, setup_logging
from django.conf import settings
from django.utils.log import configure_logging

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")

app = Celery("junocal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()


@setup_logging.connect(dispatch_uid="junocal: logs as everywhere")
def log_as_everywhere(**_: Any) -> None:
    """With a receiver here Celery sets no level and no handler of its own."""
    configure_logging(settings.LOGGING_CONFIG, settings.LOGGING)


@celeryd_init.connect(dispatch_uid="junocal: no banner")
def show_no_banner(*, instance: Any, **_: Any) -> None:
    """Its drawing is no log line."""
    instance.quiet = True
