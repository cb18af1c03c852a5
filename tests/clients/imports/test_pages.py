"""The pages of an import, as the front desk, an owner and others meet them."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client as Browser

from clients.models import Client, Run
from clients.runs import runner
from studios.models import Studio
from tests.clients.conftest import AddClient
from tests.clients.imports.conftest import Importer
from tests.support.cast import browser_of

pytestmark = pytest.mark.django_db

IMPORT = "/s/lotus/clients/import/"
LIST = "First name,Email,Newsletter\nAna,ana@example.com,ja\nBo,no address,\n"


def upload(browser: Browser, content: bytes | str = LIST, name: str = "list.csv") -> Any:
    content = content.encode() if isinstance(content, str) else content
    return browser.post(IMPORT, {"file": SimpleUploadedFile(name, content)})


def text_of(browser: Browser, address: str) -> str:
    response = browser.get(address, follow=True)
    assert response.status_code == 200
    return response.content.decode()


def test_from_the_file_to_the_report(fays: Browser, olives: Browser) -> None:
    columns = upload(fays)["Location"]
    assert "What do the words in “Newsletter” mean?" in text_of(fays, columns)
    shown = fays.get(columns).context["form"]
    answers = {field.html_name: field.initial for field, _ in shown.columns}
    words = {field.html_name: "yes" for _, asked in shown.questions for field in asked}

    page = fays.post(columns, answers | words)["Location"]
    assert "rows checked" in text_of(fays, page)
    runner.run_all()
    preview = text_of(fays, page)
    assert "ana@example.com" in preview
    assert "The email address isn&#x27;t valid" in preview
    assert "An owner has to start it" in preview
    assert "Import 1 client" in text_of(olives, page)

    fays.post(f"{page}start/", {"confirmed": "1"})
    assert "confirm the new consent of 1 people" in text_of(fays, page)
    olives.post(f"{page}start/", {"confirmed": "1"})
    assert "rows imported" in text_of(fays, page)
    runner.run_all()
    report = text_of(fays, page)
    assert "Take it back" in report
    refused = b"".join(fays.get(f"{page}refused/"))
    assert refused.decode().splitlines() == [
        "\ufeffLine,Reason,First name,Email,Newsletter",
        "3,The email address isn't valid: no address,Bo,no address,",
    ]
    assert Client.objects.get().email_opt_in

    fays.post(f"{page}undo/")
    runner.run_all()
    assert "What was taken back" in text_of(fays, page)
    assert not Client.objects.exists()


def test_a_list_by_which_nobody_agrees_says_so_before_it_is_started(
    fays: Browser, fays_list: Importer
) -> None:
    said = fays_list.check(LIST, {"Newsletter": {"ja": ""}})
    unasked = fays_list.check("First name\nCy\n")

    assert "so nobody is opted in" in text_of(fays, said.get_absolute_url())
    assert "so nobody is opted in" not in text_of(fays, unasked.get_absolute_url())


def test_a_list_that_changes_nothing_has_nothing_to_start(
    fays: Browser, fays_list: Importer
) -> None:
    fays_list.run("First name,Email\nCy,cy@example.com\n")
    again = fays_list.check("First name,Email\nCy,cy@example.com\n")

    page = text_of(fays, again.get_absolute_url())

    assert "there is nothing to import" in page
    assert ">Import 0 clients" not in page
    assert "Import 1 client" not in page


def test_what_is_refused_is_shown_with_why_and_goes_back_as_the_list_came(
    fays: Browser, fays_list: Importer
) -> None:
    rows = [
        "Vorname;E-Mail;Handy;Newsletter",
        "Ana;ana@example.com;;ja",
        "Bo;ana@example.com;;abgemeldet",
        "Cy;;4,91712E+11;",
        "Di;;0171 2345678 mum;",
    ]
    run = fays_list.check("\n".join(rows), {"Newsletter": {"ja": "yes", "abgemeldet": "no"}})
    Run.objects.update(file_name="Kunden März.csv")

    page = text_of(fays, run.get_absolute_url())
    answer: Any = fays.get(f"{run.get_absolute_url()}refused/")

    back = b"".join(answer).decode().splitlines()
    assert back[0] == "\ufeffLine;Reason;Vorname;E-Mail;Handy;Newsletter"
    assert [line.split(";")[1] for line in back[1:]] == [
        "The same email address as in line 2: to keep both, leave it out of one. "
        "Its no to emails counts for line 2",
        "4,91712E+11 is a number that Excel shortened: make the column one of text there",
        "The phone number isn't one number that can be dialled: 0171 2345678 mum",
    ]
    assert "Excel shortened" in page
    assert "Kunden%20M%C3%A4rz-refused.csv" in answer["Content-Disposition"]


def test_what_changes_is_shown_as_it_is_and_as_it_will_be(
    fays: Browser, fays_list: Importer
) -> None:
    fays_list.run("First name,Email,Phone\nCy,cy@example.com,030 7654321\n")
    again = fays_list.check("First name,Email,Phone\nCyd,cy@example.com,030 1234567\n")

    page = text_of(fays, again.get_absolute_url())

    assert "First name Cy → Cyd, phone 030 7654321 → 030 1234567" in page


def test_words_of_a_column_chosen_by_hand_are_asked_about_first(
    fays: Browser,
) -> None:
    columns = upload(fays, "Email,Kreuz\nana@example.com,x\n")["Location"]
    chosen = {"column_0": "email", "column_1": "agreed"}

    asked = fays.post(columns, chosen)

    assert "What do the words in “Kreuz” mean?" in asked.content.decode()
    assert fays.post(columns, chosen | {"agreed_1_0": "yes", "agreed_1_1": ""}).status_code == 302


def test_a_list_without_anybody_to_be_known_by_is_not_checked(fays: Browser) -> None:
    columns = upload(fays, "A,B\n1,2\n")["Location"]

    answer = fays.post(columns, {"column_0": "", "column_1": ""})

    assert "Say which column holds the names" in answer.content.decode()


def test_columns_may_be_changed_after_the_check(fays: Browser) -> None:
    columns = upload(fays, "First name,Other\nAna,ana@example.com\n")["Location"]
    page = fays.post(columns, {"column_0": "first_name", "column_1": ""})["Location"]
    runner.run_all()
    assert "ana@example.com" not in text_of(fays, page)

    fays.post(columns, {"column_0": "first_name", "column_1": "email"})
    runner.run_all()

    assert "ana@example.com" in text_of(fays, page)
    assert 'value="email" selected' in text_of(fays, columns)


def test_how_columns_were_matched_is_remembered(
    fays: Browser, fays_list: Importer, lotus: Studio
) -> None:
    columns = upload(fays, "Wer,Ja?\nAna,x\n")["Location"]
    said = {
        "column_0": "full_name",
        "column_1": "agreed",
        "agreed_1_0": "yes",
        "agreed_1_1": "",
    }
    fays.post(columns, said)
    runner.run_all()
    fays_list.start(Run.objects.get())

    again = fays.get(upload(fays, "Ja?,Wer\nx,Bo\n")["Location"]).context["form"]

    assert [field.initial for field, _ in again.columns] == ["agreed", "full_name"]
    ((_, asked),) = again.questions
    assert [field.initial for field in asked] == ["yes", ""]


def test_what_was_done_to_many_since_is_no_list_to_be_remembered(
    fays: Browser, add_client: AddClient
) -> None:
    client = add_client(email="ana@example.com")
    chosen = {"do": "opt_out", "confirmed": "1", "client": str(client.public_id)}
    fays.post("/s/lotus/clients/many/", chosen)

    assert fays.get(upload(fays)["Location"]).status_code == 200


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b" ", "This file is empty"),
        (b"\x00\x01\x02\x00\xff" * 100, "no list of text"),
        (b"PK\x03\x04 and then nothing", "This workbook can&#x27;t be read"),
        (b"\xd0\xcf\x11\xe0 old", "Excel&#x27;s old format"),
        (b"a," * 300, "more than 200 columns"),
    ],
)
def test_what_is_no_list_is_refused_with_what_to_do(
    fays: Browser, content: bytes, words: str
) -> None:
    assert words in upload(fays, content).content.decode()
    assert not Run.objects.exists()


def test_a_list_can_be_discarded(fays: Browser, add_client: AddClient) -> None:
    upload(fays)

    fays.post(f"{Run.objects.get().get_absolute_url()}discard/")

    assert not Run.objects.exists()


def test_buttons_of_another_moment_do_nothing_and_say_so(
    fays: Browser, fays_list: Importer
) -> None:
    run = fays_list.run("Email\na@example.com\n")

    for button in ("start", "discard"):
        fays.post(f"{run.get_absolute_url()}{button}/")
        assert "has moved on meanwhile" in text_of(fays, run.get_absolute_url())

    run.refresh_from_db()
    assert run.state == Run.State.DONE


def test_progress_goes_on_by_itself_until_the_state_is_another(
    fays: Browser, fays_list: Importer
) -> None:
    run = fays_list.run("Email\na@example.com\n")
    asks = {"HX-Request": "true"}

    answer = fays.get(run.get_absolute_url(), {"state": "running"}, headers=asks)

    assert answer["HX-Refresh"] == "true"


def test_an_import_is_the_desks_and_its_studios_own(
    fays_list: Importer, ians: Browser, stan: Any
) -> None:
    run = fays_list.upload("Email\na@example.com\n")

    assert ians.get(IMPORT).status_code == 403
    assert ians.get(run.get_absolute_url()).status_code == 403
    theirs = run.get_absolute_url().replace("/lotus/", "/stans/")
    assert browser_of(stan).get(theirs).status_code == 404
    assert browser_of(stan).post(f"{theirs}discard/").status_code == 404
    assert "Import" not in ians.get("/s/lotus/clients/").content.decode()
