"""What is logged, line by line."""

import json
import logging
from collections.abc import Iterator
from io import StringIO

import pytest

from junocal.ops.logging import JSONFormatter


class Lines(logging.StreamHandler[StringIO]):
    """What was logged, as it is written."""

    def read(self) -> list[dict[str, object]]:
        return [json.loads(line) for line in self.stream.getvalue().splitlines()]


@pytest.fixture
def lines() -> Iterator[Lines]:
    handler = Lines(StringIO())
    handler.setFormatter(JSONFormatter())
    logging.getLogger().addHandler(handler)
    yield handler
    logging.getLogger().removeHandler(handler)
