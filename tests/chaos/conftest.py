"""One stack for what is tried beside the rig, with two workers; the rig has stacks of its own."""

from collections.abc import Callable, Iterator

import pytest

from tests.support import faults
from tests.support.audit import audit, waiting
from tests.support.load import BusyDesk
from tests.support.member import Member
from tests.support.stack import Stack, eventually, open_stack

QUICK = {"limits": {"*": [500, 20_000], "get_accounts": [10, 150]}}
CONVERGES_WITHIN_S = 180.0


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    with open_stack(KLAVIYO_QUARANTINE_S="4") as stack:
        faults.add_worker(stack)
        yield stack


@pytest.fixture(scope="module")
def olive(stack: Stack) -> Member:
    return Member(stack, "lotus").sign_in("olive@lotus.example", stack.secrets.password)


@pytest.fixture(scope="module")
def fay(stack: Stack) -> Member:
    return Member(stack, "lotus").sign_in("fay@lotus.example", stack.secrets.password)


@pytest.fixture
def connected(stack: Stack, olive: Member) -> None:
    """Connected, and nothing waits."""
    if "Disconnect" not in olive.card().text:
        stack.klaviyo.configure(**QUICK)
        olive.connect()
        olive.allow_suppression()
    eventually(lambda: not waiting(stack), CONVERGES_WITHIN_S)


@pytest.fixture
def desk(stack: Stack, fay: Member) -> BusyDesk:
    rows = stack.ask(
        "SELECT public_id FROM clients_client client JOIN studios_studio studio"
        " ON studio.id = client.studio_id WHERE studio.slug = 'lotus'"
        " AND client.email_opt_in AND client.email <> '' ORDER BY client.id"
    )
    fay.follows = False  # to the list of clients: nobody looks at it here
    return BusyDesk(fay, [str(row["public_id"]) for row in rows][:60])


@pytest.fixture
def converge(stack: Stack, desk: BusyDesk) -> Callable[[], None]:
    """Both sides come to agree, and no saved edit is lost."""

    def converge() -> None:
        eventually(lambda: not waiting(stack), CONVERGES_WITHIN_S)
        found = audit(stack)
        assert found.is_clean, found
        rows = stack.ask("SELECT public_id, first_name FROM clients_client")
        names = {str(row["public_id"]): row["first_name"] for row in rows}
        assert {client: names[client] for client in desk.saved} == desk.saved
        assert desk.saved, "nobody worked at the desk"

    return converge
