"""What a Celery worker does besides its tasks: it checks its keys and sweeps."""

from typing import Any

from celery.signals import worker_init, worker_shutting_down
from django.core.exceptions import ImproperlyConfigured

from integrations.klaviyo.checks import require_keys
from integrations.klaviyo.worker.sweeper import Sweeper

_sweepers: list[Sweeper] = []


@worker_init.connect(dispatch_uid="klaviyo: keys open what is stored")
def check_keys(**_: Any) -> None:
    """Celery logs what a receiver raises and starts all the same; from an exit it doesn't."""
    try:
        require_keys()
    except ImproperlyConfigured as error:
        raise SystemExit(str(error)) from error


@worker_init.connect(dispatch_uid="klaviyo: begin to sweep")
def begin_to_sweep(**_: Any) -> None:
    """Before Celery looks for its broker: the sweep needs none."""
    sweeper = Sweeper()
    sweeper.start()
    _sweepers.append(sweeper)


@worker_shutting_down.connect(dispatch_uid="klaviyo: stop sweeping")
def stop_sweeping(**_: Any) -> None:
    while _sweepers:
        _sweepers.pop().stop()
