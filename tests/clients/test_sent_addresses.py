"""A withdrawal reaches as far as mail did: every address at which the client was written to."""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import IntegrityError, connection, transaction

from clients import consent
from clients.emails import welcomes
from clients.models import Client, ClientEvent, ConsentSource, SentAddress, Withdrawal
from clients.tasks import send_welcomes
from studios.models import Studio, User
from tests.clients.conftest import AddClient, Desk
from tests.support.threads import at_once, somebody_waits

pytestmark = pytest.mark.django_db(transaction=True)


def readdress(client: Client, email: str) -> None:
    client.email = email
    client.save()


def click(client: Client) -> None:
    """The link in an email that this client got, whatever the row says now."""
    with transaction.atomic():
        locked = Client.objects.for_edit(client.studio).get(pk=client.pk)
        consent.withdraw(locked, source=ConsentSource.FOOTER)
    client.refresh_from_db()


@pytest.fixture
def emailed(olive: User, ana: Client) -> Client:
    """Ana, after her welcome went to ana@example.com."""
    send_welcomes()
    ana.refresh_from_db()
    return ana


def test_sent_address_is_recorded_once_of_a_client(ana: Client) -> None:
    SentAddress.record(ana, ana.email)
    SentAddress.record(ana, " ANA@example.com")
    SentAddress.record(ana, "")
    [row] = SentAddress.objects.all()

    row.pk = None
    with pytest.raises(IntegrityError, match="sent_address_is_recorded_once_of_a_client"):
        row.save(force_insert=True)


def test_neither_address_nor_token_is_kept_in_clear(ana: Client) -> None:
    SentAddress.record(ana, ana.email)
    [row] = SentAddress.objects.values_list("token_hash", "address_hash")

    assert ana.unsubscribe_token not in row
    assert "ana" not in "".join(row)


# As the sync does it, in the statement that lets a push leave.
BY_HAND = """
INSERT INTO clients_sentaddress (studio_id, token_hash, address_hash)
SELECT client.studio_id, encode(sha256(convert_to(client.unsubscribe_token, 'UTF8')), 'hex'), hash
  FROM clients_client client, unnest(%s::text[]) AS hash
 WHERE client.id = %s
    ON CONFLICT (token_hash, address_hash) DO NOTHING
"""


def test_sql_records_the_same(ana: Client) -> None:
    SentAddress.record(ana, ana.email)
    [hashed] = SentAddress.hashes_of(ana.unsubscribe_token)

    with connection.cursor() as cursor:
        cursor.execute(BY_HAND, [[hashed, "another"], ana.pk])

    assert SentAddress.hashes_of(ana.unsubscribe_token) == {hashed, "another"}
    assert SentAddress.studio_of(ana.unsubscribe_token) == ana.studio


@pytest.mark.parametrize("now", ["new@example.com", ""])
def test_a_click_in_an_email_covers_the_address_it_came_to(
    lotus: Studio, emailed: Client, now: str, fays_desk: Desk
) -> None:
    readdress(emailed, now)

    click(emailed)

    refused = fays_desk.add(email="ana@example.com", email_opt_in="on")
    assert Withdrawal.stands(lotus, "ana@example.com")
    assert refused.status_code == 200
    assert "The client asked to receive emails again" in refused.content.decode()


def test_a_pushed_address_is_covered_as_well(lotus: Studio, ana: Client) -> None:
    SentAddress.record(ana, ana.email)
    readdress(ana, "second@example.com")
    SentAddress.record(ana, ana.email)
    readdress(ana, "third@example.com")

    click(ana)

    addresses = ["ana@example.com", "second@example.com", "third@example.com"]
    assert all(Withdrawal.stands(lotus, address) for address in addresses)


def test_an_address_nothing_was_sent_to_is_free(lotus: Studio, ana: Client) -> None:
    readdress(ana, "new@example.com")

    click(ana)

    assert not Withdrawal.stands(lotus, "ana@example.com")


def test_whoever_holds_an_old_address_now_is_opted_out_too(
    emailed: Client, add_client: AddClient, stans: Studio
) -> None:
    readdress(emailed, "new@example.com")
    holder = add_client(email="Ana@example.com", email_opt_in=True)
    elsewhere = Client.objects.create(studio=stans, email="ana@example.com", email_opt_in=True)

    click(emailed)

    holder.refresh_from_db()
    elsewhere.refresh_from_db()
    assert holder.is_remembered
    assert holder.events.filter(what=ClientEvent.What.WITHDREW).count() == 1
    assert elsewhere.email_opt_in


def test_a_no_at_the_desk_leaves_the_yes_of_whoever_holds_an_old_address_now(
    emailed: Client, add_client: AddClient, lotus: Studio
) -> None:
    readdress(emailed, "new@example.com")
    holder = add_client(email="ana@example.com", email_opt_in=True)

    with transaction.atomic():
        locked = Client.objects.for_edit(lotus).get(pk=emailed.pk)
        consent.withdraw(locked, source=ConsentSource.STAFF)
    holder.refresh_from_db()
    holder.save()

    assert holder.email_opt_in
    assert Withdrawal.stands(lotus, "new@example.com")


def test_a_confirmed_yes_lifts_all_of_the_clients_addresses(lotus: Studio, emailed: Client) -> None:
    readdress(emailed, "new@example.com")
    click(emailed)

    consent.agree(emailed, source=ConsentSource.STAFF, client_asked=True)

    assert not Withdrawal.stands(lotus, "new@example.com")
    assert not Withdrawal.stands(lotus, "ana@example.com")


def test_it_lifts_nobody_elses(lotus: Studio, emailed: Client, add_client: AddClient) -> None:
    readdress(emailed, "new@example.com")
    holder = add_client(email="ana@example.com", email_opt_in=True)
    click(holder)
    click(emailed)

    consent.agree(emailed, source=ConsentSource.STAFF, client_asked=True)

    assert not Withdrawal.stands(lotus, "new@example.com")
    assert Withdrawal.stands(lotus, "ana@example.com")


def test_a_yes_given_since_survives_an_edit_of_who_had_the_address(
    lotus: Studio, emailed: Client, add_client: AddClient
) -> None:
    readdress(emailed, "new@example.com")
    click(emailed)
    holder = add_client(email="ana@example.com")
    consent.agree(holder, source=ConsentSource.STAFF, client_asked=True)

    emailed.phone = "+4930123456"
    emailed.save()
    holder.save()

    assert holder.email_opt_in
    assert not Withdrawal.stands(lotus, "ana@example.com")


def test_nothing_has_to_be_done_when_the_row_goes_by_whatever_code(
    lotus: Studio, emailed: Client
) -> None:
    ClientEvent.objects.all().delete()
    with connection.cursor() as cursor:
        cursor.execute("DELETE FROM clients_client WHERE id = %s", [emailed.pk])

    assert consent.withdraw_by_token(emailed.unsubscribe_token)

    assert Withdrawal.stands(lotus, "ana@example.com")


def test_a_studios_sent_addresses_go_with_it(lotus: Studio, emailed: Client) -> None:
    lotus.delete()

    assert not SentAddress.objects.exists()


# --- Welcomes -------------------------------------------------------------------------------------


def test_a_welcome_is_recorded_before_it_goes(
    olive: User, ana: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    recorded: list[int] = []
    monkeypatch.setattr(welcomes, "send", lambda *_: recorded.append(SentAddress.objects.count()))

    send_welcomes()

    assert recorded == [1]


def test_no_welcome_goes_to_an_address_that_said_no_past_the_row(
    olive: User, ana: Client, lotus: Studio
) -> None:
    Withdrawal.record(lotus, ana.email)

    assert welcomes.claim(lotus) is None

    ana.refresh_from_db()
    assert ana.is_remembered


# --- At once --------------------------------------------------------------------------------------


def while_open(work: Callable[[], object], meanwhile: Callable[[], object]) -> None:
    """`work` in a transaction that is still open when `meanwhile` begins beside it."""
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            work()
            beside = threads.submit(at_once, meanwhile)
            while not (beside.done() or somebody_waits()):
                pass
        [outcome] = beside.result()
    if isinstance(outcome, Exception):
        raise outcome


@pytest.mark.parametrize("is_deleted", [False, True])
def test_a_client_being_added_meanwhile_at_an_old_address_is_opted_out(
    emailed: Client, lotus: Studio, is_deleted: bool
) -> None:
    """Its check saw no withdrawal yet, and whoever withdrew could not see its row yet."""
    token = emailed.unsubscribe_token
    readdress(emailed, "new@example.com")
    gone = Client.objects.get(pk=emailed.pk)
    if is_deleted:
        emailed.delete()

    def add() -> None:
        Client.objects.create(studio=lotus, email="ana@example.com", email_opt_in=True)

    def withdraw() -> None:
        if is_deleted:
            consent.withdraw_by_token(token)
        else:
            click(gone)

    while_open(add, withdraw)

    assert Client.objects.get(address="ana@example.com").is_remembered


def test_a_withdrawal_while_the_welcome_is_claimed_covers_where_it_goes(
    olive: User, ana: Client, lotus: Studio
) -> None:
    while_open(lambda: welcomes.claim(lotus), lambda: click(ana))

    token = ana.unsubscribe_token
    assert len(SentAddress.hashes_of(token)) == 1
    assert Withdrawal.stands(lotus, ana.email)


@pytest.mark.parametrize("_attempt", range(3))
def test_two_who_swapped_addresses_opt_out_at_once(
    olive: User, add_client: AddClient, lotus: Studio, _attempt: int
) -> None:
    """Each holds what the other was sent to; none waits for a client while holding another."""
    one, two = (add_client(email=f"{name}@example.com", email_opt_in=True) for name in "ab")
    send_welcomes()
    for client, email in ((one, ""), (two, "a@example.com"), (one, "b@example.com")):
        readdress(Client.objects.get(pk=client.pk), email)

    assert at_once(lambda: click(one), lambda: click(two)) == [None, None]

    assert Client.objects.opted_out().count() == 2
    assert all(Withdrawal.stands(lotus, f"{name}@example.com") for name in "ab")


def test_the_same_address_recorded_by_many_at_once_stands_once(ana: Client) -> None:
    record = [lambda: SentAddress.record(ana, ana.email)] * 8

    assert at_once(*record) == [None] * 8

    assert SentAddress.objects.count() == 1
