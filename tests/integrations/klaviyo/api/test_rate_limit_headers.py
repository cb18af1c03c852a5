"""The true limits, as Klaviyo's answers tell them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from integrations.klaviyo.api.rate_limits import parse_limit
from integrations.token_bucket import Limit


@pytest.mark.parametrize(
    ("header", "limit"),
    [
        ("75, 75;w=1, 750;w=60", Limit(75, 750)),
        ("3,3;w=1,60;w=60", Limit(3, 60)),
        ("10, 10;w=1, 150;w=60, 5000;w=86400", Limit(10, 150)),
        ("", None),
        ("75", None),
        ("75;w=1", None),
        ("0;w=1, 750;w=60", None),
        ("-5;w=1, 750;w=60", None),
        ("75;w=1, ٣;w=60", None),
        ("many, 75;w=1, lots;w=60", None),
    ],
)
def test_limits_are_read_from_headers_as_klaviyo_sends_them_and_from_nothing_else(
    header: str, limit: Limit | None
) -> None:
    assert parse_limit(header) == limit


@given(st.text(max_size=60))
def test_no_header_is_too_strange(header: str) -> None:
    limit = parse_limit(header)

    assert limit is None or (limit.burst > 0 and limit.steady > 0)
