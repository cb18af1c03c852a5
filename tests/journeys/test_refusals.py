"""Who may what, at the real server: every owner's address refuses the desk, the teacher, strangers
and whoever isn't signed in."""

from collections.abc import Iterator
from uuid import uuid4

import pytest
import requests
from django.urls import URLPattern, URLResolver, get_resolver

from tests.support.browser import Visitor
from tests.support.member import Member
from tests.support.stack import Stack

pytestmark = [pytest.mark.journey, pytest.mark.timeout(300)]

METHODS = ("GET", "POST")
IN_STUDIO = "s/<slug:slug>/"
PUBLIC = {"clients/", "clients/<uuid:client_id>/"}  # within a studio, to each of its members
A_RUN = "clients/runs/<uuid:run_id>/"
DESKS = {
    "clients/new/",
    "clients/<uuid:client_id>/edit/",
    "clients/export/",
    "clients/many/",
    "clients/import/",
    "clients/import/<uuid:run_id>/columns/",
    A_RUN,
    *(f"{A_RUN}{page}/" for page in ("start", "undo", "send", "discard", "refused")),
}


def test_every_owners_address_refuses_the_others(
    stack: Stack, olive: Member, fay: Member, ian: Member, stan: Member
) -> None:
    owners = owners_addresses(stack)
    assert len(owners) > 15

    for method in METHODS:
        for path in owners:
            for member in (fay, ian):
                assert_refused(member.knock(method, olive.at(path)))
            assert stan.knock(method, olive.at(path)).status_code == 404
            assert_sent_to_sign_in(Visitor(stack.at.web).knock("GET", olive.at(path)))


def test_an_instructor_changes_no_client_and_takes_no_list_home(stack: Stack, ian: Member) -> None:
    for method in METHODS:
        for path in sorted(DESKS):
            assert_refused(ian.knock(method, ian.at(filled(path, client_of("lotus", stack)))))


def test_another_studios_client_is_not_there(stack: Stack, stan: Member, olive: Member) -> None:
    theirs = client_of("lotus", stack)
    addresses = [filled(path, theirs) for path in studio_paths() if "client_id" in path]
    assert len(addresses) > 3

    for address in addresses:
        for method in METHODS:
            assert stan.knock(method, stan.at(address)).status_code in (404, 405)

    assert olive.knock("GET", olive.at(f"clients/{theirs}/")).status_code == 200


def owners_addresses(stack: Stack) -> list[str]:
    client = client_of("lotus", stack)
    owners = set(studio_paths()) - PUBLIC - DESKS
    return [filled(path, client) for path in sorted(owners)]


def studio_paths() -> list[str]:
    """Every route below a studio, as it stands in the URL configuration."""
    return [path.removeprefix(IN_STUDIO) for path in routes() if path.startswith(IN_STUDIO)]


def routes(
    patterns: list[URLPattern | URLResolver] | None = None, prefix: str = ""
) -> Iterator[str]:
    for each in get_resolver().url_patterns if patterns is None else patterns:
        route = prefix + str(each.pattern)
        if isinstance(each, URLResolver):
            yield from routes(each.url_patterns, route)
        else:
            yield route


def filled(path: str, client: str) -> str:
    for name in ("client_id", "member_id", "invitation_id", "run_id"):
        path = path.replace(f"<uuid:{name}>", client if name == "client_id" else str(uuid4()))
    assert "<" not in path, f"{path}: say here what stands for its argument"
    return path


def client_of(slug: str, stack: Stack) -> str:
    (client,) = stack.ask(
        "SELECT public_id FROM clients_client client JOIN studios_studio studio"
        " ON studio.id = client.studio_id WHERE studio.slug = %s LIMIT 1",
        slug,
    )
    return str(client["public_id"])


def assert_refused(answer: requests.Response) -> None:
    """By the access check, and not by the form's protection."""
    assert answer.status_code == 403, f"{answer.status_code} at {answer.url}"
    assert "CSRF" not in answer.text
    assert "cookie" not in answer.text


def assert_sent_to_sign_in(answer: requests.Response) -> None:
    assert answer.status_code == 302
    assert "/accounts/login/" in answer.headers["Location"]
