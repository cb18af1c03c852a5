"""A list comes in: who is added and changed, who is refused and why, and that twice is once."""

import pytest

from clients import consent
from clients.imports.cleaning import Refusal
from clients.imports.mapping import ColumnMapping
from clients.models import Client, ClientEvent, ConsentSource, Run, RunRow, Withdrawal
from clients.runs import batches, control, runner
from studios.models import Studio
from tests.clients.conftest import AddClient
from tests.clients.imports.conftest import Importer, outcomes

pytestmark = pytest.mark.django_db

AGREED = {"Newsletter": {"ja": "yes", "abgemeldet": "no"}}


def test_a_list_comes_in(fays_list: Importer, lotus: Studio) -> None:
    run = fays_list.run(
        "Vorname;Name;E-Mail;Handy;Newsletter\n"
        "Ana;Pereira;Ana@Example.com;0171 2345678;ja\n"
        "Bo;Lindström;bo@example.com;;nein\n"
        ";;cy@example.com;;abgemeldet\n",
        AGREED,
    )

    ana, bo, cy = Client.objects.for_studio(lotus).order_by("pk")
    assert outcomes(run) == (3, 0, 0, 0)
    assert (ana.full_name, ana.email, ana.phone) == (
        "Ana Pereira",
        "Ana@Example.com",
        "+491712345678",
    )
    assert [client.consent_text for client in (ana, bo, cy)] == [
        "Agreed to emails",
        "Has not agreed to emails",
        "Opted out of emails",
    ]
    assert Withdrawal.stands(lotus, "CY@example.com")
    assert [event.text for event in ana.events.order_by("pk")] == [
        "Added by an import, by Fay Lindqvist",
        "Agreed to emails by an import, by Fay Lindqvist",
    ]
    assert Client.objects.found_by("lindstrom", "DE").get() == bo


def test_nobody_is_welcomed(fays_list: Importer) -> None:
    fays_list.run("Email,Newsletter\na@example.com,ja\n", AGREED)

    assert Client.objects.get().welcome_due_at is None


def test_twice_is_once(fays_list: Importer) -> None:
    text = (
        "First name,Last name,Email,Phone,Newsletter\n"
        "Ana,Pereira,ana@example.com,030 1234567,ja\n"
        "Bo,,,030 7654321,\n"
        "Cy,,,,\n"
        ",,dee@example.com,,abgemeldet\n"
    )
    fays_list.run(text, AGREED)
    before = list(Client.objects.order_by("pk").values())

    again = fays_list.run(text, AGREED)

    assert outcomes(again) == (0, 0, 4, 0)
    assert list(Client.objects.order_by("pk").values()) == before


def test_clients_are_found_by_their_address_in_any_spelling(
    fays_list: Importer, add_client: AddClient
) -> None:
    ana = add_client(first_name="Ana", email="Ana@Bücher.example", phone="+4930123456")

    run = fays_list.run(
        "First name,Last name,Email,Phone\nAnna,Pereira,ANA@xn--bcher-kva.example,\n"
    )

    ana.refresh_from_db()
    assert outcomes(run) == (0, 1, 0, 0)
    # A blank cell erases nothing, and the address stays as the desk typed it.
    assert (ana.full_name, ana.email, ana.phone) == (
        "Anna Pereira",
        "Ana@Bücher.example",
        "+4930123456",
    )
    last = ana.events.latest("pk")
    assert (
        last.text
        == "First name Ana → Anna, last name none → Pereira by an import, by Fay Lindqvist"
    )


def test_a_yes_is_only_what_was_said_to_be_one(fays_list: Importer) -> None:
    fays_list.run(
        "Email,Newsletter\na@example.com,ja\nb@example.com,yes\nc@example.com,1\nd@example.com,\n",
        AGREED,
    )

    assert Client.objects.get(email_opt_in=True).email == "a@example.com"


def test_nobody_is_opted_in_again(
    fays_list: Importer, add_client: AddClient, lotus: Studio
) -> None:
    ana = add_client(email="ana@example.com", email_opt_in=True)
    consent.withdraw(ana, source=ConsentSource.FOOTER)
    gone = add_client(email="gone@example.com", email_opt_in=True)
    consent.withdraw(gone, source=ConsentSource.FOOTER)
    gone.delete()

    run = fays_list.run("Email,Newsletter\nANA@example.com,ja\nGone@example.com,ja\n", AGREED)

    assert not Client.objects.opted_in()
    assert Client.objects.opted_out().count() == 2
    assert run.counts["consents"] == {"withdrawn": 2}


def test_an_opt_out_of_the_list_is_a_withdrawal(
    fays_list: Importer, add_client: AddClient, lotus: Studio
) -> None:
    ana = add_client(email="ana@example.com", email_opt_in=True)

    fays_list.run("Email,Unsubscribed\nana@example.com,2024-03-01\n", {"Unsubscribed": {"*": "no"}})

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert ana.consent_source == ConsentSource.IMPORT
    assert Withdrawal.stands(lotus, "ana@example.com")
    assert ClientEvent.objects.filter(client=ana, what=ClientEvent.What.WITHDREW).exists()


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        ("Ana,not an address,,", Refusal.EMAIL),
        (f"Ana,{'a' * 100}@example.com,,", Refusal.EMAIL_TOO_LONG),
        ("Ana,,0171 2345678 mum,", Refusal.PHONE),
        ('Ana,,"4,91712E+11",', Refusal.PHONE),
        ('Ana,,"0171 2345678, 030 1234567",', Refusal.PHONE),
        ("www.win.example,,,", Refusal.NAME),
        (f"{'A' * 121},,,", Refusal.NAME_TOO_LONG),
        (",,,ja", Refusal.NOBODY),
        ('"Ana,,,', Refusal.UNCLOSED_QUOTE),
    ],
)
def test_a_bad_row_is_refused_whole_with_its_reason(
    fays_list: Importer, row: str, reason: Refusal
) -> None:
    run = fays_list.run(f"First name,Email,Phone,Newsletter\n{row}\nBo,bo@example.com,,\n")

    refused = run.rows.get(outcome=RunRow.Outcome.REFUSED)
    assert (refused.line, refused.reason) == (2, reason)
    assert Client.objects.get().email == "bo@example.com"


def test_the_first_row_of_an_address_counts(fays_list: Importer) -> None:
    run = fays_list.run(
        "First name,Email\nAna,ana@example.com\nMum,ANA@Example.com\nBo,\nBo,\nBö,\n"
    )

    assert sorted(Client.objects.values_list("first_name", flat=True)) == ["Ana", "Bo"]
    assert list(run.rows.filter(reason=Refusal.REPEATED).values_list("line", "reason_about")) == [
        (3, "2"),
        (5, "4"),
        (6, "4"),
    ]


@pytest.mark.parametrize("order", ["yn", "ny"])
@pytest.mark.parametrize("at_once", [1, 500])
def test_one_no_among_the_rows_of_a_person_is_heard(
    fays_list: Importer, lotus: Studio, monkeypatch: pytest.MonkeyPatch, order: str, at_once: int
) -> None:
    monkeypatch.setattr("clients.imports.checking.AT_ONCE", at_once)
    monkeypatch.setattr(batches, "AT_ONCE", at_once)
    said = {"y": "ana@example.com,,ja", "n": "Ana@example.com,,abgemeldet"}

    fays_list.run("Email,Phone,Newsletter\n" + "\n".join(said[one] for one in order), AGREED)

    assert Client.objects.get().has_opted_out


@pytest.mark.parametrize("at_once", [1, 500])
@pytest.mark.parametrize("refused_first", [True, False])
def test_a_no_is_heard_even_from_a_row_that_is_refused(
    fays_list: Importer,
    lotus: Studio,
    add_client: AddClient,
    monkeypatch: pytest.MonkeyPatch,
    at_once: int,
    *,
    refused_first: bool,
) -> None:
    monkeypatch.setattr("clients.imports.checking.AT_ONCE", at_once)
    monkeypatch.setattr(batches, "AT_ONCE", at_once)
    ana = add_client(email="ana@example.com", email_opt_in=True)
    rows = [
        "ana@example.com,no number,abgemeldet",
        "new@example.com,no number,abgemeldet",
        "new@example.com,,ja",
    ]
    rows = rows if refused_first else rows[::-1]

    run = fays_list.run("Email,Phone,Newsletter\n" + "\n".join(rows), AGREED)

    ana.refresh_from_db()
    assert ana.has_opted_out
    assert Client.objects.get(email="new@example.com").has_opted_out
    assert outcomes(run) == (1, 0, 0, 2)


def test_an_opt_out_stands_for_an_address_that_no_client_has(
    fays_list: Importer, lotus: Studio
) -> None:
    fays_list.run("Email,Phone,Newsletter\nana@example.com,no number,abgemeldet\n", AGREED)

    assert not Client.objects.exists()
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_other_studios_are_not_touched(
    fays_list: Importer, add_client: AddClient, stans: Studio
) -> None:
    theirs = add_client(stans, first_name="Ana", email="ana@example.com")

    fays_list.run("First name,Email\nNot Ana,ana@example.com\n")

    theirs.refresh_from_db()
    assert theirs.first_name == "Ana"
    assert Client.objects.count() == 2


def test_a_run_goes_on_where_the_last_commit_left_it(
    fays_list: Importer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("clients.imports.checking.AT_ONCE", 2)
    monkeypatch.setattr(batches, "AT_ONCE", 2)
    text = "Email\n" + "".join(f"{number}@example.com\n" for number in range(7))
    run = fays_list.upload(text)
    control.map_columns(run, ColumnMapping(["email"]))

    def step_and_die() -> None:
        run.refresh_from_db()
        next(runner.steps(run))

    step_and_die()
    step_and_die()
    assert run.rows.count() == 4
    runner.run_all()
    run.refresh_from_db()
    assert run.state == Run.State.CHECKED
    assert run.rows.count() == 7
    control.start(run)
    step_and_die()
    step_and_die()
    assert Client.objects.count() == 4
    runner.run_all()

    run.refresh_from_db()
    assert run.state == Run.State.DONE
    assert Client.objects.count() == 7


def test_columns_changed_under_a_check_count_from_the_first_row_on(fays_list: Importer) -> None:
    run = fays_list.upload("A,B\nana@example.com,Ana\n")
    control.map_columns(run, ColumnMapping(["email", ""]))
    run.refresh_from_db()
    under_way = runner.steps(run)
    control.map_columns(run, ColumnMapping(["", "first_name"]))

    assert list(under_way) == [], "it goes on with columns that are no longer meant"
    runner.run_all()

    row = run.rows.get()
    assert (row.values["first_name"], row.values["email"]) == ("Ana", "")


def test_more_than_a_fifth_newly_in_or_out_asks_the_owner(
    fays_list: Importer, add_client: AddClient
) -> None:
    for number in range(8):
        add_client(email=f"{number}@example.com", email_opt_in=True)
    words = {"Unsubscribed": {"*": "no"}}
    two = fays_list.check("Email,Unsubscribed\n0@example.com,x\n1@example.com,x\n", words)

    with pytest.raises(control.OwnerNeededError):
        control.start(two)
    with pytest.raises(control.OwnerNeededError):
        control.start(two, owner_says="1")
    control.start(two, owner_says="2")

    one = fays_list.check("Email,Unsubscribed\n0@example.com,x\n", words)
    control.start(one)
