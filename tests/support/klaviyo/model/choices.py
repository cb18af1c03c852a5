"""What the machine may choose from: names, addresses, moments; and when a step can be taken."""

from collections.abc import Callable
from itertools import permutations
from typing import Any

from hypothesis import strategies as st
from hypothesis.stateful import precondition

from dev.klaviyo_sandbox.testing.client import LOTUS, STAN

NAMES = ("Ana", "Bea", "Cleo", "Dora")
ADDRESSES = ("a@lotus.example", "b@lotus.example", "c@lotus.example", "d@lotus.example")
SPELLINGS = (*ADDRESSES, "A@Lotus.example")
LAST_NAMES = ("", "Pereira", "Okafor")
PHONES = ("", "+4930123451", "+4930123452")
ACCOUNTS = (LOTUS.id, STAN.id)
MOMENTS_S = (5, 20, 70)  # a retry; a lease is over; so is a quarantine


def of_machine(choices: Callable[[Any], Any]) -> st.SearchStrategy[Any]:
    """One of what the machine has to choose from just now."""
    return st.runner().flatmap(lambda machine: st.sampled_from(sorted(choices(machine))))


AGREED = of_machine(lambda machine: machine.who(lambda one: one.email_opt_in))
REFUSING = of_machine(lambda machine: machine.who(lambda one: not one.email_opt_in))
PRESENT = of_machine(lambda machine: machine.people)
WRITTEN = of_machine(lambda machine: machine.being_written() or machine.people)
PAIRS = of_machine(lambda machine: permutations(machine.people, 2))
ABSENT = of_machine(lambda machine: set(NAMES) - set(machine.people))
FREE = of_machine(lambda machine: machine.free_addresses())
IDLE = of_machine(lambda machine: machine.world.idle)
SENT = of_machine(lambda machine: range(len(machine.world.door.waiting)))
LATE = of_machine(lambda machine: range(len(machine.world.door.late)))

somebody = precondition(lambda machine: machine.people)
two = precondition(lambda machine: len(machine.people) > 1)
news = precondition(lambda machine: machine.has_news)
once = precondition(lambda machine: not machine.is_disturbed)
connected = precondition(lambda machine: machine.connection and not machine.ending)
a_request = precondition(lambda machine: machine.world.door.waiting)
