"""Celery tasks about clients."""

from typing import Any

from celery import shared_task

from clients.emails import welcomes
from clients.models import Client
from clients.runs import runner


@shared_task
def send_welcomes(**_: Any) -> None:
    welcomes.send_due()


@shared_task
def refold(**_: Any) -> None:
    """Clients whose names were written past `clients.models.folding`."""
    while Client.objects.refold():
        pass


@shared_task
def work_on_runs(**_: Any) -> None:
    runner.run_all()


@shared_task
def tidy_runs(**_: Any) -> None:
    runner.purge_expired()
