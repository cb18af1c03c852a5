"""Lotus Yoga with its desk, two workers and a Klaviyo in memory, begun anew for each example."""

import sys
import threading
from collections.abc import Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from itertools import chain
from random import Random

import pytest
from django.apps import apps
from django.conf import settings
from django.db import connection as database

from integrations import backoff, http
from integrations.klaviyo.api import access_tokens, client
from integrations.klaviyo.api.breaker import breakers
from integrations.klaviyo.api.health import health
from integrations.klaviyo.models import Connection
from integrations.klaviyo.outbox import wakeup
from integrations.klaviyo.sync import engine
from studios.models import Studio, User
from tests.support.klaviyo.model.clock import stopped_clock
from tests.support.klaviyo.model.door import Door, Killed
from tests.support.klaviyo.model.klaviyo import InMemoryKlaviyo
from tests.support.klaviyo.model.quiet import wait_for_quiet
from tests.support.klaviyo.scene import Scene

WORKERS = 2
QUARANTINE_S = 60
TURN_S = 60.0  # as long as it has work


class Chance(Random):
    """Of what the sync leaves to it: the least or the most, so that what hangs on it happens."""

    def uniform(self, a: float, b: float) -> float:
        return self.choice((a, b))


class World:
    """`scene` for the desk, `door` for what is on the wire, `start` for a worker's turn."""

    def __init__(self, studio: Studio, owner: User) -> None:
        self.studio = studio
        self.klaviyo = InMemoryKlaviyo()
        self.scene = Scene(self.klaviyo, studio, owner)
        self.door = Door(self.klaviyo)
        self.chance = Chance()
        self._known = {*sys._current_frames()}  # execnet's too, which `threading` doesn't know
        self._pool = ThreadPoolExecutor(WORKERS, thread_name_prefix="worker")
        self._turns: dict[int, Future[object]] = {}

    def begin_anew(self) -> None:
        """Nobody is a client, and nothing is connected."""
        self.klaviyo.reset()
        self.door.late.clear()
        self.door.carried_out_late.clear()
        access_tokens.memory = access_tokens.Memory()
        breakers.forget()
        health.is_down = False
        models = [apps.get_app_config(label).get_models() for label in ("clients", "klaviyo")]
        tables = ", ".join(model._meta.db_table for model in chain(*models))
        with database.cursor() as cursor:  # rows stand in the order in which they come, each time
            cursor.execute(f"TRUNCATE {tables} RESTART IDENTITY")

    def connection(self) -> Connection | None:
        return Connection.objects.for_studio(self.studio).first()

    # Workers

    @property
    def idle(self) -> list[int]:
        return [number for number in range(WORKERS) if number not in self._turns]

    def start(self, number: int, connection: Connection) -> None:
        """A worker begins a turn; back when it waits for an answer, or has ended."""
        self._turns[number] = self._pool.submit(turn, connection)
        self.settle()

    def settle(self) -> None:
        """Until each worker waits for an answer or has ended its turn; what broke one is raised."""
        wait_for_quiet(but={*self._known, threading.get_ident()})
        for number, work in list(self._turns.items()):
            if work.done():
                del self._turns[number]
                work.result()

    def end(self) -> None:
        """Whoever still works is killed."""
        while self._turns:
            self.door.kill()
            self.settle()

    def close(self) -> None:
        self._pool.shutdown()


def turn(connection: Connection) -> None:
    try:
        engine.work_on(connection)
    except Killed:
        pass
    finally:
        database.close()


@contextmanager
def model_world(studio: Studio, owner: User) -> Iterator[World]:
    with stopped_clock(), pytest.MonkeyPatch.context() as patched:
        world = World(studio, owner)
        patched.setattr(http, "send", world.door.send)
        senders = ThreadPoolExecutor(client.SENDERS, thread_name_prefix="sender")
        patched.setattr(client, "senders", senders)  # whose threads all are this world's
        patched.setattr(wakeup._notifier, "notify", lambda studio_id: None)
        patched.setattr(engine, "TURN_S", TURN_S)
        patched.setattr(backoff, "random", world.chance)
        patched.setattr(settings, "KLAVIYO_QUARANTINE_S", QUARANTINE_S)
        yield world
        world.close()
        senders.shutdown()
