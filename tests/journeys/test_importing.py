"""A list comes in at the real server, its worker is killed on the way, and it is taken back."""

import pytest

from tests.support.member import Member
from tests.support.stack import Stack, eventually

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

ROWS = 3000
LIST = "Vorname;Name;E-Mail;Newsletter\n" + "".join(
    f"Zoë;Müller {number};zoe{number}@importing.example;{'ja' if number % 2 else ''}\n"
    for number in range(ROWS)
)


def test_a_list_survives_a_killed_worker_and_can_be_taken_back(
    stack: Stack, new_studio: tuple[Member, str]
) -> None:
    owner, account = new_studio
    owner.connect(account)

    page = started(owner)
    eventually(lambda: 0 < done_rows(stack) < ROWS, within_s=60)
    kill_the_worker(stack)
    assert clients(stack, owner) < ROWS
    eventually(lambda: "What happened" in owner.visit(page).text)

    assert clients(stack, owner) == ROWS
    assert not stack.klaviyo.profiles(account), "held back while it can be taken back"
    assert "3,000 Unchanged" in checked(owner).text

    owner.visit(page).press("Take it back")
    eventually(lambda: 0 < clients(stack, owner) < ROWS, within_s=60)
    kill_the_worker(stack)
    eventually(lambda: "What was taken back" in owner.visit(page).text)

    assert clients(stack, owner) == 0
    assert not stack.klaviyo.profiles(account)


def checked(owner: Member) -> Member:
    """The list uploaded, its columns matched, and looked through."""
    owner.visit(owner.at("clients/import/"))
    owner.choose("file", "list.csv", LIST.encode("windows-1252")).press("Upload")
    owner.press("See what will happen", agreed_3_0="yes")
    page = owner.page.url
    eventually(lambda: "What will happen" in owner.visit(page).text)
    return owner


def started(owner: Member) -> str:
    checked(owner).press(f"Import {ROWS:,} clients", confirmed=str(ROWS // 2))
    return owner.page.url


def kill_the_worker(stack: Stack) -> None:
    worker = stack.process("worker")
    worker.kill()
    worker.start()


def done_rows(stack: Stack) -> int:
    (run,) = stack.ask("SELECT done_rows, state FROM clients_run ORDER BY id DESC LIMIT 1")
    return int(run["done_rows"]) if run["state"] == "running" else 0


def clients(stack: Stack, owner: Member) -> int:
    (row,) = stack.ask(
        "SELECT count(*) AS number FROM clients_client client JOIN studios_studio studio"
        " ON studio.id = client.studio_id WHERE studio.slug = %s",
        owner.slug,
    )
    return int(row["number"])
