"""Somebody at a desk who does all that desks do, by HTTP, in an order that the seed decides.

Each desk has people of its own, so that it knows what it has done to them; what it can't know
(no answer came) it looks up before it goes on with that person.
"""

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from itertools import count
from random import Random

import requests
from psycopg import OperationalError

from tests.chaos.rig.database import Database
from tests.chaos.rig.imports import address_of
from tests.chaos.rig.ledger import Ledger, name_of
from tests.support.member import Member

PAUSE_S = (0.1, 0.4)
LOOK_AFTER_S = 10.0  # by then a request without an answer has been carried out, or never will be
PHONES = 30  # so few that two people want the same now and then
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
TIMEOUT_S = 30


@dataclass
class Person:
    """A client as this desk knows it."""

    key: str
    client: str  # the id in its address
    token: str
    address: str
    agreed: bool = True
    opted_out: bool = False
    look_at: float | None = None  # nobody knows what the last request did: look, but not before


class Desk:
    """One person at work."""

    def __init__(
        self,
        name: str,
        member: Member,
        people: list[Person],
        ledger: Ledger,
        database: Database,
        seed: int,
    ) -> None:
        member.follows = False  # to the list of clients: nobody looks at it here
        self.name, self.member, self.people = name, member, people
        self.ledger, self.database = ledger, database
        self.chance = Random(f"{name} {seed}")
        self._keys = count(1)
        self._mail = requests.Session()
        self._mail.trust_env = False
        self._mail.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self.left: list[tuple[str, bool]] = []  # addresses of the deleted, and if they said no
        self.saved: dict[str, str] = {}  # the first name that each client surely has by now

    def work(self, stop: threading.Event) -> None:
        while not stop.wait(self.chance.uniform(*PAUSE_S)):
            (what,) = self.chance.choices(list(VERBS), list(VERBS.values()))
            person = self.chance.choice(self.people)
            try:
                if self._knows(person):
                    what(self, person)
                    self.ledger.count(what.__name__)
            except OperationalError:  # PostgreSQL is restarting: this person is looked at later
                person.look_at = time.time() + LOOK_AFTER_S

    # --- What desks do ------------------------------------------------------------------------

    def edit(self, person: Person) -> None:
        """A new name; now and then a phone, or none any more."""
        fields: dict[str, str | None] = {}
        if self.chance.random() < 0.2:
            fields["phone"] = f"+49 30 23125{self.chance.randrange(PHONES):03}"
        elif self.chance.random() < 0.1:
            fields["phone"] = ""
        self._save(person, **fields)

    def add(self, person: Person) -> None:
        """Somebody new, at the end of the list."""
        key = self._new_key()
        self._add(key, address_of(key, self.member.slug))

    def readdress(self, person: Person) -> None:
        self._move(person, self._free_address())

    def swap(self, person: Person) -> None:
        """Two people change addresses, by way of a third or of none."""
        other = self.chance.choice(self.people)
        first, second = person.address, other.address
        if other is person or not (first and second and self._knows(other)):
            return
        between = self.chance.choice(["", self._free_address()])
        if self._move(person, between) and self._move(other, first):
            self._move(person, second)

    def hand_on(self, person: Person) -> None:
        """An address goes to somebody else, who leaves it before anybody was pushed; then one or
        both of them opt out."""
        other = self.chance.choice(self.people)
        address = person.address
        if other is person or not (address and self._knows(other)):
            return
        if self._move(person, self._free_address()) and self._move(other, address):
            if self.chance.random() < 0.5:
                self.opt_out(person)
            self._move(other, self._free_address())
            if self.chance.random() < 0.5:
                self.opt_out(other)

    def opt_out(self, person: Person) -> None:
        """At the desk."""
        if person.agreed:
            self._leave(person, partial(self.member.opt_out, person.client))

    def use_the_footer(self, person: Person) -> None:
        self._leave(person, partial(self._post, person.token, {}))

    def use_one_click(self, person: Person) -> None:
        self._leave(person, partial(self._post, person.token, ONE_CLICK))

    def opt_in(self, person: Person) -> None:
        """Whoever left wishes to be back."""
        gone = [one for one in self.people if one.opted_out]
        person = self.chance.choice(gone or [person])
        if self._knows(person) and person.opted_out:
            self.ledger.opt_out_may_be_undone(person.key, time.time())
            self._save(person, email_opt_in="on", client_asked="on")

    def delete(self, person: Person) -> None:
        if len(self.people) < 10:
            return
        self.ledger.opt_out_may_be_undone(person.key, time.time())
        if self._try(person, "delete", partial(self.member.delete_client, person.client)):
            self.ledger.surely_ended(person.key, time.time())
        self.people.remove(person)
        self.saved.pop(person.client, None)
        if person.address and person.look_at is None:
            self.left.append((person.address, person.opted_out))

    def add_again(self, person: Person) -> None:
        """Somebody deleted comes back; who had said no has to ask for it."""
        if self.left:
            address, said_no = self.left.pop(self.chance.randrange(len(self.left)))
            self._add(self._new_key(), address, **({"client_asked": "on"} if said_no else {}))

    # --- How ----------------------------------------------------------------------------------

    def _save(self, person: Person, **fields: str | None) -> bool:
        """Save under a new name, with these fields; True if it was surely done."""
        now = time.time()
        edit = self.ledger.name(person.key, now)
        if fields.get("email_opt_in"):
            self.ledger.may_agree(person.key, now)
        before = self.saved.pop(person.client, None)
        name = fields["first_name"] = name_of(edit)
        if not self._try(person, "save", partial(self.member.edit_client, person.client, **fields)):
            if before and person.look_at is None:
                self.saved[person.client] = before
            return False
        edit.saved_at = time.time()
        self.saved[person.client] = name
        person.address = edit.address = fields.get("email", person.address) or ""
        if fields.get("email_opt_in"):
            person.agreed, person.opted_out = True, False
        return True

    def _move(self, person: Person, address: str) -> bool:
        now = time.time()
        self.ledger.may_stand_at(person.key, address)
        self.ledger.opt_out_may_be_undone(person.key, now)
        if address and person.agreed:
            self.ledger.may_agree(person.key, now)
        if person.opted_out:
            self.ledger.may_say_no(person.key, address, now)
        is_done = self._save(person, email=address)
        if is_done and not address:
            self.ledger.surely_ended(person.key, time.time())
        return is_done

    def _leave(self, person: Person, how: Callable[[], object]) -> None:
        self.ledger.may_say_no(person.key, person.address, time.time())
        if self._try(person, "opt out", how) and not person.opted_out:
            person.agreed, person.opted_out = False, True
            self.ledger.surely_said_no(person.key, person.address, time.time())

    def _add(self, key: str, address: str, **fields: str) -> None:
        now = time.time()
        edit = self.ledger.name(key, now)
        self.ledger.may_stand_at(key, address)
        self.ledger.may_agree(key, now)
        add = partial(self.member.add_client, first_name=name_of(edit), email=address, **fields)
        if self._try(None, "add", add):
            edit.saved_at, edit.address = time.time(), address
            self._meet(key, address)

    def _meet(self, key: str, address: str) -> None:
        for row in self.database.added([address]):
            person = Person(key, row["public_id"], row["token"], address)
            self.people.append(person)

    def _post(self, token: str, form: dict[str, str]) -> None:
        """As mail programs do: without cookies, and without following anywhere."""
        address = f"{self.member.url}/unsubscribe/{token}/"
        answer = self._mail.post(address, form, timeout=TIMEOUT_S, allow_redirects=False)
        if answer.status_code != requests.codes.ok:
            raise requests.HTTPError(response=answer)

    def _try(self, person: Person | None, what: str, how: Callable[[], object]) -> bool:
        """True if it was done; what went wrong is written down, unless a form only said no."""
        try:
            how()
        except (AssertionError, requests.RequestException) as error:
            status = status_of(error, self.member)
            if status >= 500 or status == 0:
                self.ledger.refused(time.time(), what, status)
                if person:
                    person.look_at = time.time() + LOOK_AFTER_S
            return False
        return True

    def _knows(self, person: Person) -> bool:
        """True if this desk knows how the person stands; looks, where it may by now."""
        if person.look_at is None:
            return True
        if time.time() < person.look_at:
            return False
        row = self.database.person(person.client)
        if row is None:
            self.people.remove(person)
            return False
        person.look_at, person.address = None, row["email"]
        person.agreed, person.opted_out = row["agreed"], row["opted_out"]
        if not person.agreed or not person.address:
            self.ledger.surely_ended(person.key, time.time())
        return True

    def _new_key(self) -> str:
        return f"{self.name}n{next(self._keys)}"

    def _free_address(self) -> str:
        return address_of(self._new_key(), self.member.slug)


def status_of(error: Exception, member: Member) -> int:
    """What the request was answered with; 0 if it wasn't."""
    if isinstance(error, AssertionError):  # the page is not what the desk expected
        return member.page.status_code
    response = error.response if isinstance(error, requests.RequestException) else None
    return response.status_code if response is not None else 0


# How often each is done, relative to the others.
VERBS: dict[Callable[[Desk, Person], None], int] = {
    Desk.edit: 40,
    Desk.add: 6,
    Desk.readdress: 10,
    Desk.swap: 6,
    Desk.hand_on: 6,
    Desk.opt_out: 4,
    Desk.use_the_footer: 4,
    Desk.use_one_click: 4,
    Desk.opt_in: 6,
    Desk.delete: 3,
    Desk.add_again: 3,
}
