"""From the welcome email's link and its one-click header to a suppression at Klaviyo."""

import re
from email.message import EmailMessage

import pytest
import requests

from dev.klaviyo_sandbox.testing.client import STAN
from tests.support.browser import Visitor
from tests.support.member import Member
from tests.support.stack import Stack, eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ANA, BEA = "ana@unsubscribing.example", "bea@unsubscribing.example"


def test_a_no_by_footer_link_or_one_click_ends_as_a_suppression(stack: Stack, stan: Member) -> None:
    stan.connect(STAN.id)
    for name, email in (("Ana", ANA), ("Bea", BEA)):
        stan.add_client(first_name=name, email=email)
    eventually(lambda: {ANA, BEA} <= there(stack))

    by_footer_link(stack, welcome(stack, ANA))
    eventually(lambda: "Klaviyo may still email" in stan.card().text)
    stan.allow_suppression(STAN.id)
    eventually(lambda: ANA in stack.klaviyo.suppressed(STAN.id))

    by_one_click(welcome(stack, BEA))
    eventually(lambda: BEA in stack.klaviyo.suppressed(STAN.id))


def by_footer_link(stack: Stack, mail: EmailMessage) -> None:
    """Looking changes nothing; the page's one button does."""
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"http://\S+/unsubscribe/\S+", body.get_content())
    assert link, body.get_content()
    visitor = Visitor(stack.at.web).visit(link[0])
    assert stack.ask("SELECT 1 FROM clients_client WHERE email = %s AND email_opt_in", ANA)

    visitor.press("Stop these emails")

    assert "You won't get any more emails" in visitor.text


def by_one_click(mail: EmailMessage) -> None:
    """As a mail program does it: no cookie, no form token, and no redirect in the answer."""
    link = mail["List-Unsubscribe"].strip(" <>")
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"

    answer = requests.post(
        link, {"List-Unsubscribe": "One-Click"}, timeout=60, allow_redirects=False
    )

    assert answer.status_code == 200


def welcome(stack: Stack, address: str) -> EmailMessage:
    return eventually(lambda: stack.mails_to(address))[0]


def there(stack: Stack) -> set[str]:
    return {profile["attributes"]["email"] for profile in stack.klaviyo.profiles(STAN.id)}
