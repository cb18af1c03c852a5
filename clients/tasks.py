"""What workers do for clients."""

from typing import Any

from celery import shared_task

from clients import welcomes


@shared_task
def send_welcomes(**_: Any) -> None:
    welcomes.send_due()
