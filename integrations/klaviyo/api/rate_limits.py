"""How many requests a connection's operations may still send, shared by all workers.

What each operation may send at first stands in `contract.OPERATIONS`; Klaviyo's headers correct it.
What is left of it stands in PostgreSQL, whose clock is the clock, and nobody sleeps: what can't
leave now is refused with the seconds to wait. `allowances` spends it in batches.
"""

from collections.abc import Iterable
from datetime import datetime, timedelta

from django.db import connection as database
from django.db import transaction
from django.db.models.functions import Now

from integrations.backoff import backoff_s
from integrations.klaviyo.api.breaker import IN_A_ROW, breakers
from integrations.klaviyo.api.errors import DisconnectingError, ThrottledError
from integrations.klaviyo.api.health import health
from integrations.klaviyo.contract import OPERATIONS, Operation
from integrations.klaviyo.models import Connection, RateLimit
from integrations.token_bucket import Limit

REFRESH = "oauth_refresh"  # about 10 a minute per installed app (contract, section 1.6)
REFRESH_LIMIT = Limit(burst=5, steady=9)
REFRESH_WINDOW = timedelta(seconds=60)
OTHERS_MAY_WITHIN_S = 1.0


TRY_NOW = """
WITH waiting AS (
    SELECT id FROM klaviyo_clientsync
     WHERE connection_id = %(connection)s AND desired_version > synced_version
       AND due_at > statement_timestamp() AND due_at IS DISTINCT FROM confirm_at AND lease IS NULL
     ORDER BY client_id, id FOR NO KEY UPDATE SKIP LOCKED
)
UPDATE klaviyo_clientsync sync SET due_at = statement_timestamp(), attempts = 0
  FROM waiting WHERE waiting.id = sync.id
"""


class RenewalsSpentError(ThrottledError):
    """Our own limit of renewals is used up: another process may have a good token."""


@transaction.atomic
def acquire_refresh(connection: Connection) -> None:
    """Count one renewal that is about to leave; raises `ThrottledError` if it must wait.

    Where only our own limit is used up, nobody is kept away for long: another process may have a
    good token.
    """
    rate_limit, now = lock_row(connection, REFRESH)
    if rate_limit.blocked_until and rate_limit.blocked_until > now:
        raise ThrottledError((rate_limit.blocked_until - now).total_seconds())
    recent = [at for at in rate_limit.recent if at > now - REFRESH_WINDOW]
    if len(recent) >= REFRESH_LIMIT.steady:
        raise RenewalsSpentError(OTHERS_MAY_WITHIN_S)
    rate_limit.recent = [*recent, now]
    rate_limit.save(update_fields=["recent"])


@transaction.atomic
def give_refresh_back(connection: Connection) -> None:
    """A renewal that was counted did not leave after all."""
    rate_limit, _ = lock_row(connection, REFRESH)
    rate_limit.recent = rate_limit.recent[:-1]
    rate_limit.save(update_fields=["recent"])


def renewals_left(connection: Connection) -> int:
    """How many renewals may leave now."""
    row = RateLimit.objects.filter(connection=connection, operation=REFRESH)
    known = row.annotate(now=Now()).values_list("recent", "now").first()
    if known is None:
        return REFRESH_LIMIT.steady
    recent, now = known
    return REFRESH_LIMIT.steady - sum(at > now - REFRESH_WINDOW for at in recent)


@transaction.atomic
def learn(connection: Connection, operation: str, limit: Limit | None) -> None:
    """A good answer: the breaker closes, and its headers told the true limit."""
    known = RateLimit.objects.filter(connection=connection, operation=operation).first()
    if known is None or known.agrees_with(limit):
        return
    rate_limit, _ = lock_row(connection, operation)
    if limit:
        rate_limit.bucket = rate_limit.bucket.relearned(limit)
    was_silent = rate_limit.block == RateLimit.Block.NOT_ANSWERING
    if was_silent:
        rate_limit.blocked_until, rate_limit.block = None, ""
    rate_limit.failures, rate_limit.failing_since, rate_limit.failed_at = 0, None, None
    rate_limit.save()
    if was_silent:
        try_now(connection)


def try_now(connection: Connection) -> None:
    """The whole operation was silent, and answers again: what waited because of it is due at once.
    Whoever is being claimed just now waits for nothing; rows are locked in their clients' order."""
    with database.cursor() as cursor:
        cursor.execute(TRY_NOW, {"connection": connection.pk})


@transaction.atomic
def throttled(connection: Connection, operation: str, wait_s: float | None) -> float:
    """Klaviyo said 429: block for as long as it says, else back off. The seconds to wait."""
    rate_limit, now = lock_row(connection, operation)
    rate_limit.failures += 1
    wait_s = wait_s if wait_s is not None else backoff_s(rate_limit.failures)
    rate_limit.bucket, rate_limit.counted_at = rate_limit.bucket.throttled(), now
    block_until(rate_limit, now, wait_s, RateLimit.Block.THROTTLED)
    return wait_s


def failed(connection: Connection, operation: str) -> float:
    """No usable answer. The seconds that the whole operation is blocked, if it is to blame."""
    is_to_blame = breakers.bad((connection.pk, operation))
    with transaction.atomic():
        rate_limit, now = lock_row(connection, operation)
        rate_limit.failures += 1
        rate_limit.failing_since = rate_limit.failing_since or now
        rate_limit.failed_at = now
        wait_s = 0.0
        if is_to_blame and not is_blocked(rate_limit, now):  # else a neighbour's, counted
            wait_s = backoff_s(max(1, rate_limit.failures - IN_A_ROW + 1))
            block_until(rate_limit, now, wait_s, RateLimit.Block.NOT_ANSWERING)
        else:
            rate_limit.save()
    health.failed()
    return wait_s


@transaction.atomic
def refresh_failed(connection: Connection, wait_s: float | None) -> float:
    """The token endpoint gave no usable answer: the grant waits. The seconds to wait."""
    rate_limit, now = lock_row(connection, REFRESH)
    rate_limit.failures += 1
    rate_limit.failing_since = rate_limit.failing_since or now
    rate_limit.failed_at = now
    wait_s = wait_s if wait_s is not None else backoff_s(rate_limit.failures)
    block_until(rate_limit, now, wait_s, RateLimit.Block.NOT_ANSWERING)
    health.failed()
    return wait_s


def is_blocked(rate_limit: RateLimit, now: datetime) -> bool:
    return rate_limit.blocked_until is not None and rate_limit.blocked_until > now


def block_until(
    rate_limit: RateLimit, now: datetime, wait_s: float, block: RateLimit.Block
) -> None:
    until = now + timedelta(seconds=wait_s)
    rate_limit.blocked_until = max(until, rate_limit.blocked_until or until)
    rate_limit.block = block
    rate_limit.save()


def lock_row(connection: Connection, operation: str) -> tuple[RateLimit, datetime]:
    """The rate limit's row, locked, and the database's time."""
    rows = RateLimit.objects.filter(connection=connection, operation=operation)
    locked = rows.select_for_update().annotate(now=Now())
    rate_limit = locked.first()
    if rate_limit is None:
        create_rows(connection, [operation])
        rate_limit = locked.first()
    if rate_limit is None:
        raise DisconnectingError
    return rate_limit, rate_limit.now


def create_rows(connection: Connection, operations: Iterable[str]) -> None:
    """For a connection that is still there."""
    with transaction.atomic():
        if Connection.objects.select_for_update(no_key=True).filter(pk=connection.pk).exists():
            RateLimit.objects.bulk_create(
                [RateLimit.fresh(connection, op, limit_of(op)) for op in sorted(operations)],
                ignore_conflicts=True,
            )


def limit_of(operation: str) -> Limit:
    return REFRESH_LIMIT if operation == REFRESH else OPERATIONS[Operation(operation)].limit


def parse_limit(header: str) -> Limit | None:
    """`75, 75;w=1, 750;w=60` as Klaviyo sends it; else None (contract, section 3.4)."""
    windows: dict[str, int] = {}
    for part in header.split(","):
        number, _, window = part.strip().partition(";w=")
        if number.isascii() and number.isdigit() and window:
            windows[window.strip()] = int(number)
    if not (windows.get("1") and windows.get("60")):
        return None
    return Limit(burst=windows["1"], steady=windows["60"])
