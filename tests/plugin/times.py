"""How often a test tries again what goes wrong only now and then."""

import pytest


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--times", type=int, default=1, help="so many times as often as usual")


@pytest.fixture
def times(request: pytest.FixtureRequest) -> int:
    number: int = request.config.getoption("--times")
    return number
