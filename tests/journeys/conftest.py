"""One house for all journeys, with the demo's people signed in; a journey that ends a connection
takes a studio of its own."""

from collections.abc import Iterator

import pytest

from tests.house import House, open_house
from tests.member import Member


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with open_house(KLAVIYO_QUARANTINE_S="3") as house:
        yield house


def signed_in(house: House, name: str, slug: str) -> Member:
    return Member(house, slug).sign_in(f"{name}@{slug}.example", house.secrets.password)


@pytest.fixture(scope="session")
def olive(house: House) -> Member:
    return signed_in(house, "olive", "lotus")


@pytest.fixture(scope="session")
def fay(house: House) -> Member:
    return signed_in(house, "fay", "lotus")


@pytest.fixture(scope="session")
def ian(house: House) -> Member:
    return signed_in(house, "ian", "lotus")


@pytest.fixture(scope="session")
def stan(house: House) -> Member:
    return signed_in(house, "stan", "stans-pilates")


@pytest.fixture
def new_studio(house: House, request: pytest.FixtureRequest) -> tuple[Member, str]:
    """A studio that only this journey knows: its owner, and a Klaviyo account for it."""
    slug = request.node.name.replace("_", "-").removeprefix("test-")[:20].strip("-")
    account = f"Acc-{slug}"
    house.klaviyo.open_account(account, f"Account of {slug}")
    return Member(house, slug).open_studio(slug, house.secrets.password), account
