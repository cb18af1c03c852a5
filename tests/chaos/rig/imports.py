"""The rig's hand on the process that writes in bulk, and a writer who uses it all the time."""

import json
import subprocess
import sys
import threading
import time
from random import Random
from types import TracebackType
from typing import Any, Self

from tests.chaos.rig.ledger import Edit, Ledger, name_of
from tests.support.stack import Stack

BETWEEN_S = (2.0, 5.0)
EVERY = 25  # one client in so many is renamed at once
IMPORT_EACH = 15  # orders
IMPORTED = 200
ENDS_WITHIN_S = 10


class BulkProcess:
    """`with BulkProcess(stack) as bulk: bulk.order("rename", ...)`; one order at a time."""

    def __init__(self, stack: Stack) -> None:
        self.stack = stack
        self._lock = threading.Lock()

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.chaos.rig.bulk"],
            env=self.stack.environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.DEVNULL,
            text=True,
        )
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._process.kill()
        self._process.communicate(timeout=ENDS_WITHIN_S)

    def order(self, what: str, studio: str, **details: Any) -> bool:
        """False where the database was away meanwhile; part of it may have been done."""
        line = json.dumps({"what": what, "studio": studio, **details})
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.stdin.write(line + "\n")
            self._process.stdin.flush()
            answer = self._process.stdout.readline()
        assert answer, "the bulk process ended"
        return bool(json.loads(answer)["done"])


def add_people(bulk: BulkProcess, ledger: Ledger, slug: str, keys: list[str]) -> bool:
    """Import people of these keys, who have agreed. True if all of them surely are there."""
    now = time.time()
    edits = [ledger.name(key, now) for key in keys]
    for edit in edits:
        edit.address, edit.is_imported = address_of(edit.key, slug), True
        ledger.may_stand_at(edit.key, edit.address)
        ledger.may_agree(edit.key, now)
    if not bulk.order("add", slug, people=[details_of(edit) for edit in edits]):
        return False
    for edit in edits:
        edit.saved_at = time.time()
    return True


def details_of(edit: Edit) -> dict[str, str]:
    return {
        "first_name": name_of(edit),
        "last_name": "New",
        "email": edit.address,
        "phone": "",
    }


def address_of(key: str, slug: str) -> str:
    """Whose address is in which studio can be seen from it."""
    return f"{key}@{slug}.chaos.example"


class BulkWriter:
    """Renames many clients of one studio and then of the other, and imports some hundred."""

    def __init__(self, bulk: BulkProcess, ledger: Ledger, slugs: list[str], seed: int) -> None:
        self.bulk, self.ledger, self.slugs = bulk, ledger, slugs
        self.chance = Random(f"bulk {seed}")

    def work(self, stop: threading.Event) -> None:
        number = 0
        while not stop.wait(self.chance.uniform(*BETWEEN_S)):
            number += 1
            slug = self.slugs[number % len(self.slugs)]
            if number % IMPORT_EACH == 0:
                self._import(slug, number)
            else:
                self._rename(slug, number)

    def _rename(self, slug: str, number: int) -> None:
        first = self.chance.randrange(EVERY)
        self.bulk.order("rename", slug, first=first, every=EVERY, last_name=f"Bulk {number}")
        self.ledger.count("bulk rename")

    def _import(self, slug: str, number: int) -> None:
        keys = [f"import{number}n{place}" for place in range(IMPORTED)]
        add_people(self.bulk, self.ledger, slug, keys)
        self.ledger.count("import")
