"""What is done to processes, and to what Klaviyo answers, at each event of the schedule."""

import os
import signal
import time
from collections.abc import Callable, Sequence
from contextlib import suppress

from dev.demo.stack import answers
from tests.chaos.oracle.evidence import Outage
from tests.chaos.rig.schedule import Event
from tests.support import faults
from tests.support.stack import Stack, eventually

VALKEY_FROZEN_S = 3.0
DARK_S = 6.0
STARTING_S = 3.0  # a worker, from its start to its first look
WARMING_UP_S = 8.0  # until every connection of the web's pool was renewed
LATE_S = 3.0  # less than the quarantine of the stack
PROFILES = "*_profile*"  # all operations but the account's
# Of a hundred requests so many are answered badly, about twelve together.
BAD_ANSWERS: dict[str, tuple[float, dict[str, object]]] = {
    "429": (2.0, {"retry_after": "1"}),
    "500": (1.5, {}),
    "503": (1.5, {}),
    "reset_before": (2.5, {}),
    "reset_after": (2.5, {}),
    "reset_then_apply": (1.0, {"seconds": LATE_S}),
    "challenge": (1.0, {}),
}


class Machines:
    """A hand on each process of a stack."""

    def __init__(self, stack: Stack, accounts_of: Callable[[int], str]) -> None:
        self.stack, self.accounts_of = stack, accounts_of
        self.outages: list[Outage] = []
        self.frozen: set[int] = set()
        self.started_at: dict[int, float] = {}

    def follow(self, events: Sequence[Event], began: float, until: float) -> None:
        """Do each of these when it is time, or at once if it is late; return at `until`."""
        for event in events:
            time.sleep(max(0.0, began + event.at - time.monotonic()))
            DEEDS[event.what](self, event.who)
        time.sleep(max(0.0, until - time.monotonic()))

    def trouble_klaviyo(self, seed: int) -> None:
        for number, (fault, (percent, details)) in enumerate(BAD_ANSWERS.items()):
            wanted = {"probability": percent / 100, "seed": seed * 100 + number, **details}
            self.stack.klaviyo.fault(fault, operation=PROFILES, **wanted)

    def calm(self) -> None:
        """All is well again: everything runs, and Klaviyo answers."""
        for who in range(len(faults.workers(self.stack))):
            self.thaw(who)
        self.stack.klaviyo.clear_faults()

    def workers_at_work(self) -> int:
        """Workers that have started, and are not frozen."""
        now = time.monotonic()
        return sum(
            who not in self.frozen and now - self.started_at.get(who, 0.0) > STARTING_S
            for who in range(len(faults.workers(self.stack)))
        )

    # --- What is done -------------------------------------------------------------------------

    def kill(self, who: int) -> None:
        worker = faults.workers(self.stack)[who]
        worker.kill()
        worker.start()
        self.started_at[who] = time.monotonic()

    def freeze(self, who: int) -> None:
        self.frozen.add(who)
        os.kill(faults.workers(self.stack)[who].pid, signal.SIGSTOP)

    def thaw(self, who: int) -> None:
        self.frozen.discard(who)
        with suppress(ProcessLookupError):
            os.kill(faults.workers(self.stack)[who].pid, signal.SIGCONT)

    def flush(self, who: int) -> None:
        faults.flush_valkey(self.stack)

    def valkey(self, who: int) -> None:
        """Frozen for a while, or killed and back empty."""
        if who:
            faults.kill_valkey(self.stack)
        else:
            with faults.frozen(self.stack.valkey.pid):
                time.sleep(VALKEY_FROZEN_S)

    def dark(self, who: int) -> None:
        """A worker starts while Valkey is away."""
        assert self.stack.valkey.child is not None
        self.stack.valkey.child.kill()
        self.kill(who)
        time.sleep(DARK_S)
        self.stack.valkey.start()

    def postgres(self, who: int) -> None:
        begin = time.time()
        faults.restart_postgres(self.stack)
        self._was_out_since(begin)

    def web(self, who: int) -> None:
        begin = time.time()
        web = self.stack.process("web")
        web.kill()
        web.start()
        eventually(lambda: answers(self.stack.at.web_port, "/healthz"))
        self._was_out_since(begin)

    def answer_401(self, who: int) -> None:
        """Once, on a token that is good."""
        account = self.accounts_of(who)
        self.stack.klaviyo.fault("401", operation=PROFILES, account=account, times=1)

    def _was_out_since(self, begin: float) -> None:
        self.outages.append(Outage(begin, time.time() + WARMING_UP_S))


DEEDS: dict[str, Callable[[Machines, int], None]] = {
    "kill": Machines.kill,
    "freeze": Machines.freeze,
    "thaw": Machines.thaw,
    "flush": Machines.flush,
    "valkey": Machines.valkey,
    "dark": Machines.dark,
    "postgres": Machines.postgres,
    "web": Machines.web,
    "401": Machines.answer_401,
}
