"""Every page in every state: its pictures, axe, 400 % zoom. The pictures are in `screenshots/`."""

from collections.abc import Callable

import pytest
from playwright.sync_api import Page, expect

from dev.klaviyo_sandbox.testing.client import LOTUS
from tests.browser.conftest import OpenTab
from tests.browser.looking import Complaints, look
from tests.support.member import Member
from tests.support.stack import Stack, eventually

pytestmark = pytest.mark.timeout(600)

CARD = "/s/lotus/settings/integrations/"
KLAVIYO = f"{CARD}klaviyo/"
SLOW_S = 6  # as long as Klaviyo takes to revoke while "Disconnecting" is looked at

SignIn = Callable[[Page, str], Page]


def test_pages_that_anybody_may_open(stack: Stack, open_tab: OpenTab) -> None:
    tab = open_tab()
    wrong: Complaints = []
    for name, address in {
        "front": "/",
        "sign-in": "/accounts/login/",
        "sign-up": "/accounts/signup/",
        "forgotten-password": "/accounts/password/reset/",
        "help": "/help/integrations/klaviyo/",
        "not-found": "/nowhere/",
        "unsubscribe-unknown": "/unsubscribe/unknown/",
        "unsubscribe": f"/unsubscribe/{a_token(stack)}/",
        "sandbox": stack.at.sandbox,
        "sandbox-profiles": f"{stack.at.sandbox}/accounts/{LOTUS.id}/profiles",
    }.items():
        tab.goto(address)
        wrong += look(tab, name)
    tab.goto("/accounts/login/")
    tab.get_by_label("Email").fill("nobody@lotus.example")
    tab.get_by_label("Password").fill("not the right one")
    tab.get_by_role("button", name="Sign in").click()
    wrong += look(tab, "sign-in-refused")
    assert wrong == []


def test_pages_of_people_and_clients(stack: Stack, open_tab: OpenTab, sign_in: SignIn) -> None:
    tab = sign_in(open_tab(), "olive")
    client = f"/s/lotus/clients/{a_client(stack)}/"
    wrong: Complaints = []
    for name, address in {
        "clients": "/s/lotus/clients/",
        "clients-none-found": "/s/lotus/clients/?q=nobodywiththisname",
        "client": client,
        "client-edit": f"{client}edit/",
        "client-delete": f"{client}delete/",
        "client-new": "/s/lotus/clients/new/",
        "settings": "/s/lotus/settings/",
        "team": "/s/lotus/settings/team/",
        "account": "/accounts/email/",
        "two-factor": "/accounts/2fa/",
        "studio-new": "/studios/new/",
    }.items():
        tab.goto(address)
        wrong += look(tab, name)
    tab.goto("/s/lotus/clients/new/")
    tab.get_by_label("Email", exact=False).first.fill("nothing like an address")
    tab.get_by_label("Phone", exact=False).first.fill("12")
    tab.get_by_role("button", name="Save client").click()
    wrong += look(tab, "client-new-refused")
    fay = sign_in(open_tab(), "fay")
    fay.goto(CARD)
    wrong += look(fay, "not-for-your-role")
    assert wrong == []


def test_the_card_in_every_state(not_connected: Stack, open_tab: OpenTab, sign_in: SignIn) -> None:
    stack = not_connected
    tab = sign_in(open_tab(), "olive")
    desk = Member(stack, "lotus").sign_in("fay@lotus.example", stack.secrets.password)
    states = Card(stack, tab, desk)

    states.connecting()
    states.working()
    states.troubled()
    states.ending()

    assert states.wrong == []


class Card:
    """Takes the card from state to state, and looks at it and its lists in each."""

    def __init__(self, stack: Stack, tab: Page, desk: Member) -> None:
        self.stack, self.tab, self.desk = stack, tab, desk
        self.wrong: Complaints = []

    def look(self, name: str, state: str = "", at: str = CARD) -> None:
        self.tab.goto(at)
        if state:
            expect(self.tab.locator("#klaviyo-card .panel__header")).to_contain_text(state)
        self.wrong += look(self.tab, name)

    def press(self, words: str) -> None:
        self.tab.goto(CARD)
        self.tab.get_by_role("button", name=words).click()

    def connecting(self) -> None:
        self.look("card-not-connected", "Not connected")
        self.press("Connect Klaviyo")
        self.wrong += look(self.tab, "sandbox-consent")
        self.tab.get_by_role("button", name="Deny").click()
        self.wrong += look(self.tab, "card-denied")
        self.stack.klaviyo.fault("delay", operation="create_profile", seconds=1)
        self.press("Connect Klaviyo")
        self.tab.get_by_role("button", name="Allow").click()
        self.look("card-sending", "Sending")
        self.stack.klaviyo.clear_faults()
        expect(self.tab.locator("#counter-waiting .counter__number")).to_have_text("0")

    def working(self) -> None:
        self.desk.opt_out(a_client(self.stack))
        self.look("card-opt-outs-waiting", "Opt-outs waiting")
        self.look("opt-outs", at=f"{KLAVIYO}opt-outs/")
        self.look("disconnect-with-opt-outs", at=f"{KLAVIYO}disconnect/")
        self.press("Allow automatic suppression")
        self.tab.get_by_role("button", name="Allow").click()
        self.look("card-connected", "Working")
        self.look("opt-outs-none", at=f"{KLAVIYO}opt-outs/")
        self.look("not-sent", at=f"{KLAVIYO}not-sent/")
        self.look("attention-none", at=f"{KLAVIYO}attention/")
        self.look("clients-connected", at="/s/lotus/clients/")
        self.look("client-connected", at=f"/s/lotus/clients/{a_client(self.stack)}/")
        self.press("Pause")
        self.look("card-paused", "Paused")
        self.press("Resume")

    def troubled(self) -> None:
        client = a_client(self.stack)
        self.stack.klaviyo.seed({"email": "taken@example.com"})
        self.desk.edit_client(client, email="taken@example.com")
        self.look("card-needs-attention", "Clients need attention")
        self.look("attention", at=f"{KLAVIYO}attention/")
        self.look("client-needs-attention", at=f"/s/lotus/clients/{client}/")
        self.desk.edit_client(client, email="another@example.com")
        self.while_klaviyo_answers("500", "not-answering", "Klaviyo not answering")
        self.while_klaviyo_answers("401", "suspended", "Klaviyo refuses access")
        self.press("Try again now")
        self.while_klaviyo_answers("410", "outdated", "Junocal has to be updated")
        self.a_minute_passes()
        self.while_no_worker_runs()
        self.look("card-connected-again", "Working")

    def a_minute_passes(self) -> None:
        """The suspended connection is tried once more."""
        self.stack.ask("UPDATE klaviyo_clientsync SET due_at = now() RETURNING id")
        self.stack.ask("UPDATE klaviyo_connection SET suspended_until = now() RETURNING id")
        self.stack.ask("UPDATE klaviyo_turn SET next_at = now() RETURNING id")

    def while_no_worker_runs(self) -> None:
        """As a minute after the last one was killed."""
        self.look("card-connected-again", "Working")
        worker = self.stack.process("worker")
        worker.kill()
        self.stack.ask("UPDATE klaviyo_worker SET seen_at = now() - interval '2 min' RETURNING id")
        client = a_client(self.stack)
        self.desk.edit_client(client, first_name="Meanwhile")
        self.look("card-no-worker", "Nothing is being sent")
        self.look("client-no-worker", at=f"/s/lotus/clients/{client}/")
        worker.start()

    def while_klaviyo_answers(self, status: str, name: str, state: str) -> None:
        self.look("card-connected-again", "Working")
        self.stack.klaviyo.fault(status, operation="update_profile")
        self.desk.edit_client(a_client(self.stack), first_name=f"During {status}")
        eventually(lambda: state in self.desk_sees())
        self.look(f"card-{name}", state)
        self.stack.klaviyo.clear_faults()

    def desk_sees(self) -> str:
        """The owner's card, as it is now."""
        self.tab.goto(CARD)
        return self.tab.locator("#klaviyo-card .panel__header").inner_text()

    def ending(self) -> None:
        self.stack.klaviyo.fault("delay", operation="oauth_revoke", seconds=SLOW_S)
        self.tab.goto(f"{KLAVIYO}disconnect/")
        self.wrong += look(self.tab, "disconnect")
        self.tab.get_by_role("button", name="Disconnect").click()
        self.look("card-disconnecting", "Disconnecting")
        self.look("card-disconnected", "Disconnected")
        self.press("Connect Klaviyo")
        self.tab.get_by_role("button", name="Allow").click()
        self.stack.klaviyo.uninstall()
        self.look("card-reconnect-required", "Reconnect required")
        self.look("team-reconnect-required", at="/s/lotus/settings/team/")


def a_client(stack: Stack) -> str:
    """One of Lotus who agreed to emails, the same each time."""
    (row,) = stack.ask(AGREED)
    return str(row["public_id"])


def a_token(stack: Stack) -> str:
    (row,) = stack.ask(AGREED)
    return str(row["unsubscribe_token"])


AGREED = """
SELECT client.* FROM clients_client client
  JOIN studios_studio studio ON studio.id = client.studio_id
 WHERE studio.slug = 'lotus' AND client.email_opt_in AND client.email <> '' AND client.phone <> ''
 ORDER BY client.id LIMIT 1
"""
