"""The help page tells all that was promised, and can't fall behind the code."""

import re
from html import unescape

import pytest
from django.conf import settings
from django.test import Client as Browser
from django.urls import reverse

from integrations.klaviyo import contract
from integrations.klaviyo.connection import authorization
from integrations.klaviyo.connection.refusals import RefusedError
from integrations.klaviyo.reasons import EXPLANATIONS, Reason
from integrations.klaviyo.worker import maintenance
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
    for scope in contract.SCOPES:
        assert f"<code>{scope}</code>: {contract.WHY_SCOPES[scope]}" in html
    for feature in contract.FEATURES.values():
        assert feature.name in html
        assert all(f"<code>{scope}</code>" in html for scope in feature.scopes)


def test_every_scope_has_a_reason() -> None:
    assert set(contract.WHY_SCOPES) == set(contract.SCOPES)


def test_every_field_is_there(html: str) -> None:
    for field in ("email", *contract.PROFILE_FIELDS, contract.SOURCE_TAG[0]):
        assert f"<code>{field}</code>" in html


def test_every_limit_and_time_is_the_codes_own(text: str) -> None:
    limit = contract.LARGE

    assert f"{limit.burst} requests a second and {limit.steady} a minute" in text
    assert f"within {int(authorization.LIFE.total_seconds() // 60)} minutes" in text
    assert f"{maintenance.EVENTS_KEPT.days} days, or until you disconnect" in text
    assert f"at most {100} characters" in text


def test_every_reason_is_there_with_what_it_means_and_who_can_mend_it(text: str) -> None:
    assert set(EXPLANATIONS) == set(Reason)
    for reason, explanation in EXPLANATIONS.items():
        label = reason.label[0].upper() + reason.label[1:]
        assert (
            f"{label} {explanation.meaning} {explanation.fix} Who can: {explanation.fixed_by}."
            in text
        )


@pytest.mark.parametrize("symptom", STABLE)
def test_symptoms_that_are_linked_to_stay(html: str, symptom: str) -> None:
    assert symptom in anchors(html)


def test_every_link_to_a_symptom_arrives(html: str) -> None:
    pages = list(TEMPLATES.rglob("*.html"))
    linked = {anchor for page in pages for anchor in LINKED.findall(page.read_text())}
    within = set(re.findall(r'href="#([\w-]+)"', html))
    refusals = {error.help_anchor for error in RefusedError.__subclasses__()}
    reasons = {explanation.help_anchor for explanation in EXPLANATIONS.values()}

    assert len(linked) >= 6
    assert linked | within | reasons | refusals <= anchors(html)


@pytest.mark.parametrize("why", sorted(error.page for error in RefusedError.__subclasses__()))
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


def test_the_integrations_page_leads_to_the_help_page(olives: Browser) -> None:
    page = olives.get(reverse("integrations:settings", args=["lotus"])).content.decode()

    assert f'href="{reverse("klaviyo:help")}"' in page
