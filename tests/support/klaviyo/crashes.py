"""Workers that die, or freeze, at a named point of their work.

One process has everything imported and forks a worker for each order: a start costs milliseconds.
It never touches the database itself, so that no two share a session.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import traceback
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from integrations import crash_points, http
from integrations.klaviyo.connection import teardown
from integrations.klaviyo.outbox import liveness, producer
from integrations.klaviyo.sync import backfill, engine
from integrations.klaviyo.worker import sweeper
from tests.support.klaviyo.processes import Process, python

TURNS_MAX = 50
CHUNK_ROWS = 2  # so that seeding and deleting take several
KILLED, FROZEN, FINISHED, FAILED = "killed", "frozen", "finished", "failed"


@contextmanager
def nursery(env: dict[str, str]) -> Iterator["Nursery"]:
    """A process that has workers on demand."""
    code = "from tests.support.klaviyo import crashes; crashes.serve()"
    with python(code, env, stdin=subprocess.PIPE) as process:
        yield Nursery(process)


@dataclass
class Nursery:
    """Each order has a worker do all there is to do; what became of it comes back."""

    process: Process

    def kill_at(self, point: str, *, skip: int = 0) -> str:
        """`KILLED` there, after it came by that many times before; else `FINISHED`."""
        return self.order(point=point, skip=skip, by=signal.SIGKILL)

    def freeze_at(self, point: str, *, skip: int = 0, deadline_s: float = http.DEADLINE_S) -> str:
        """`FROZEN` there; a request's deadline is that short for this worker."""
        return self.order(point=point, skip=skip, by=signal.SIGSTOP, deadline_s=deadline_s)

    def go_on(self) -> str:
        """The frozen worker goes on to its end."""
        return self.order()

    def order(self, **what: Any) -> str:
        assert self.process.stdin
        assert self.process.stdout
        self.process.stdin.write(json.dumps(what) + "\n")
        self.process.stdin.flush()
        said = []
        for line in self.process.stdout:
            said.append(line)
            if line.startswith("outcome: "):
                return line.removeprefix("outcome: ").strip()
        raise AssertionError(f"the nursery died:\n{''.join(said)}")


# --- In that process ------------------------------------------------------------------------------


def serve() -> None:
    frozen = 0
    for line in sys.stdin:
        if order := json.loads(line):
            pid = os.fork() or run(**order)
        else:
            pid = frozen
            os.kill(pid, signal.SIGCONT)
        outcome = wait_for(pid)
        frozen = pid if outcome == FROZEN else 0
        print("outcome:", outcome, flush=True)


def wait_for(pid: int) -> str:
    status = os.waitpid(pid, os.WUNTRACED)[1]
    if os.WIFSTOPPED(status):
        return FROZEN
    if os.WIFSIGNALED(status):
        return KILLED
    return FAILED if os.WEXITSTATUS(status) else FINISHED


def run(point: str, skip: int, by: int, deadline_s: float = http.DEADLINE_S) -> int:
    """The worker. It comes back to nobody."""
    left = skip

    def reached(here: str) -> None:
        nonlocal left
        if here == point:
            left -= 1
            if left == -1:
                # At this very thread: another one would be told while this one went on.
                signal.pthread_kill(threading.get_ident(), by)

    code = 1
    try:
        crash_points.hook = reached
        http.DEADLINE_S = deadline_s
        backfill.CHUNK_ROWS = teardown.CHUNK_ROWS = producer.RETRIED_AT_ONCE = CHUNK_ROWS
        work()
        code = 0
    finally:
        if code:
            traceback.print_exc()
        os._exit(code)


def work() -> None:
    """As the sweeper's thread: present for others to watch, and turns until nothing can be done."""
    liveness.Presence().show()
    for _ in range(TURNS_MAX):
        for connection in sweeper.with_work():
            engine.work_on(connection)
