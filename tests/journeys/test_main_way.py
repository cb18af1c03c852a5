"""Lotus Yoga's whole way: connect, work at the desk, opt out, allow suppression, disconnect."""

import time
from dataclasses import replace
from typing import Any

import pytest
from psycopg import sql

from dev.klaviyo_sandbox.testing.client import LOTUS
from tests.support.audit import Audit, audit, waiting
from tests.support.member import Member
from tests.support.stack import Stack, eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(600)]

SWEEPS_S = 3.0  # long enough for a worker to have looked
LOTUS_CLIENTS = """
SELECT client.* FROM clients_client client
  JOIN studios_studio studio ON studio.id = client.studio_id WHERE studio.slug = 'lotus'
"""
CONNECTION = """
SELECT connection.* FROM klaviyo_connection connection
  JOIN studios_studio studio ON studio.id = connection.studio_id WHERE studio.slug = 'lotus'
"""
EVERY_TABLE = """
SELECT table_name FROM information_schema.tables
 WHERE table_schema = 'public' AND table_type = 'BASE TABLE'
"""


def test_a_studio_connects_works_and_leaves(stack: Stack, olive: Member, fay: Member) -> None:
    everybody_who_agreed_becomes_a_profile(stack, olive)
    ana = edits_reach_the_same_profile(stack, fay)
    an_opt_out_waits_until_the_owner_allows_suppression(stack, olive, fay, ana)
    whoever_leaves_then_is_suppressed_and_never_pushed_again(stack, fay)
    disconnecting_leaves_nothing_and_sends_nothing(stack, olive, fay)


def everybody_who_agreed_becomes_a_profile(stack: Stack, olive: Member) -> None:
    agreed = [one for one in lotus(stack) if one["email_opt_in"] and one["email"]]
    promise = olive.card().text

    olive.connect()

    assert f"{len(agreed)} clients who agreed" in promise
    assert f"Connected as {LOTUS.organization}" in olive.text
    (grant,) = stack.klaviyo.grants()
    assert set(grant["scope"].split()) == {"accounts:read", "profiles:read", "profiles:write"}
    eventually(lambda: adding_up(stack, olive)["waiting"] == 0)
    counters = adding_up(stack, olive)
    found = settled(stack)
    assert counters["in-klaviyo"] == len(agreed)
    assert counters["attention"] == len(found.unsuppressed)  # three scopes can't suppress
    assert replace(found, unsuppressed=[]).is_clean, found


def adding_up(stack: Stack, olive: Member) -> dict[str, int]:
    """The card's numbers, which are those of all clients at any moment."""
    counters = olive.counters()
    assert sum(counters.values()) == len(lotus(stack))
    return counters


def edits_reach_the_same_profile(stack: Stack, fay: Member) -> str:
    ana = fay.add_client(first_name="Ana", last_name="Journey", email="Ana.Journey@Example.com")
    there = eventually(lambda: profile(stack, "ana.journey@example.com"))
    assert there["first_name"] == "Ana"

    fay.edit_client(ana, first_name="Anna", email="anna@journey.example", phone="030 1234567")

    changed = eventually(lambda: profile(stack, "anna@journey.example"))
    assert changed["id"] == there["id"]
    assert (changed["first_name"], changed["phone_number"]) == ("Anna", "+49301234567")
    assert profile(stack, "ana.journey@example.com") is None
    eventually(lambda: "In Klaviyo, up to date" in fay.line_of(ana))
    return ana


def an_opt_out_waits_until_the_owner_allows_suppression(
    stack: Stack, olive: Member, fay: Member, ana: str
) -> None:
    (connection,) = stack.ask(CONNECTION)
    fay.opt_out(ana)

    eventually(lambda: "Opted out: owner still has to act" in fay.line_of(ana))
    assert "Klaviyo may still email" in olive.card().text
    assert "Klaviyo: needs the owner" in fay.visit(fay.at("clients/")).text
    assert "anna@journey.example" not in stack.klaviyo.suppressed()
    assert "anna@journey.example" in olive.visit(olive.at(f"{KLAVIYO}opt-outs.csv")).page.text

    olive.allow_suppression()

    eventually(lambda: "anna@journey.example" in stack.klaviyo.suppressed())
    eventually(lambda: "Opted out: Klaviyo told at" in fay.line_of(ana))
    assert "Klaviyo may still email" not in olive.card().text
    assert stack.ask(CONNECTION)[0]["id"] == connection["id"]


def whoever_leaves_then_is_suppressed_and_never_pushed_again(stack: Stack, fay: Member) -> None:
    bea = fay.add_client(first_name="Bea", email="bea@journey.example")
    eventually(lambda: profile(stack, "bea@journey.example"))

    fay.opt_out(bea)
    eventually(lambda: "bea@journey.example" in stack.klaviyo.suppressed())
    fay.edit_client(bea, first_name="Beatrice")
    carol = fay.add_client(first_name="Carol", email="carol@journey.example")

    # Carol came after Bea's edit: had it been sent, it would be there by now.
    eventually(lambda: profile(stack, "carol@journey.example"))
    eventually(lambda: "In Klaviyo, up to date" in fay.line_of(carol))
    assert profile(stack, "bea@journey.example")["first_name"] == "Bea"
    found = settled(stack)
    assert found.is_clean, found


def disconnecting_leaves_nothing_and_sends_nothing(
    stack: Stack, olive: Member, fay: Member
) -> None:
    secrets = what_came_from_klaviyo(stack)
    olive.disconnect()
    assert "Klaviyo confirmed" in olive.text
    assert stack.klaviyo.grants() == []
    assert traces(stack, secrets) == {}

    arrived = len(stack.klaviyo.request_log())
    fay.add_client(first_name="Dora", email="dora@journey.example")
    time.sleep(SWEEPS_S)

    assert len(stack.klaviyo.request_log()) == arrived
    assert traces(stack, secrets) == {}


def what_came_from_klaviyo(stack: Stack) -> set[str]:
    """The account's id and name, the sealed token, every profile's id."""
    (connection,) = stack.ask(CONNECTION)
    ids = {one["klaviyo_profile_id"] for one in lotus(stack)} - {None}
    assert len(ids) > 100
    names = {str(connection[name]) for name in ("id", "account_id", "account_name")}
    return names | ids | {connection["refresh_token"]}


def traces(stack: Stack, secrets: set[str]) -> dict[str, set[str]]:
    """In which table each of them is found, whatever the column."""
    tables = {row["table_name"] for row in stack.ask(EVERY_TABLE)}
    assert "klaviyo_connection" in tables
    found = {name: set(filter(whole_of(stack, name).__contains__, secrets)) for name in tables}
    return {name: those for name, those in found.items() if those}


def whole_of(stack: Stack, table: str) -> str:
    rows = sql.SQL("SELECT one::text FROM {} one").format(sql.Identifier(table))
    return "\n".join(row["one"] for row in stack.ask(rows))


def settled(stack: Stack) -> Audit:
    """Both sides, once nothing waits."""
    eventually(lambda: not waiting(stack))
    return audit(stack)


def profile(stack: Stack, email: str) -> Any:
    return stack.klaviyo.profile(email)


def lotus(stack: Stack) -> list[dict[str, Any]]:
    return stack.ask(LOTUS_CLIENTS)


KLAVIYO = "settings/integrations/klaviyo/"
