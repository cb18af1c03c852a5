"""Paying for requests: the rate budget of a connection's operations, shared by all workers.

The numbers stand in PostgreSQL, its clock is the clock, and nobody sleeps: what can't be paid now
is refused with the seconds to wait.
"""

from collections.abc import Mapping
from datetime import datetime, timedelta

from django.db import transaction
from django.db.models.functions import Now

from integrations.klaviyo.answers import Throttled
from integrations.klaviyo.limits import backoff_s, parse_limit, rate
from integrations.klaviyo.models import Connection, RateBudget
from integrations.klaviyo.operations import OPERATIONS, Limit, Operation

REFRESH = "oauth_refresh"  # about 10 a minute per installed app (contract 1.6)
REFRESH_LIMIT = Limit(burst=5, steady=9)
FIRST_CLAIM = 8  # before the first answer, nobody knows better


@transaction.atomic
def pay(connection: Connection, operation: str, *, backfill: bool = False) -> None:
    """Take one request from the budget; raises `Throttled` where it must wait."""
    budget, now = _locked(connection, operation)
    if budget.blocked_until and budget.blocked_until > now:
        raise Throttled((budget.blocked_until - now).total_seconds())
    bucket = budget.bucket.refilled((now - budget.counted_at).total_seconds())
    if not bucket.spare(backfill=backfill):
        raise Throttled(1 / rate(bucket.limit))
    budget.bucket, budget.counted_at = bucket.taken(), max(now, budget.counted_at)
    budget.save(update_fields=["tokens", "pace", "counted_at"])


def affordable(connection: Connection, operations: tuple[Operation, ...], *, backfill: bool) -> int:
    """How many requests of each of these operations may leave now."""
    known = RateBudget.objects.filter(connection=connection, operation__in=operations)
    return min(
        (_spare(budget, backfill) for budget in known.annotate(now=Now())), default=FIRST_CLAIM
    )


def _spare(budget: RateBudget, backfill: bool) -> int:
    now: datetime = budget.now  # type: ignore[attr-defined]  # annotated
    if budget.blocked_until and budget.blocked_until > now:
        return 0
    bucket = budget.bucket.refilled((now - budget.counted_at).total_seconds())
    return bucket.spare(backfill=backfill)


@transaction.atomic
def answered(connection: Connection, operation: str, headers: Mapping[str, str]) -> None:
    """Klaviyo answered: the breaker closes, and its headers tell the true limit."""
    limit = parse_limit(headers.get("RateLimit-Limit", ""))
    known = RateBudget.objects.filter(connection=connection, operation=operation).first()
    if known is None or known.agrees_with(limit):
        return  # nearly always: no lock for no news
    budget, _ = _locked(connection, operation)
    if limit:
        budget.bucket = budget.bucket.relearned(limit)
    if budget.block == RateBudget.Block.NOT_ANSWERING:
        budget.blocked_until, budget.block = None, ""
    budget.failures, budget.failing_since = 0, None
    budget.save()


@transaction.atomic
def throttled(connection: Connection, operation: str, wait_s: float | None) -> float:
    """Klaviyo said 429: wait as long as it says, else back off. The seconds."""
    budget, now = _locked(connection, operation)
    budget.failures += 1
    wait_s = wait_s if wait_s is not None else backoff_s(budget.failures)
    budget.bucket, budget.counted_at = budget.bucket.throttled(), now
    _block(budget, now, wait_s, RateBudget.Block.THROTTLED)
    return wait_s


@transaction.atomic
def failed(connection: Connection, operation: str, *, wait_s: float | None = None) -> float:
    """No usable answer: knock again after 1, 2, 4 … 60 seconds, or as told. The seconds."""
    budget, now = _locked(connection, operation)
    if budget.blocked_until and budget.blocked_until > now:  # a neighbour's failure, counted
        return (budget.blocked_until - now).total_seconds()
    budget.failures += 1
    budget.failing_since = budget.failing_since or now
    wait_s = wait_s if wait_s is not None else backoff_s(budget.failures)
    _block(budget, now, wait_s, RateBudget.Block.NOT_ANSWERING)
    return wait_s


def _block(budget: RateBudget, now: datetime, wait_s: float, block: RateBudget.Block) -> None:
    until = now + timedelta(seconds=wait_s)
    budget.blocked_until = max(until, budget.blocked_until or until)
    budget.block = block
    budget.save()


def _locked(connection: Connection, operation: str) -> tuple[RateBudget, datetime]:
    """The budget's row, locked, and the database's time."""
    budgets = RateBudget.objects.filter(connection=connection, operation=operation)
    locked = budgets.select_for_update().annotate(now=Now())
    budget = locked.first()
    if budget is None:
        _open(connection, operation)
        budget = locked.get()
    return budget, budget.now


def _open(connection: Connection, operation: str) -> None:
    limit = REFRESH_LIMIT if operation == REFRESH else OPERATIONS[Operation(operation)].limit
    RateBudget.objects.bulk_create(
        [RateBudget.fresh(connection, operation, limit)], ignore_conflicts=True
    )
