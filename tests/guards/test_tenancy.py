"""Every query for a tenant's rows starts at the studio, or is one we chose to start elsewhere.

Looked at: in all of the apps, queries for what studios know of people (`PERSONAL`); in views and
tasks, queries for any model but the studio itself and its users.
"""

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from django.apps import apps

from tests.support.sources import ROOT, name_of, python_files, tree_of

APPS = ("studios", "clients", "integrations")
WAYS_IN = {"for_studio", "for_edit", "of"}  # `of` a connection, which is one studio's
WRITES = {"create", "bulk_create"}  # name the studio or they fail
NOT_A_STUDIOS = {"Studio", "User", "EmailAddress"}
PERSONAL = {"Client", "ClientEvent", "Withdrawal", "SentAddress", "Membership", "Invitation"}
# Where models say which rows there are, and where an administrator works on all studios.
ELSEWHERE = {"models", "models.py", "migrations", "management", "admin.py"}

CHOSEN = {
    "clients/runs/deleting.py:delete_many": "the history of clients that the caller has locked",
    "clients/runs/verbs.py:delete": "the history of clients that the run has locked",
    "clients/forms.py:_was_sent_before": "an id is free in all studios or in none",
    "clients/emails/unsubscribe.py:studio_of": "the token is unguessable and names one client",
    "clients/emails/welcomes.py:send_due": "which studios have somebody to welcome",
    "clients/tasks.py:refold": "names are folded alike in all studios",
    "studios/access.py:membership_in": "the access check itself: by the slug and the person",
    "studios/context.py:page_frame": "the person's own studios, to switch to",
    "studios/invitations.py:read": "the signed link names one invitation",
    "studios/invitations.py:accept": "makes a member of the invitation's studio",
    "integrations/klaviyo/pages/views/connect.py:install": "the person's own studios",
}


@dataclass(frozen=True)
class Query:
    place: str  # file and function
    line: int
    model: str
    start: str  # the manager's method that the chain begins with

    def __str__(self) -> str:
        return f"{self.place}, line {self.line}: {self.model}.objects.{self.start or '…'}"


def modules() -> Iterator[Path]:
    for path in python_files(*APPS):
        if not ELSEWHERE & set(path.relative_to(ROOT).parts):
            yield path


def queries(path: Path) -> Iterator[Query]:
    yield from inside(tree_of(path), f"{name_of(path)}:")


def inside(node: ast.AST, place: str) -> Iterator[Query]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.AsyncFunctionDef):
            yield from inside(child, f"{place.partition(':')[0]}:{child.name}")
        elif query := as_query(child, place):
            yield query
            yield from inside(child, place)
        else:
            yield from inside(child, place)


def as_query(node: ast.AST, place: str) -> Query | None:
    match node:
        case ast.Attribute(
            value=ast.Attribute(value=ast.Name(id=model), attr="objects"), attr=start
        ):
            return Query(place, node.lineno, model, start)
        case ast.Call(func=ast.Name(id="get_object_or_404"), args=[ast.Name(id=model), *_]) if (
            model in {known.__name__ for known in apps.get_models()}
        ):
            return Query(place, node.lineno, model, "")
    return None


def is_watched(query: Query) -> bool:
    is_view_or_task = any(word in query.place for word in ("views", "tasks"))
    return query.model in PERSONAL or (is_view_or_task and query.model not in NOT_A_STUDIOS)


def astray() -> list[Query]:
    found = (query for path in modules() for query in queries(path) if is_watched(query))
    return [query for query in found if query.start not in WAYS_IN | WRITES]


def test_every_query_starts_at_the_studio() -> None:
    seen = [query for path in modules() for query in queries(path) if is_watched(query)]
    surprises = [str(query) for query in astray() if query.place not in CHOSEN]

    assert len(seen) >= 20, "the guard found hardly any query: it looks in the wrong place"
    assert not surprises, (
        "begin these with .for_studio(studio) or .for_edit(studio), or say in CHOSEN"
        f" (tests/guards/test_tenancy.py) why they may see every studio's rows: {surprises}"
    )


def test_every_exception_is_still_needed() -> None:
    needed = {query.place for query in astray()}

    assert not set(CHOSEN) - needed, f"take these out of CHOSEN: {set(CHOSEN) - needed}"


def test_the_guard_sees_what_goes_around_the_studio() -> None:
    code = """
def view(request):
    Client.objects.get(pk=1)
    get_object_or_404(Client, pk=1)
    rows = Client.objects.all if True else Client.objects.for_studio
"""

    found = list(inside(ast.parse(code), "clients/views.py:"))

    assert [query.start for query in found] == ["get", "", "all", "for_studio"]
    assert {query.place for query in found} == {"clients/views.py:view"}
