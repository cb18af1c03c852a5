"""What can happen to Junocal's processes; each is over when it returns."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from dev.demo import processes
from dev.servers.child import Child
from tests.support.stack import Stack

SECOND_WORKER = [*processes.worker(), "--hostname", "second@%h"]
TERM_WITHIN_S = 60


def add_worker(stack: Stack) -> Child:
    """A second worker, as on another machine."""
    return stack.start("second worker", SECOND_WORKER)


def workers(stack: Stack) -> list[Child]:
    return [child for child in stack.children if "worker" in child.name]


def stop_worker_politely(worker: Child) -> int | None:
    """As a deploy does it; its exit code. It runs again afterwards."""
    assert worker.process is not None
    worker.ask_to_stop()
    code = worker.process.wait(TERM_WITHIN_S)
    worker.start()
    return code


def flush_valkey(stack: Stack) -> None:
    with socket.socket(socket.AF_UNIX) as sock:
        sock.connect(stack.valkey.socket)
        sock.sendall(b"FLUSHALL\r\n")
        assert sock.recv(16).startswith(b"+OK")


def kill_valkey(stack: Stack) -> None:
    """kill -9, and back empty."""
    assert stack.valkey.child is not None
    stack.valkey.child.kill()
    stack.valkey.start()


def restart_postgres(stack: Stack) -> None:
    """As `pg_ctl restart -m immediate`: nobody is asked, and recovery follows."""
    assert stack.own_postgres is not None
    child = stack.own_postgres.child
    assert child is not None
    assert child.process is not None
    child.process.send_signal(signal.SIGQUIT)
    child.process.wait(TERM_WITHIN_S)
    stack.own_postgres.start()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stopped, not dead: whoever speaks to it gets no answer and no refusal."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)
