"""The pages of the list: one after the other in any order, how many there are, and the way back."""

from collections.abc import Sequence
from datetime import timedelta
from urllib.parse import urlencode

import pytest
from django.test import Client as Browser
from django.utils import timezone

from clients.listing import counts, keyset, matches
from clients.models import Client, KeptCounts
from studios.models import Studio
from tests.clients.conftest import AddClient

pytestmark = pytest.mark.django_db

LIST = "/s/lotus/clients/"


def names(response) -> Sequence[str]:  # type: ignore[no-untyped-def]
    return [row.name for row in response.context["list"].rows]


@pytest.fixture
def five(add_client: AddClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyset, "ROWS_ON_A_PAGE", 2)
    for name in "ABCDE":
        add_client(first_name=name, last_name="Same")


def shown(response) -> tuple[Sequence[str], str]:  # type: ignore[no-untyped-def]
    """The names on a page, and which of how many it says they are."""
    page = response.context["list"]
    return [name[0] for name in names(response)], f"{page.first}–{page.last} of {page.total}"


@pytest.mark.parametrize("asked", ["", "q=same", "consent=not-agreed", "q=same&consent=not-agreed"])
def test_pages_follow_each_other_without_gaps_and_back(
    ians: Browser, five: None, asked: str
) -> None:
    first = ians.get(f"{LIST}?{asked}")
    second = ians.get(first.context["list"].next_url)
    third = ians.get(second.context["list"].next_url)

    assert shown(first) == (["A", "B"], "1–2 of 5")
    assert shown(second) == (["C", "D"], "3–4 of 5")
    assert shown(third) == (["E"], "5–5 of 5")
    assert first.context["list"].previous_url == third.context["list"].next_url == ""
    assert shown(ians.get(third.context["list"].previous_url)) == shown(second)
    assert shown(ians.get(second.context["list"].previous_url)) == shown(first)
    assert shown(ians.get(first.context["list"].last_url)) == (["D", "E"], "4–5 of 5")


@pytest.mark.parametrize(
    ("sort", "order"), [("", "ABCDE"), ("-name", "EDCBA"), ("added", "EDCBA"), ("-added", "ABCDE")]
)
def test_every_order_goes_on_over_the_pages(
    ians: Browser, five: None, sort: str, order: str
) -> None:
    seen: list[str] = []
    url = f"{LIST}?sort={sort}"
    while url:
        response = ians.get(url)
        seen += shown(response)[0]
        url = response.context["list"].next_url

    assert seen == list(order)


def test_where_the_page_began_may_be_gone(ians: Browser, five: None, lotus: Studio) -> None:
    url = ians.get(LIST).context["list"].next_url
    Client.objects.for_studio(lotus).get(first_name="B").delete()

    assert shown(ians.get(url)) == (["A", "C"], "1–2 of 4")


@pytest.mark.parametrize("capped", [1, 3])
def test_what_too_many_match_is_not_counted_on(
    ians: Browser, five: None, monkeypatch: pytest.MonkeyPatch, capped: int
) -> None:
    monkeypatch.setattr(matches, "MOST_TALLIED", 1)
    monkeypatch.setattr(matches, "MOST_SORTED", capped)

    first = ians.get(LIST, {"q": "same"})
    second = ians.get(first.context["list"].next_url)

    assert "more than" in first.content.decode()
    assert [link.count for link in first.context["list"].filters[0].links] == [None] * 4
    assert [shown(page)[0] for page in (first, second)] == [["A", "B"], ["C", "D"]]


@pytest.mark.django_db(transaction=True)
def test_a_large_studios_counts_are_kept_and_counted_anew_beside(
    ians: Browser, five: None, lotus: Studio, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(counts, "COUNTED_AT_EACH_LOOK", 3)
    assert shown(ians.get(LIST))[1] == "1–2 of 5"
    Client.objects.for_studio(lotus).get(first_name="E").delete()
    KeptCounts.objects.update(counted_at=timezone.now() - timedelta(hours=1), took=timedelta())

    old = ians.get(LIST)
    counts.counter.wait(20)

    assert shown(old)[1] == "1–2 of 5"
    assert "(counted" in old.content.decode()
    assert shown(ians.get(LIST))[1] == "1–2 of 4"


def test_saving_leads_back_to_where_one_was_with_the_client_marked(
    fays: Browser, five: None
) -> None:
    page = fays.get(fays.get(f"{LIST}?q=same&consent=not-agreed").context["list"].next_url)
    row = page.context["list"].rows[1]
    edit = row.url.replace("/?", "/edit/?")

    form = fays.get(edit)
    saved = fays.post(edit, {"first_name": "Dee", "last_name": "Same", "consent_version": "0"})
    back = fays.get(saved["Location"])

    assert "consent%3Dnot-agreed" in edit
    assert page.request["QUERY_STRING"].replace("&", "&amp;") in form.content.decode()
    assert names(back) == ["C Same", "Dee Same"]
    assert [one.is_saved for one in back.context["list"].rows] == [False, True]
    assert back.context["list"].asked == page.context["list"].asked


@pytest.mark.parametrize(
    "back",
    ["https://evil.example", "//evil.example", "q=x&next=//evil.example", "\x00", "a" * 9999],
)
def test_the_way_back_leads_nowhere_but_into_the_list(
    fays: Browser, ana: Client, back: str
) -> None:
    edit = f"{ana.get_absolute_url()}edit/"

    saved = fays.post(f"{edit}?{urlencode({'back': back})}", {"first_name": "Ana"})

    assert saved["Location"].startswith("/s/lotus/clients/?")
    assert "evil" not in saved["Location"]


def test_a_clients_page_leads_to_the_next_one_of_the_same_list(
    fays: Browser, add_client: AddClient
) -> None:
    ana, _, cem = (
        add_client(first_name=name, email=f"{name}@example.com", email_opt_in=name != "Bea")
        for name in ("Ana", "Bea", "Cem")
    )

    def page(client: Client, **query: str) -> str:
        return fays.get(client.get_absolute_url(), query).content.decode()

    assert "Next: Bea" in page(ana)
    assert "Next: Cem" in page(ana, back="consent=agreed")
    assert "Next: Bea" in page(cem, back="sort=-name")
    assert "Next: " not in page(cem)
