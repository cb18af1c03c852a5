"""From the welcome email's link and its one-click header to a suppression at Klaviyo."""

import re
from email.message import EmailMessage

import pytest
import requests

from klaviyo_sandbox.testing import STAN
from tests.house import House, eventually
from tests.member import Member
from tests.visitor import Visitor

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ANA, BEA = "ana@unsubscribing.example", "bea@unsubscribing.example"


def test_a_no_by_footer_link_or_one_click_ends_as_a_suppression(house: House, stan: Member) -> None:
    stan.connect(STAN.id)
    for name, email in (("Ana", ANA), ("Bea", BEA)):
        stan.add_client(first_name=name, email=email)
    eventually(lambda: {ANA, BEA} <= there(house))

    by_footer_link(house, welcome(house, ANA))
    eventually(lambda: "Klaviyo may still email" in stan.card().text)
    stan.allow_suppression(STAN.id)
    eventually(lambda: ANA in house.klaviyo.suppressed(STAN.id))

    by_one_click(welcome(house, BEA))
    eventually(lambda: BEA in house.klaviyo.suppressed(STAN.id))


def by_footer_link(house: House, mail: EmailMessage) -> None:
    """Looking changes nothing; the page's one button does."""
    body = mail.get_body(("plain",))
    assert body is not None
    link = re.search(r"http://\S+/unsubscribe/\S+", body.get_content())
    assert link, body.get_content()
    visitor = Visitor(house.at.web).visit(link[0])
    assert house.ask("SELECT 1 FROM clients_client WHERE email = %s AND email_opt_in", ANA)

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


def welcome(house: House, address: str) -> EmailMessage:
    return eventually(lambda: house.mails_to(address))[0]


def there(house: House) -> set[str]:
    return {profile["attributes"]["email"] for profile in house.klaviyo.profiles(STAN.id)}
