"""What can happen to Junocal's processes, and to what Klaviyo answers; each is over when it
returns, but for what says that it goes on."""

import os
import signal
import socket
from collections.abc import Iterator
from contextlib import contextmanager, suppress

from junocal.demo import processes
from junocal.embedded.child import Child
from tests.busy import LATE
from tests.house import House

SECOND_WORKER = [*processes.worker(), "--hostname", "second@%h"]
TERM_WITHIN_S = 60
LATE_S = 3  # less than the quarantine of whoever uses this


def add_worker(house: House) -> Child:
    """A second worker, as on another machine."""
    return house.start("second worker", SECOND_WORKER)


def workers(house: House) -> list[Child]:
    return [child for child in house.children if "worker" in child.name]


def kill_workers(house: House) -> None:
    """kill -9 all of them, and start them again."""
    for worker in workers(house):
        worker.kill()
    for worker in workers(house):
        worker.start()


def stop_worker_politely(worker: Child) -> int | None:
    """As a deploy does it; its exit code. It runs again afterwards."""
    assert worker.process is not None
    worker.ask_to_stop()
    code = worker.process.wait(TERM_WITHIN_S)
    worker.start()
    return code


def flush_valkey(house: House) -> None:
    with socket.socket(socket.AF_UNIX) as door:
        door.connect(house.valkey.socket)
        door.sendall(b"FLUSHALL\r\n")
        assert door.recv(16).startswith(b"+OK")


def kill_valkey(house: House) -> None:
    """kill -9, and back empty."""
    assert house.valkey.child is not None
    house.valkey.child.kill()
    house.valkey.start()


def restart_postgres(house: House) -> None:
    """As `pg_ctl restart -m immediate`: nobody is asked, and recovery follows."""
    assert house.own_postgres is not None
    child = house.own_postgres.child
    assert child is not None
    assert child.process is not None
    child.process.send_signal(signal.SIGQUIT)
    child.process.wait(TERM_WITHIN_S)
    house.own_postgres.start()


@contextmanager
def frozen(pid: int) -> Iterator[None]:
    """Stopped, not dead: whoever speaks to it gets no answer and no refusal."""
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        with suppress(ProcessLookupError):
            os.kill(pid, signal.SIGCONT)


def trouble_klaviyo(house: House) -> None:
    """From here on Klaviyo answers badly now and then, and applies some updates late."""
    house.klaviyo.fault("500", operation="*_profile*", probability=0.03)
    house.klaviyo.fault("429", operation="*_profile*", probability=0.02, retry_after="1")
    house.klaviyo.fault("reset_after", operation="*_profile*", probability=0.03)
    late = {"operation": "update_profile", "containing": LATE}
    house.klaviyo.fault("reset_then_apply", probability=0.3, seconds=LATE_S, **late)
    house.klaviyo.fault("hang_then_apply", times=1, seconds=9, **late)
