"""What all steps of the machine stand on: who there is, and a look around after each step."""

from collections.abc import Callable

from hypothesis import currently_in_test_context, note
from hypothesis.stateful import RuleBasedStateMachine

from clients.models import Client, same_address
from integrations.klaviyo.models import Connection
from tests.support.klaviyo.model import oracle
from tests.support.klaviyo.model.choices import SPELLINGS
from tests.support.klaviyo.model.door import Request
from tests.support.klaviyo.model.memory import Memory
from tests.support.klaviyo.model.world import World


class Model(RuleBasedStateMachine):
    def __init__(self, world: World) -> None:
        super().__init__()
        self.world = world
        self.scene = world.scene
        self.memory = Memory()
        self.people: dict[str, int] = {}  # clients' keys by the names in this model
        self.connection: Connection | None = None
        self.left: dict[str, str] = {}  # which address somebody had before
        self.grants: dict[str | None, object] = {}  # whose connection's each is
        self.seen = 0  # of the journal
        self.sent = 0  # requests
        self.has_news = True  # something happened since workers had nothing left to do
        self.is_disturbed = False  # by what happens seldom
        self.known: list[Request] = []
        world.begin_anew()

    def client(self, who: str) -> Client:
        return Client.objects.get(pk=self.people[who])

    def change(self, who: str, **fields: str) -> None:
        self.scene.change(self.client(who), **fields)
        self.look()

    def who(self, fits: Callable[[Client], bool]) -> list[str]:
        clients = self.memory.clients
        return [name for name, pk in self.people.items() if fits(clients[pk])]

    def being_written(self) -> list[str]:
        """Those whose profiles are being written just now."""
        upserts = [one for one in self.world.door.waiting if one.is_upsert]
        pks = {self.memory.whose[one.attributes["first_name"]] for one in upserts}
        return self.who(lambda client: client.pk in pks)

    def free_addresses(self) -> list[str]:
        held = {client.address for client in self.memory.clients.values()}
        return ["", *(one for one in SPELLINGS if same_address(one) not in held)]

    @property
    def ending(self) -> bool:
        return self.connection is not None and self.connection.is_disconnecting

    def remember_grants(self) -> None:
        connection = self.connection
        assert connection
        for grant in self.scene.klaviyo.grants(str(connection.account_id)):
            self.grants.setdefault(grant["id"], connection.pk)

    def look(self) -> None:
        """After each step: what must hold holds, and the model remembers what it saw."""
        self.has_news = True
        before, self.connection = self.connection, self.world.connection()
        if before and (not self.connection or self.connection.pk != before.pk):
            self.memory.owed.clear()  # whoever connects anew has everybody sent
        self.memory.look()
        waiting = self.world.door.waiting
        for request in waiting:
            if request not in self.known:
                self.sent += 1
                self.tell(f"    sent: {request}")
                oracle.check_sent(self, request)
        self.known = waiting
        oracle.check_always(self)

    def tell(self, text: str) -> None:
        if currently_in_test_context():
            note(text)
        else:
            print(text)
