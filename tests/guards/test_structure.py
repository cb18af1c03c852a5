"""Rules that a reader can't be trusted to remember."""

import ast
from collections import Counter
from pathlib import Path

from tests.support.sources import APPS, name_of, nodes_of, python_files, text_of, tree_of

LINES_MAX = 300
MODULES_MAX = 14  # a reader keeps so many names in mind
HTTP_CLIENTS = {"requests", "urllib3", "httpx", "aiohttp", "http.client", "urllib.request"}
THE_HTTP_MODULE = "integrations/http.py"
# Tests and demo talk to the sandbox's controls and to health pages, never to Klaviyo.
OTHERS_WITH_HTTP = ("dev/",)


def imported(path: Path) -> set[str]:
    """The modules a file imports, `from x import y` as both x and x.y."""
    names: set[str] = set()
    for node in nodes_of(path):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def clients_of_http(path: Path) -> set[str]:
    names = imported(path)
    return {
        client
        for client in HTTP_CLIENTS
        if any(name == client or name.startswith(f"{client}.") for name in names)
    }


def test_only_one_module_imports_an_http_client() -> None:
    users = {name_of(path) for path in python_files(*APPS) if clients_of_http(path)}

    others = {user for user in users if not user.startswith(OTHERS_WITH_HTTP)}

    assert others == {THE_HTTP_MODULE}, (
        f"Only {THE_HTTP_MODULE} talks to the network: call it from"
        f" {sorted(others - {THE_HTTP_MODULE})}."
    )


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {
        name_of(path): len(text_of(path).splitlines())
        for path in python_files(*APPS, "tests")
        if "migrations" not in path.parts
    }

    too_long = {name: lines for name, lines in lengths.items() if lines > LINES_MAX}

    assert len(lengths) > 50, "The guard found next to nothing to check."
    assert not too_long, f"Split by noun: {too_long}"


def test_no_room_holds_more_than_fourteen_modules() -> None:
    rooms = Counter(
        name_of(path.parent)
        for path in python_files(*APPS)
        if path.name != "__init__.py" and "migrations" not in path.parts
    )

    crowded = {room: modules for room, modules in rooms.items() if modules > MODULES_MAX}

    assert len(rooms) > 20, "The guard found next to nothing to check."
    assert not crowded, f"Give what belongs together a room of its own: {crowded}"


def test_no_certificate_goes_unchecked() -> None:
    careless = [
        name_of(path)
        for path in python_files(*APPS)
        for node in nodes_of(path)
        if isinstance(node, ast.keyword)
        and node.arg == "verify"
        and isinstance(node.value, ast.Constant)
        and node.value.value is False
    ]

    assert not careless, f"TLS is verified everywhere: {careless}"


def test_functions_of_a_module_have_no_leading_underscore() -> None:
    hidden = [
        f"{name_of(path)}: {node.name}"
        for path in python_files(*APPS, "tests")
        for node in tree_of(path).body
        if isinstance(node, ast.FunctionDef) and node.name.startswith("_")
    ]

    assert not hidden, f"Modules are small, and contracts say who may import what: {hidden}"
