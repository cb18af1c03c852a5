"""Klaviyo's side ends the connection: Junocal learns of it by webhook, or at the next refresh."""

import pytest

from tests.support.member import Member
from tests.support.stack import Stack, eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

Studio = tuple[Member, str]


def test_an_uninstall_is_told_by_the_signed_webhook_and_mended_by_reconnecting(
    stack: Stack, new_studio: Studio
) -> None:
    owner, account = new_studio
    ana = connected_with_a_client(stack, owner, account)

    stack.klaviyo.uninstall(account)

    reconnect_is_asked_for(stack, owner)
    assert stack.klaviyo.deliveries()[-1]["outcome"] == "answered 200"

    owner.edit_client(ana, first_name="Anna")
    owner.connect(account, button="Reconnect")

    eventually(lambda: name_there(stack, account) == "Anna")
    assert len(stack.klaviyo.profiles(account)) == 1
    eventually(lambda: "In Klaviyo, up to date" in owner.line_of(ana))
    assert "Reconnect required" not in owner.visit(owner.at("settings/team/")).text


def test_an_uninstall_without_a_word_is_noticed_at_the_next_refresh(
    stack: Stack, new_studio: Studio
) -> None:
    owner, account = new_studio
    ana = connected_with_a_client(stack, owner, account)

    stack.klaviyo.uninstall(account, tell=False)
    stack.klaviyo.expire_tokens(account)
    owner.edit_client(ana, first_name="Anna")

    reconnect_is_asked_for(stack, owner)
    assert name_there(stack, account) == "Ana"


def connected_with_a_client(stack: Stack, owner: Member, account: str) -> str:
    owner.connect(account)
    ana = owner.add_client(first_name="Ana", email="ana@uninstalling.example")
    eventually(lambda: name_there(stack, account) == "Ana")
    return ana


def reconnect_is_asked_for(stack: Stack, owner: Member) -> None:
    """On the card, on every Settings page, in one email; and nothing of Klaviyo is left."""
    eventually(lambda: "Reconnect required" in owner.card().text)
    assert "Reconnect required" in owner.visit(owner.at("settings/")).text
    address = f"owner@{owner.slug}.example"
    about = "Klaviyo"
    mails = eventually(lambda: [m for m in stack.mails_to(address) if about in m["Subject"]])
    assert len(mails) == 1
    bound = stack.ask(
        "SELECT 1 FROM clients_client client JOIN studios_studio studio"
        " ON studio.id = client.studio_id LEFT JOIN klaviyo_connection connection"
        " ON connection.studio_id = studio.id WHERE studio.slug = %s"
        " AND (client.klaviyo_profile_id IS NOT NULL OR connection.id IS NOT NULL)",
        owner.slug,
    )
    assert bound == []


def name_there(stack: Stack, account: str) -> str | None:
    profile = stack.klaviyo.profile("ana@uninstalling.example", account)
    return profile["first_name"] if profile else None
