"""The arithmetic of rate limits, held against every sliding window."""

from bisect import bisect_left
from itertools import accumulate

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.klaviyo.api.rate_limits import REFRESH_LIMIT
from integrations.klaviyo.contract import LARGE, SMALL
from integrations.token_bucket import (
    BACKFILL_RESERVE,
    PACE_MIN,
    Bucket,
    Limit,
    capacity,
    rate,
)

# As Klaviyo's sizes are, and odd ones: many a minute with few a second, and the reverse.
LIMITS = st.one_of(
    st.sampled_from([LARGE, SMALL, REFRESH_LIMIT, Limit(3, 60), Limit(10, 150), Limit(350, 3500)]),
    st.builds(Limit, burst=st.integers(1, 200), steady=st.integers(1, 3000)),
)
# Seconds between two tries, from a hammering to a pause.
PAUSES = st.lists(
    st.one_of(st.just(0.0), st.floats(0.0, 0.05), st.floats(0.0, 2.0), st.floats(10.0, 70.0)),
    max_size=300,
)
HAIR = 1e-6  # what adding floats may lose


def sent_at(limit: Limit, tries: list[float], *, backfill: bool = False) -> list[float]:
    """When requests leave if one is tried at each of these times."""
    bucket, counted_at, sent = Bucket.full(limit), 0.0, []
    for now in tries:
        bucket, counted_at = bucket.refilled(now - counted_at), now
        if bucket.spare(backfill=backfill):
            bucket = bucket.taken()
            sent.append(now)
    return sent


def most_within(window_s: float, sent: list[float]) -> int:
    ends = (bisect_left(sent, start + window_s - HAIR) for start in sent)
    return max((end - first for first, end in enumerate(ends)), default=0)


@given(LIMITS, PAUSES)
def test_no_window_of_a_second_or_a_minute_sees_more_than_the_limit(
    limit: Limit, pauses: list[float]
) -> None:
    sent = sent_at(limit, list(accumulate(pauses)))

    assert most_within(1, sent) <= limit.burst
    assert most_within(60, sent) <= limit.steady


@given(LIMITS)
def test_hammering_for_three_minutes_stays_within_the_limit_too(limit: Limit) -> None:
    sent = sent_at(limit, [tick / 20 for tick in range(20 * 180)])

    assert most_within(1, sent) <= limit.burst
    assert most_within(60, sent) <= limit.steady


@pytest.mark.parametrize("limit", [LARGE, SMALL, Limit(10, 150), Limit(3, 60)])
def test_nearly_all_of_a_limit_is_used(limit: Limit) -> None:
    sent = sent_at(limit, [tick / 100 for tick in range(100 * 180)])

    assert len(sent) >= 0.85 * 3 * limit.steady


@given(LIMITS, st.integers(1, 500))
def test_a_backfill_always_leaves_room_for_live_changes(limit: Limit, tries: int) -> None:
    bucket = Bucket.full(limit)

    for _ in range(tries):
        if bucket.spare(backfill=True):
            bucket = bucket.taken()

    whole = capacity(limit)
    assert bucket.tokens >= min(whole * BACKFILL_RESERVE, whole - 1)
    if capacity(limit) >= 3:
        assert bucket.spare(backfill=False) >= 1


def test_a_limit_of_one_lets_a_backfill_go_on_all_the_same() -> None:
    assert Bucket.full(Limit(1, 1)).spare(backfill=True) == 1


@given(LIMITS, st.integers(1, 10))
def test_a_429_empties_the_bucket_and_halves_the_pace_which_recovers(
    limit: Limit, times: int
) -> None:
    bucket = Bucket.full(limit)
    for _ in range(times):
        bucket = bucket.throttled()

    assert bucket.spare(backfill=False) == 0
    assert bucket.pace == max(PACE_MIN, 0.5**times)
    assert bucket.refilled(1).tokens == pytest.approx(
        min(capacity(limit), rate(limit) * bucket.pace)
    )
    for _ in range(100):
        bucket = bucket.taken()
    assert bucket.pace == 1.0


def test_a_clock_that_goes_back_gives_nothing_and_takes_nothing() -> None:
    bucket = Bucket.full(LARGE).taken()

    assert bucket.refilled(-5) == bucket


def test_a_smaller_limit_that_was_learnt_leaves_no_larger_burst() -> None:
    assert Bucket.full(LARGE).relearned(SMALL) == Bucket(SMALL, capacity(SMALL))
