"""Lotus Yoga's whole way: connect, work at the desk, opt out, allow suppression, disconnect."""

import time
from dataclasses import replace
from typing import Any

import pytest
from psycopg import sql

from klaviyo_sandbox.testing import LOTUS
from tests.audit import Audit, audit
from tests.house import House, eventually
from tests.member import Member

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


def test_a_studio_connects_works_and_leaves(house: House, olive: Member, fay: Member) -> None:
    everybody_who_agreed_becomes_a_profile(house, olive)
    ana = edits_reach_the_same_profile(house, fay)
    an_opt_out_waits_until_the_owner_allows_suppression(house, olive, fay, ana)
    whoever_leaves_then_is_suppressed_and_never_pushed_again(house, fay)
    disconnecting_leaves_nothing_and_sends_nothing(house, olive, fay)


def everybody_who_agreed_becomes_a_profile(house: House, olive: Member) -> None:
    agreed = [one for one in lotus(house) if one["email_opt_in"] and one["email"]]
    promise = olive.card().text

    olive.connect()

    assert f"{len(agreed)} clients who agreed" in promise
    assert f"Connected as {LOTUS.organization}" in olive.text
    (grant,) = house.klaviyo.grants()
    assert set(grant["scope"].split()) == {"accounts:read", "profiles:read", "profiles:write"}
    eventually(lambda: adding_up(house, olive)["waiting"] == 0)
    counters = adding_up(house, olive)
    found = settled(house)
    assert counters["in-klaviyo"] == len(agreed)
    assert counters["attention"] == len(found.unsuppressed)  # three scopes can't suppress
    assert replace(found, unsuppressed=[]).is_clean, found


def adding_up(house: House, olive: Member) -> dict[str, int]:
    """The card's numbers, which are those of all clients at any moment."""
    counters = olive.counters()
    assert sum(counters.values()) == len(lotus(house))
    return counters


def edits_reach_the_same_profile(house: House, fay: Member) -> str:
    ana = fay.add_client(first_name="Ana", last_name="Journey", email="Ana.Journey@Example.com")
    there = eventually(lambda: profile(house, "ana.journey@example.com"))
    assert there["first_name"] == "Ana"

    fay.edit_client(ana, first_name="Anna", email="anna@journey.example", phone="030 1234567")

    changed = eventually(lambda: profile(house, "anna@journey.example"))
    assert changed["id"] == there["id"]
    assert (changed["first_name"], changed["phone_number"]) == ("Anna", "+49301234567")
    assert profile(house, "ana.journey@example.com") is None
    eventually(lambda: "In Klaviyo, up to date" in fay.line_of(ana))
    return ana


def an_opt_out_waits_until_the_owner_allows_suppression(
    house: House, olive: Member, fay: Member, ana: str
) -> None:
    (connection,) = house.ask(CONNECTION)
    fay.opt_out(ana)

    eventually(lambda: "Opted out: owner still has to act" in fay.line_of(ana))
    assert "Klaviyo may still email" in olive.card().text
    assert "Klaviyo: needs the owner" in fay.visit(fay.at("clients/")).text
    assert "anna@journey.example" not in house.klaviyo.suppressed()
    assert "anna@journey.example" in olive.visit(olive.at(f"{KLAVIYO}opt-outs.csv")).page.text

    olive.allow_suppression()

    eventually(lambda: "anna@journey.example" in house.klaviyo.suppressed())
    eventually(lambda: "Opted out: Klaviyo told at" in fay.line_of(ana))
    assert "Klaviyo may still email" not in olive.card().text
    assert house.ask(CONNECTION)[0]["id"] == connection["id"]


def whoever_leaves_then_is_suppressed_and_never_pushed_again(house: House, fay: Member) -> None:
    bea = fay.add_client(first_name="Bea", email="bea@journey.example")
    eventually(lambda: profile(house, "bea@journey.example"))

    fay.opt_out(bea)
    eventually(lambda: "bea@journey.example" in house.klaviyo.suppressed())
    fay.edit_client(bea, first_name="Beatrice")
    carol = fay.add_client(first_name="Carol", email="carol@journey.example")

    # Carol came after Bea's edit: had it been sent, it would be there by now.
    eventually(lambda: profile(house, "carol@journey.example"))
    eventually(lambda: "In Klaviyo, up to date" in fay.line_of(carol))
    assert profile(house, "bea@journey.example")["first_name"] == "Bea"
    found = settled(house)
    assert found.is_clean, found


def disconnecting_leaves_nothing_and_sends_nothing(
    house: House, olive: Member, fay: Member
) -> None:
    secrets = what_came_from_klaviyo(house)
    olive.disconnect()
    assert "Klaviyo confirmed" in olive.text
    assert house.klaviyo.grants() == []
    assert traces(house, secrets) == {}

    arrived = len(house.klaviyo.arrivals())
    fay.add_client(first_name="Dora", email="dora@journey.example")
    time.sleep(SWEEPS_S)

    assert len(house.klaviyo.arrivals()) == arrived
    assert traces(house, secrets) == {}


def what_came_from_klaviyo(house: House) -> set[str]:
    """The account's id and name, the sealed token, every profile's id."""
    (connection,) = house.ask(CONNECTION)
    ids = {one["klaviyo_profile_id"] for one in lotus(house)} - {None}
    assert len(ids) > 100
    names = {str(connection[name]) for name in ("id", "account_id", "account_name")}
    return names | ids | {connection["refresh_token"]}


def traces(house: House, secrets: set[str]) -> dict[str, set[str]]:
    """In which table each of them is found, whatever the column."""
    tables = {row["table_name"] for row in house.ask(EVERY_TABLE)}
    assert "klaviyo_connection" in tables
    found = {name: set(filter(whole_of(house, name).__contains__, secrets)) for name in tables}
    return {name: those for name, those in found.items() if those}


def whole_of(house: House, table: str) -> str:
    rows = sql.SQL("SELECT one::text FROM {} one").format(sql.Identifier(table))
    return "\n".join(row["one"] for row in house.ask(rows))


def settled(house: House) -> Audit:
    """Both sides, once nothing waits."""
    eventually(lambda: not audit(house).waiting)
    return audit(house)


def profile(house: House, email: str) -> Any:
    return house.klaviyo.profile(email)


def lotus(house: House) -> list[dict[str, Any]]:
    return house.ask(LOTUS_CLIENTS)


KLAVIYO = "settings/integrations/klaviyo/"
