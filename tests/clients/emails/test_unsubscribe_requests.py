"""Nothing about a request but its token decides whether somebody is opted out."""

from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from django.db import transaction
from django.test import Client as Browser
from django.urls import reverse

from clients.models import Client, SentAddress, Withdrawal
from clients.tasks import send_welcomes
from studios.models import Studio, User
from tests.clients.conftest import AddClient
from tests.support.threads import at_once, somebody_waits

pytestmark = pytest.mark.django_db

FORM = "application/x-www-form-urlencoded"
MULTIPART = "multipart/form-data"
ONE_CLICK = b"List-Unsubscribe=One-Click"

REQUESTS = {
    "none at all": ("", b""),
    "of no known type": ("", ONE_CLICK),
    "a type that is none": ("nonsense; ;;=", ONE_CLICK),
    "JSON": ("application/json", b'{"List-Unsubscribe": "One-Click"'),
    "plain text": ("text/plain; charset=klingon", ONE_CLICK),
    "a form in no such letters": (f"{FORM}; charset=klingon", ONE_CLICK),
    "a form in other letters": (f"{FORM}; charset=utf-16", ONE_CLICK),
    "a form in bytes that are no text": (FORM, b"\xff\xfe=%ff%zz&&&=;\x00"),
    "something else": (FORM, b"List-Unsubscribe=Never"),
    "the words twice": (FORM, ONE_CLICK + b"&" + ONE_CLICK),
    "a thousand fields and more": (FORM, b"&".join(b"f%d=1" % n for n in range(1001))),
    "megabytes": (FORM, b"x" * 3_000_000),
    "parts without a boundary": (MULTIPART, ONE_CLICK),
    "parts with a boundary too long": (f"{MULTIPART}; boundary={'x' * 300}", ONE_CLICK),
    "parts that never come": (f"{MULTIPART}; boundary=x", b"garbage"),
    "a part cut off": (
        f"{MULTIPART}; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="L',
    ),
    "a part in a code of its own": (
        f"{MULTIPART}; boundary=x; charset=base64",
        b'--x\r\nContent-Disposition: form-data; name="L"\r\n\r\nOne-Click\r\n--x--\r\n',
    ),
    "a file": (
        f"{MULTIPART}; boundary=x",
        b'--x\r\nContent-Disposition: form-data; name="L"; filename="../l"\r\n\r\n1\r\n--x--\r\n',
    ),
}


@pytest.fixture
def mail_program() -> Browser:
    return Browser(enforce_csrf_checks=True, raise_request_exception=False)


@pytest.mark.parametrize("slash", ["/", ""])
@pytest.mark.parametrize("body", REQUESTS)
def test_whatever_the_body_is(mail_program: Browser, ana: Client, body: str, slash: str) -> None:
    content_type, content = REQUESTS[body]

    answer = mail_program.generic(
        "POST", f"/unsubscribe/{ana.unsubscribe_token}{slash}", content, content_type
    )

    ana.refresh_from_db()
    assert answer.status_code == 200
    assert ana.has_opted_out


@pytest.mark.parametrize("limit", ["DATA_UPLOAD_MAX_MEMORY_SIZE", "DATA_UPLOAD_MAX_NUMBER_FIELDS"])
def test_whatever_may_be_uploaded(
    mail_program: Browser, ana: Client, settings: Any, limit: str
) -> None:
    setattr(settings, limit, 0)

    answer = mail_program.post(f"/unsubscribe/{ana.unsubscribe_token}/", {"a": "b", "c": "d"})

    ana.refresh_from_db()
    assert answer.status_code == 200
    assert ana.has_opted_out


class Silent:
    """A body that never comes."""

    def read(self, *_: object) -> bytes:
        raise TimeoutError

    readline = read


@pytest.mark.parametrize("length", ["26", "-1", "many", "9" * 5000, ""])
def test_whatever_the_length_said_to_be_coming(
    mail_program: Browser, ana: Client, length: str
) -> None:
    said: dict[str, Any] = {"CONTENT_LENGTH": length, "wsgi.input": Silent()}

    answer = mail_program.generic("POST", f"/unsubscribe/{ana.unsubscribe_token}/", **said)

    ana.refresh_from_db()
    assert answer.status_code == 200
    assert ana.has_opted_out


@pytest.mark.parametrize(
    "headers",
    [
        {"cookie": "sessionid=nonsense; csrftoken=%00"},
        {"referer": "https://elsewhere.example/", "origin": "null"},
        {"hx-request": "true", "accept": "application/json", "accept-language": "*;q=nonsense"},
        {"x-http-method-override": "GET"},
    ],
)
def test_whatever_else_it_says(mail_program: Browser, ana: Client, headers: dict[str, str]) -> None:
    address = f"/unsubscribe/{ana.unsubscribe_token}/?%ff&" + "&".join(["f=1"] * 1001)

    answer = mail_program.post(address, headers=headers)

    ana.refresh_from_db()
    assert answer.status_code == 200
    assert ana.has_opted_out


@pytest.mark.parametrize("method", ["get", "head"])
def test_looking_without_the_slash_changes_nothing_either(
    mail_program: Browser, ana: Client, method: str
) -> None:
    answer = getattr(mail_program, method)(f"/unsubscribe/{ana.unsubscribe_token}")

    ana.refresh_from_db()
    assert answer.status_code == 200
    assert ana.email_opt_in


def test_the_link_that_is_sent_has_the_slash(ana: Client) -> None:
    link = reverse("clients:unsubscribe", args=[ana.unsubscribe_token])

    assert link == f"/unsubscribe/{ana.unsubscribe_token}/"


# --- The link of a client who was deleted ---------------------------------------------------------


@pytest.fixture
def old_link(olive: User, ana: Client) -> str:
    """In the welcome that went to ana@example.com, whose client is deleted."""
    send_welcomes()
    ana.delete()
    return reverse("clients:unsubscribe", args=[ana.unsubscribe_token])


@pytest.mark.django_db(transaction=True)
def test_it_opts_out_whoever_holds_the_address_now_and_for_later(
    mail_program: Browser, old_link: str, add_client: AddClient, lotus: Studio, stans: Studio
) -> None:
    holder = add_client(email="ANA@example.com", email_opt_in=True)
    elsewhere = Client.objects.create(studio=stans, email="ana@example.com", email_opt_in=True)

    page = mail_program.post(old_link).content.decode()

    holder.refresh_from_db()
    elsewhere.refresh_from_db()
    assert "any more emails from Lotus Yoga" in page
    assert holder.has_opted_out
    assert elsewhere.email_opt_in

    holder.delete()
    assert Client.objects.create(studio=lotus, email="ana@example.com").is_remembered


def test_looking_at_it_names_the_studio_and_changes_nothing(
    mail_program: Browser, old_link: str
) -> None:
    page = mail_program.get(old_link).content.decode()

    assert "Would you like to stop getting emails from Lotus Yoga?" in page
    assert not Withdrawal.objects.exists()


@pytest.mark.django_db(transaction=True)
def test_twice_is_fine(mail_program: Browser, old_link: str, add_client: AddClient) -> None:
    holder = add_client(email="ana@example.com", email_opt_in=True)

    answers = [mail_program.post(old_link) for _ in range(2)]

    holder.refresh_from_db()
    assert [answer.status_code for answer in answers] == [200, 200]
    assert holder.consent_version == 2
    assert Withdrawal.objects.count() == 1


def test_one_that_was_never_in_an_email_promises_nothing(
    mail_program: Browser, ana: Client
) -> None:
    """Nothing was sent to Ana: nobody has her link, and nothing is known of her."""
    link = reverse("clients:unsubscribe", args=[ana.unsubscribe_token])
    ana.delete()

    gone, never = (mail_program.post(one).content for one in (link, "/unsubscribe/never/"))

    assert gone == never
    assert b"No more emails" not in gone
    assert not Withdrawal.objects.exists()


# --- At once --------------------------------------------------------------------------------------


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("is_deletion_first", [True, False])
def test_a_click_while_the_client_is_being_deleted_counts(
    mail_program: Browser, olive: User, ana: Client, lotus: Studio, is_deletion_first: bool
) -> None:
    send_welcomes()
    link = reverse("clients:unsubscribe", args=[ana.unsubscribe_token])

    def delete() -> None:
        Client.objects.for_edit(lotus).get(pk=ana.pk).delete()

    def click() -> int:
        return mail_program.post(link).status_code

    if is_deletion_first:
        [status] = beside(delete, click)
    else:
        status, _ = at_once(click, transaction.atomic(delete))

    assert status == 200
    assert not Client.objects.exists()
    assert Withdrawal.stands(lotus, "ana@example.com")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("_attempt", range(3))
def test_many_clicks_at_once_on_a_deleted_clients_link_are_one(
    old_link: str, add_client: AddClient, _attempt: int
) -> None:
    holder = add_client(email="ana@example.com", email_opt_in=True)

    statuses = at_once(*[lambda: Browser().post(old_link).status_code] * 6)

    holder.refresh_from_db()
    assert statuses == [200] * 6
    assert (holder.has_opted_out, holder.consent_version) == (True, 2)
    assert SentAddress.objects.count() == 1


def beside(work: Any, meanwhile: Any) -> list[object]:
    """What `meanwhile` returns, begun while `work` is in a transaction not committed yet."""
    with ThreadPoolExecutor(1) as threads:
        with transaction.atomic():
            work()
            outcome = threads.submit(at_once, meanwhile)
            while not (outcome.done() or somebody_waits()):
                pass
        return outcome.result()
