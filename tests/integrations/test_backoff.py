"""Pauses between tries."""

from hypothesis import given
from hypothesis import strategies as st

from integrations.backoff import LONGEST_S, MAX_S, backoff_s


@given(st.integers(1, 100_000))
def test_backing_off_doubles_to_a_minute_give_or_take_half(failures: int) -> None:
    middle = min(MAX_S, 2.0 ** min(failures - 1, 10))

    assert middle / 2 <= backoff_s(failures) <= middle * 1.5 <= LONGEST_S
