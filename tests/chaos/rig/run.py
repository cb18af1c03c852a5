"""One run: a stack with two connected studios, desks that work, torments, calm, a verdict.

All of it is bounded, and all processes end with it.
"""

import threading
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from shutil import copy, rmtree
from tempfile import gettempdir
from typing import Protocol

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN
from tests.chaos.oracle import at_rest, latencies, on_the_way
from tests.chaos.oracle.evidence import Evidence, Row, StudioEvidence
from tests.chaos.rig import traces
from tests.chaos.rig.database import Database
from tests.chaos.rig.desk import Desk, Person
from tests.chaos.rig.imports import BulkProcess, BulkWriter, add_people, address_of
from tests.chaos.rig.ledger import Ledger
from tests.chaos.rig.machines import DEEDS, Machines
from tests.chaos.rig.owner import VERBS, Owner, StuckError
from tests.chaos.rig.schedule import ANSWERS, Event
from tests.chaos.rig.waits import Sampler
from tests.support import faults
from tests.support.member import Member
from tests.support.stack import Stack, open_stack

# Each studio with its owner, and with accounts of its own.
STUDIOS = {
    "lotus": ("olive@lotus.example", (LOTUS.id, "LoTuS9")),
    "stans-pilates": ("stan@stans-pilates.example", (STAN.id, "StAnP9")),
}
DESKS = 2  # in each studio
PEOPLE = 40  # at each desk, to begin with
QUARANTINE_S = 4  # longer than the sandbox may apply a request late
LIMITS = {"*": [500, 20_000], "get_accounts": [10, 150]}
CALM_WITHIN_S = 150.0
QUIET_S = 3.0  # nothing waits for so long: nothing comes late any more
LOOKS_EVERY_S = 0.5

# The oracle's columns; each must be 0.
COLUMNS: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "still waiting": at_rest.still_waiting,
    "missing": at_rest.missing,
    "stale": at_rest.stale,
    "another's name or phone": at_rest.anothers,
    "opted out, not suppressed": at_rest.unsuppressed,
    "suppressed, never said no": at_rest.wrongly_suppressed,
    "updated after a no": on_the_way.updated_after_a_no,
    "created after a no": on_the_way.created_after_a_no,
    "created by suppression": on_the_way.created_by_suppression,
    "duplicates": at_rest.duplicates,
    "wrong account": on_the_way.wrong_account,
    "without a phone that is free": at_rest.without_a_free_phone,
    "needs attention for nothing": at_rest.attention,
    "counters that don't add up": at_rest.counters,
    "saved, not in the database": at_rest.lost,
    "refused at the desk": on_the_way.refused_at_the_desk,
    "owner could not": on_the_way.stuck,
}
TRACES = "leftover of a connection"
# Allowed, and worth knowing.
ALLOWED: dict[str, Callable[[Evidence], Iterator[str]]] = {
    "profiles left behind": at_rest.left_behind,
    "suppressed with an old address": at_rest.suppressed_with_an_old_address,
    "created by a late suppression": on_the_way.created_by_a_late_suppression,
}


@dataclass
class Verdict:
    """What a run found, by column, and what it measured."""

    found: dict[str, list[str]]
    allowed: dict[str, int]
    edits: list[float]  # by hand
    imported: list[float]
    opt_outs: list[float]
    waits: dict[str, float]
    done: dict[str, int]
    met_a_fault: float  # the share of requests
    settled_s: float
    evidence: Evidence = field(repr=False)

    @property
    def is_clean(self) -> bool:
        return not any(self.found.values())


def run(
    seed: int,
    seconds: float,
    torments: frozenset[str],
    events: Sequence[Event],
    calm_within_s: float = CALM_WITHIN_S,
) -> Verdict:
    """So many seconds of work under these events, and what came of it once all was well again."""
    with open_stack(own_postgres=True, KLAVIYO_QUARANTINE_S=str(QUARANTINE_S)) as stack:
        verdict = Run(stack, seed, calm_within_s).verdict(seconds, torments, events)
        if not verdict.is_clean:
            keep_logs(stack, logs_of(seed))
        return verdict


def logs_of(seed: int) -> Path:
    """Where the processes' logs are kept for whoever looks for the cause."""
    return Path(gettempdir()) / f"chaos-{seed}-logs"


def keep_logs(stack: Stack, folder: Path) -> None:
    rmtree(folder, ignore_errors=True)
    folder.mkdir()
    for log in stack.folder.glob("*.log"):
        copy(log, folder)


class Works(Protocol):
    """Somebody who works until told to stop."""

    def work(self, stop: threading.Event) -> None: ...


class Run:
    """The people of one run, and what they share."""

    def __init__(self, stack: Stack, seed: int, calm_within_s: float) -> None:
        self.stack, self.seed, self.calm_within_s = stack, seed, calm_within_s
        self.ledger = Ledger()
        self.database = Database(stack)
        self.stop = threading.Event()
        self.owners = [
            Owner(self._member(slug), accounts, self.ledger)
            for slug, (_, accounts) in STUDIOS.items()
        ]
        self.machines = Machines(stack, lambda who: self.owners[who].accounts[0])
        self.sampler = Sampler(self.database, self.machines.workers_at_work)

    def verdict(self, seconds: float, torments: frozenset[str], events: Sequence[Event]) -> Verdict:
        faults.add_worker(self.stack)
        self._open_accounts()
        with BulkProcess(self.stack) as bulk:
            desks = [desk for slug in STUDIOS for desk in self._desks(bulk, slug)]
            with ThreadPoolExecutor() as pool:
                list(pool.map(Owner.join, self.owners))
            if ANSWERS in torments:
                self.machines.trouble_klaviyo(self.seed)
            bulk_writer = BulkWriter(bulk, self.ledger, list(STUDIOS), self.seed)
            with self._at_work(desks, bulk_writer, self.sampler):
                self._torment(events, seconds)
        met_a_fault = share_with_fault(self.stack.klaviyo.request_log())
        self.machines.calm()
        settled_s = self._settle()
        evidence = self._evidence(desks)
        found = {name: sorted(column(evidence)) for name, column in COLUMNS.items()}
        found[TRACES] = self._traces()
        return Verdict(
            found=found,
            allowed={name: len(list(column(evidence))) for name, column in ALLOWED.items()},
            edits=latencies.of_edits(evidence),
            imported=latencies.of_edits(evidence, imported=True),
            opt_outs=latencies.of_opt_outs(evidence),
            waits=self.sampler.seconds,
            done=self.ledger.done,
            met_a_fault=met_a_fault,
            settled_s=settled_s,
            evidence=evidence,
        )

    # --- Before -------------------------------------------------------------------------------

    def _open_accounts(self) -> None:
        for slug, (_, accounts) in STUDIOS.items():
            for account in accounts:
                self.stack.klaviyo.open_account(account, f"{slug} {account}")
        self.stack.klaviyo.configure(limits=LIMITS)

    def _desks(self, bulk: BulkProcess, slug: str) -> list[Desk]:
        desks = []
        for number in range(DESKS):
            name = f"{slug}-{number}"
            keys = [f"{name}p{place}" for place in range(PEOPLE)]
            people = self._people(bulk, slug, keys)
            member = self._member(slug)
            desks.append(Desk(name, member, people, self.ledger, self.database, self.seed))
        return desks

    def _people(self, bulk: BulkProcess, slug: str, keys: list[str]) -> list[Person]:
        assert add_people(bulk, self.ledger, slug, keys)
        key_at = {address_of(key, slug): key for key in keys}
        return [
            Person(key_at[row["email"]], row["public_id"], row["token"], row["email"])
            for row in self.database.added(list(key_at))
        ]

    def _member(self, slug: str) -> Member:
        """The owner in a browser of their own: owners may do all that a desk may."""
        email, _ = STUDIOS[slug]
        return Member(self.stack, slug).sign_in(email, self.stack.secrets.password)

    # --- Meanwhile ----------------------------------------------------------------------------

    @contextmanager
    def _at_work(self, desks: Sequence[Desk], *others: Works) -> Iterator[None]:
        """They work until the block ends; what one of them failed with is raised."""
        workers: list[Works] = [*desks, *others]
        with ThreadPoolExecutor(len(workers)) as pool:
            begun = [pool.submit(one.work, self.stop) for one in workers]
            try:
                yield
            finally:
                self.stop.set()
        for one in begun:
            one.result()

    def _torment(self, events: Sequence[Event], seconds: float) -> None:
        began = time.monotonic()
        begun = []
        with ThreadPoolExecutor() as pool:
            for who, owner in enumerate(self.owners):
                theirs = [one for one in events if one.what in VERBS and one.who == who]
                begun.append(pool.submit(owner.follow, theirs, began, self.stop))
            machines = [one for one in events if one.what in DEEDS]
            try:
                self.machines.follow(machines, began, began + seconds)
            finally:
                self.stop.set()
        for one in begun:
            one.result()

    # --- Afterwards ---------------------------------------------------------------------------

    def _settle(self) -> float:
        """Wait until nothing waits any more; how long that took."""
        began = quiet_since = time.monotonic()
        while time.monotonic() - quiet_since < QUIET_S:
            if time.monotonic() - began > self.calm_within_s:
                break
            time.sleep(LOOKS_EVERY_S)
            if any(self.database.waiting(slug) for slug in STUDIOS):
                quiet_since = time.monotonic()
        return quiet_since - began

    def _evidence(self, desks: Sequence[Desk]) -> Evidence:
        for owner in self.owners:
            if not owner.is_connected():
                owner.stuck.append(f"{owner.member.slug}: the connection ended by itself")
        journal = self.stack.klaviyo.journal()
        return Evidence(
            studios=[self._studio(owner, journal) for owner in self.owners],
            windows=[window for owner in self.owners for window in owner.windows],
            journal=journal,
            requests=self.stack.klaviyo.request_log(),
            ledger=self.ledger,
            saved={client: name for desk in desks for client, name in desk.saved.items()},
            outages=self.machines.outages,
            stuck=[what for owner in self.owners for what in owner.stuck],
        )

    def _studio(self, owner: Owner, journal: Sequence[Row]) -> StudioEvidence:
        slug, account = owner.member.slug, owner.window.account
        return StudioEvidence(
            slug=slug,
            window=owner.window,
            clients=self.database.clients(slug),
            profiles=self.stack.klaviyo.profiles(account),
            journal=[entry for entry in journal if entry["account"] == account],
            counters=owner.member.counters(),
            waiting=self.database.waiting(slug),
        )

    def _traces(self) -> list[str]:
        """Tokens in plain text now, and what is left of connections once all have ended."""
        found = list(traces.of_tokens(self.stack, self.database))
        for owner in self.owners:
            try:
                owner.leave()
            except StuckError as error:
                found.append(str(error))
        accounts = [account for _, accounts in STUDIOS.values() for account in accounts]
        found += traces.of_connections(self.stack, self.database, accounts)
        return found + list(traces.of_tokens(self.stack, self.database))


def share_with_fault(requests: Sequence[Row]) -> float:
    about_profiles = [one for one in requests if "profile" in one["operation"]]
    return sum(bool(one["fault"]) for one in about_profiles) / max(1, len(about_profiles))
