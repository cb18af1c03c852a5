"""One house for all chaos, with two workers and a PostgreSQL of its own that may suffer."""

from collections.abc import Callable, Iterator

import pytest

from tests import harm
from tests.audit import audit
from tests.busy import BusyDesk
from tests.house import House, eventually, open_house
from tests.member import Member

QUICK = {"limits": {"*": [500, 20_000], "get_accounts": [10, 150]}}
CONVERGES_WITHIN_S = 180.0
QUARANTINE_S = 4  # longer than the sandbox may apply a request late


@pytest.fixture(scope="session")
def house() -> Iterator[House]:
    with open_house(own_postgres=True, KLAVIYO_QUARANTINE_S=str(QUARANTINE_S)) as house:
        harm.add_worker(house)
        yield house


@pytest.fixture(scope="session")
def olive(house: House) -> Member:
    return Member(house, "lotus").sign_in("olive@lotus.example", house.secrets.password)


@pytest.fixture(scope="session")
def fay(house: House) -> Member:
    return Member(house, "lotus").sign_in("fay@lotus.example", house.secrets.password)


@pytest.fixture
def backfill(house: House, olive: Member) -> None:
    """A connection of a moment ago, that may suppress: its backfill is under way."""
    if "Disconnect" in olive.card().text:
        olive.disconnect()
    begin(house, olive)


@pytest.fixture
def connected(house: House, olive: Member) -> None:
    """Connected, and nothing waits."""
    if "Disconnect" not in olive.card().text:
        begin(house, olive)
    house.klaviyo.configure(**QUICK)
    eventually(lambda: not audit(house).waiting, CONVERGES_WITHIN_S)


def begin(house: House, olive: Member) -> None:
    """One who opted out is there already; the permission comes while it is on its way."""
    house.klaviyo.reset()
    house.klaviyo.configure(limits={"get_accounts": [10, 150]})
    house.klaviyo.seed({"email": "mia.schulz@example.net"})
    olive.connect()
    olive.allow_suppression()


@pytest.fixture
def desk(house: House, fay: Member) -> BusyDesk:
    rows = house.ask(
        "SELECT public_id FROM clients_client client JOIN studios_studio studio"
        " ON studio.id = client.studio_id WHERE studio.slug = 'lotus'"
        " AND client.email_opt_in AND client.email <> '' ORDER BY client.id"
    )
    return BusyDesk(fay, [str(row["public_id"]) for row in rows][:60])


@pytest.fixture
def converge(house: House, desk: BusyDesk) -> Callable[[], None]:
    """Klaviyo answers well again; then both sides come to agree, and no saved edit is lost."""

    def converge() -> None:
        house.klaviyo.clear_faults()
        house.klaviyo.configure(**QUICK)
        eventually(lambda: not audit(house).waiting, CONVERGES_WITHIN_S)
        found = audit(house)
        assert found.is_clean, found
        rows = house.ask("SELECT public_id, first_name FROM clients_client")
        names = {str(row["public_id"]): row["first_name"] for row in rows}
        assert {client: names[client] for client in desk.saved} == desk.saved
        assert desk.saved, "nobody worked at the desk"

    return converge
