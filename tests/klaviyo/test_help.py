"""The help page tells all that was promised, and can't fall behind the code."""

import re
from html import unescape

import pytest
from django.conf import settings
from django.test import Client as Browser

from integrations.klaviyo import attempts, chores, operations, profiles
from integrations.klaviyo.reasons import WORDS, Reason
from integrations.klaviyo.views import consent
from junocal.settings import ROOT

pytestmark = pytest.mark.django_db

TEMPLATES = ROOT / "templates"
# Symptoms that others may have linked to: they stay.
STABLE = (
    "reconnect-required",
    "client-not-appearing",
    "duplicates-by-casing",
    "another-account",
    "opt-outs-waiting",
    "phone-missing",
    "email-belongs-to-another-profile",
    "still-suppressed",
)
LINKED = re.compile(r"""\{% url ['"]klaviyo:help['"] %\}#([\w-]+)""")


@pytest.fixture
def html() -> str:
    answer = Browser().get("/help/integrations/klaviyo/")
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


@pytest.fixture
def text(html: str) -> str:
    return " ".join(re.sub(r"<[^>]+>", " ", html).split())


def anchors(html: str) -> set[str]:
    return set(re.findall(r'<h[23] id="([\w-]+)"', html))


def test_every_scope_is_there_with_its_reason(html: str) -> None:
    for scope in operations.SCOPES:
        assert f"<code>{scope}</code>: {operations.WHY_SCOPES[scope]}" in html
    assert f"<code>{operations.SUPPRESSION_SCOPE}</code>" in html


def test_every_scope_has_a_reason() -> None:
    assert set(operations.WHY_SCOPES) == set(operations.SCOPES)


def test_every_field_is_there(html: str) -> None:
    for field in ("email", *profiles.OPTIONAL_FIELDS, operations.SOURCE_TAG[0]):
        assert f"<code>{field}</code>" in html


def test_every_limit_and_time_is_the_codes_own(text: str) -> None:
    limit = operations.LARGE

    assert f"{limit.burst} requests a second and {limit.steady} a minute" in text
    assert f"within {int(attempts.LIFE.total_seconds() // 60)} minutes" in text
    assert f"{chores.EVENTS_KEPT.days} days, or until you disconnect" in text
    assert f"at most {100} characters" in text


def test_every_reason_is_there_with_what_it_means_and_who_can_mend_it(text: str) -> None:
    assert set(WORDS) == set(Reason)
    for reason, words in WORDS.items():
        label = reason.label[0].upper() + reason.label[1:]
        assert f"{label} {words.means} {words.mend} Who can: {words.who}." in text


@pytest.mark.parametrize("symptom", STABLE)
def test_symptoms_that_are_linked_to_stay(html: str, symptom: str) -> None:
    assert symptom in anchors(html)


def test_every_link_to_a_symptom_arrives(html: str) -> None:
    pages = list(TEMPLATES.rglob("*.html"))
    linked = {anchor for page in pages for anchor in LINKED.findall(page.read_text())}
    within = set(re.findall(r'href="#([\w-]+)"', html))
    reasons = {words.symptom for words in WORDS.values()}

    assert len(linked) >= 6
    assert linked | within | reasons | set(consent.SYMPTOMS.values()) <= anchors(html)


@pytest.mark.parametrize("why", sorted(set(consent.REFUSALS.values()) | {"denied"}))
def test_every_refusal_has_its_words(why: str) -> None:
    words = (TEMPLATES / "klaviyo" / "refusals" / f"_{why}.html").read_text()

    assert words.startswith("<h1>")


PROMISED = [
    "Connect Klaviyo",
    "Disconnect",
    "AES-256-GCM",
    "TLS 1.2",
    "junocal_source equals junocal",
    "SMS",
    "sends no events",
    "/webhooks/klaviyo/",
    "within 48 hours",
    "never lifts a suppression",
]


@pytest.mark.parametrize("words", PROMISED)
def test_what_was_promised_is_there(text: str, words: str) -> None:
    assert words in text


def test_one_can_write_to_us(html: str) -> None:
    assert f'href="mailto:{settings.SUPPORT_EMAIL}"' in html


def test_the_card_leads_to_the_help_page() -> None:
    assert "{% url 'klaviyo:help' %}" in (TEMPLATES / "klaviyo" / "card.html").read_text()
