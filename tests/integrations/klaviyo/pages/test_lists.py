"""The lists behind the counters: who, why, and what to press; and the list for Klaviyo's upload."""

import csv
import io
import re
from html import unescape
from typing import Any

import pytest
from django.test import Client as Browser

from clients.models import Client
from integrations.klaviyo.contract import SCOPES
from integrations.klaviyo.models import ClientSync, Connection, Exposure
from integrations.klaviyo.pages import unreported_opt_outs
from integrations.klaviyo.reasons import NEEDS_ATTENTION, Reason
from studios.models import Studio
from tests.support.klaviyo.scene import Scene

pytestmark = pytest.mark.django_db

HERE = "/s/lotus/settings/integrations/klaviyo/"


def read(browser: Browser, path: str) -> str:
    answer = browser.get(HERE + path)
    assert answer.status_code == 200
    return " ".join(unescape(answer.content.decode()).split())


def rows(html: str) -> list[str]:
    return re.findall(r"data-row>([^<]+)<", html)


def addresses(browser: Browser) -> list[list[str]]:
    answer = browser.get(HERE + "opt-outs.csv")
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert "attachment" in answer["Content-Disposition"]
    return list(csv.reader(io.StringIO(answer.content.decode())))


@pytest.fixture
def waiting_opt_outs(scene: Scene) -> list[Client]:
    """Ana and Bo opted out; Klaviyo has not allowed Junocal to pass it on."""
    scene.connect(scopes=SCOPES)
    clients = [scene.add(first_name=name, email=f"{name}@Lotus.test") for name in ("Ana", "Bo")]
    scene.work()
    for client in clients:
        scene.opt_out(client)
    scene.work()
    return clients


# --- Needs attention ------------------------------------------------------------------------------


@pytest.mark.parametrize("reason", NEEDS_ATTENTION)
def test_each_reason_says_what_it_means_and_what_mends_it(
    scene: Scene, olives: Browser, reason: Reason
) -> None:
    scene.add(first_name="Ana", email="ana@lotus.test")
    scene.sync()
    ClientSync.objects.update(reason=reason)
    explanation = ClientSync.objects.get().explanation
    assert explanation

    html = read(olives, "attention/")

    assert rows(html) == ["Ana"]
    assert explanation.meaning in html
    assert explanation.fix in html
    assert f"#{explanation.help_anchor}" in html


def test_the_list_can_be_narrowed_to_a_reason(
    waiting_opt_outs: list[Client], scene: Scene, olives: Browser
) -> None:
    cyd = scene.add(first_name="Cyd", email="cyd@lotus.test")
    scene.work()
    scene.change_to_taken(cyd, "taken@lotus.test")

    assert sorted(rows(read(olives, "attention/"))) == ["Ana", "Bo", "Cyd"]
    assert rows(read(olives, "attention/?reason=email_taken")) == ["Cyd"]
    assert len(rows(read(olives, "attention/?reason=permission_missing"))) == 2
    assert len(rows(read(olives, "attention/?reason=%00"))) == 3


def test_an_opt_out_on_the_list_leads_to_where_it_can_be_mended(
    waiting_opt_outs: list[Client], olives: Browser
) -> None:
    html = read(olives, "attention/")

    assert html.count("See opt-outs") == 2
    assert "Send again" not in html


def test_retrying_all_sends_what_can_be_sent_by_now(scene: Scene, olives: Browser) -> None:
    ana = scene.add(email="ana@lotus.test")
    scene.sync()
    [taken] = scene.klaviyo.seed({"email": "taken@lotus.test"})
    scene.change(ana, email="taken@lotus.test")
    scene.work()
    scene.klaviyo.delete_profile(taken)

    olives.post(HERE + "retry/")
    on_its_way = read(olives, "attention/")
    scene.work()

    assert "Nothing needs you" in on_its_way
    assert scene.klaviyo.profile("taken@lotus.test")


def test_long_lists_come_in_pages(scene: Scene, lotus: Studio, olives: Browser) -> None:
    Client.objects.bulk_create(
        Client(
            studio=lotus,
            first_name=f"C{number}",
            email_opt_in=False,
            unsubscribe_token=f"token {number}",
        )
        for number in range(60)
    )

    assert len(rows(read(olives, "not-sent/"))) == 50
    assert len(rows(read(olives, "not-sent/?page=2"))) == 10
    assert len(rows(read(olives, "not-sent/?page=%00"))) == 50


# --- Not sent -------------------------------------------------------------------------------------


def test_who_is_not_sent_stands_there_with_the_reason(scene: Scene, olives: Browser) -> None:
    scene.add(first_name="Ana", email="ana@lotus.test", email_opt_in=False)
    scene.add(first_name="Bo")
    gone = scene.add(first_name="Cyd", email="cyd@lotus.test")
    scene.sync()
    scene.opt_out(gone)
    scene.work()

    html = read(olives, "not-sent/")

    assert sorted(rows(html)) == ["Ana", "Bo", "Cyd"]
    for words in ("Not agreed to emails", "No email", "Opted out"):
        assert words in html
    assert rows(read(olives, "not-sent/?reason=no_email")) == ["Bo"]
    assert rows(read(olives, "not-sent/?reason=opted_out")) == ["Cyd"]


def test_empty_lists_say_so(scene: Scene, synced: Connection, olives: Browser) -> None:
    assert "Nobody is left out" in read(olives, "not-sent/")
    assert "Nothing needs you" in read(olives, "attention/")
    assert "No opt-out waits" in read(olives, "opt-outs/")


# --- Opt-outs waiting for the owner ---------------------------------------------------------------


def test_the_list_says_who_under_which_address_and_how_to_stop_klaviyo(
    waiting_opt_outs: list[Client], olives: Browser
) -> None:
    html = read(olives, "opt-outs/")

    assert rows(html) == ["Ana", "Bo"]
    assert "ana@lotus.test" in html
    assert "Klaviyo may still email them" in html
    assert "Allow automatic suppression" in html
    assert html.count("button--primary") == 1


def test_the_download_is_what_klaviyos_upload_takes(
    waiting_opt_outs: list[Client], olives: Browser
) -> None:
    assert addresses(olives) == [["Email"], ["ana@lotus.test"], ["bo@lotus.test"]]


def test_an_earlier_address_of_the_client_is_on_the_list_too(scene: Scene, olives: Browser) -> None:
    """Klaviyo made a profile of hers at each, the first time without saying so."""
    scene.connect(scopes=SCOPES)
    scene.klaviyo.fault("reset_after", operation="create_profile", times=1)
    ana = scene.add(email="old@lotus.test")
    scene.work()
    scene.change(ana, email="new@lotus.test")
    scene.come_to_rest()
    scene.opt_out(ana)
    scene.work()

    assert addresses(olives)[1:] == [["new@lotus.test"], ["old@lotus.test"]]


def test_an_address_that_another_client_who_agreed_now_has_is_not_on_the_list(
    waiting_opt_outs: list[Client], lotus: Studio, olives: Browser, scene: Scene
) -> None:
    ana = waiting_opt_outs[0]
    row = ClientSync.objects.get(client=ana)
    Exposure.objects.create(
        connection=row.connection,
        sync=row,
        address="shared@lotus.test",
        spelling="Shared@lotus.test",
    )
    scene.add(first_name="Bea", email="shared@Lotus.test")

    assert ["Shared@lotus.test"] not in addresses(olives)
    assert "Shared@lotus.test" not in read(olives, "opt-outs/")
    [first, _] = unreported_opt_outs.opt_outs(lotus, unreported_opt_outs.for_owner(lotus))
    assert first.addresses == ["ana@lotus.test"]


def test_the_list_ends_with_the_permission(
    waiting_opt_outs: list[Client], olives: Browser, scene: Scene
) -> None:
    ClientSync.objects.update(reason="")

    assert "No opt-out waits" in read(olives, "opt-outs/")
    assert addresses(olives) == [["Email"]]


def test_another_studios_opt_outs_are_not_on_the_list(
    waiting_opt_outs: list[Client], stans: Studio, olives: Browser
) -> None:
    ClientSync.objects.update(studio=stans)

    assert "No opt-out waits" in read(olives, "opt-outs/")
    assert addresses(olives) == [["Email"]]


def test_while_disconnecting_no_permission_is_asked_for(
    waiting_opt_outs: list[Client], olives: Browser
) -> None:
    olives.post(HERE + "disconnect/")

    html = read(olives, "opt-outs/")

    assert Connection.objects.get().is_disconnecting
    assert "Allow automatic suppression" not in html
    assert "Download the list" in html


# --- As files, and by reason ----------------------------------------------------------------------


def file(browser: Browser, path: str) -> list[dict[str, str]]:
    answer: Any = browser.get(HERE + path)
    assert "attachment" in answer["Content-Disposition"]
    text = answer.getvalue().decode().removeprefix("\ufeff")
    return list(csv.DictReader(io.StringIO(text)))


def test_who_is_left_out_as_a_file_with_the_reason(scene: Scene, olives: Browser) -> None:
    scene.add(first_name="Ana", email="ana@lotus.test", email_opt_in=False)
    scene.add(first_name="=Bo", phone="+4930123456")
    scene.sync()

    found = {
        row["First name"]: (row["Phone"], row["Reason"]) for row in file(olives, "not-sent.csv")
    }
    assert found == {"Ana": ("", "not agreed to emails"), "'=Bo": ("030 123456", "no email")}
    assert [row["First name"] for row in file(olives, "not-sent.csv?reason=no_email")] == ["'=Bo"]


def needing(scene: Scene, **reasons: Reason) -> None:
    for name in reasons:
        scene.add(first_name=name, email=f"{name}@lotus.test")
    scene.sync()
    for name, reason in reasons.items():
        ClientSync.objects.filter(client__first_name=name).update(reason=reason)


def test_who_needs_somebody_as_a_file_with_the_reason(scene: Scene, olives: Browser) -> None:
    needing(scene, ana=Reason.EMAIL_INVALID, bo=Reason.REFUSED)

    assert {row["First name"]: row["Reason"] for row in file(olives, "attention.csv")} == {
        "ana": "email not valid",
        "bo": "Klaviyo does not accept this client",
    }
    assert len(file(olives, "attention.csv?reason=refused")) == 1


def test_those_of_one_reason_are_retried_alone(scene: Scene, olives: Browser) -> None:
    needing(scene, ana=Reason.EMAIL_INVALID, bo=Reason.REFUSED)
    assert "Retry these" in read(olives, "attention/?reason=refused")

    olives.post(HERE + "retry/", {"reason": "refused"})

    waits = ClientSync.objects.unsettled().values_list("client__first_name", flat=True)
    assert list(waits) == ["bo"]
