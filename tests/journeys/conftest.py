"""One stack for all journeys, with the demo's people signed in; a journey that ends a connection
takes a studio of its own."""

from collections.abc import Iterator

import pytest

from tests.support.member import Member
from tests.support.stack import Stack, open_stack


@pytest.fixture(scope="session")
def stack() -> Iterator[Stack]:
    with open_stack(KLAVIYO_QUARANTINE_S="3") as stack:
        yield stack


def signed_in(stack: Stack, name: str, slug: str) -> Member:
    return Member(stack, slug).sign_in(f"{name}@{slug}.example", stack.secrets.password)


@pytest.fixture(scope="session")
def olive(stack: Stack) -> Member:
    return signed_in(stack, "olive", "lotus")


@pytest.fixture(scope="session")
def fay(stack: Stack) -> Member:
    return signed_in(stack, "fay", "lotus")


@pytest.fixture(scope="session")
def ian(stack: Stack) -> Member:
    return signed_in(stack, "ian", "lotus")


@pytest.fixture(scope="session")
def stan(stack: Stack) -> Member:
    return signed_in(stack, "stan", "stans-pilates")


@pytest.fixture
def new_studio(stack: Stack, request: pytest.FixtureRequest) -> tuple[Member, str]:
    """A studio that only this journey knows: its owner, and a Klaviyo account for it."""
    slug = request.node.name.replace("_", "-").removeprefix("test-")[:20].strip("-")
    account = f"Acc-{slug}"
    stack.klaviyo.open_account(account, f"Account of {slug}")
    return Member(stack, slug).open_studio(slug, stack.secrets.password), account
