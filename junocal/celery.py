"""The Celery application: what `celery -A junocal worker` and `celery -A junocal beat` run."""

import os

from celery import Celery

os.environ.setdefault("DJANGO_SETTINGS_MODULE", "junocal.settings")

app = Celery("junocal")
app.config_from_object("django.conf:settings", namespace="CELERY")
app.autodiscover_tasks()
