"""A revision of Klaviyo's API that is going to end is the operator's to know."""

import pytest

from integrations.http import Answer
from integrations.klaviyo.api.sunset import Watch

ENDS = "Sat, 31 Jul 2027 23:59:59 GMT"


def test_the_end_of_a_revision_is_told_once_and_not_with_each_request(
    caplog: pytest.LogCaptureFixture,
) -> None:
    watch = Watch()

    watch.look(Answer(200, {}, b""))
    assert not caplog.records

    for _ in range(3):
        watch.look(Answer(200, {"Sunset": ENDS}, b""))
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert ENDS in caplog.text
