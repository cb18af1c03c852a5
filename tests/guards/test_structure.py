"""Rules of the house that a reader can't be trusted to remember."""

import ast
from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
APPS = ("junocal", "studios", "clients", "integrations", "klaviyo_sandbox")
LINES_MAX = 300
HTTP_CLIENTS = {"requests", "urllib3", "httpx", "aiohttp", "http.client", "urllib.request"}
THE_ONE_DOOR = "integrations/klaviyo/http.py"
# Tests and demo talk to the sandbox's controls and to health pages, never to Klaviyo.
OTHER_DOORS = ("junocal/demo/", "junocal/embedded/", "klaviyo_sandbox/")


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from (ROOT / folder).rglob("*.py")


def imported(path: Path) -> set[str]:
    """The modules a file imports, `from x import y` as both x and x.y."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
    return names


def clients_of_http(path: Path) -> set[str]:
    return {
        client
        for client in HTTP_CLIENTS
        if any(name == client or name.startswith(f"{client}.") for name in imported(path))
    }


def test_only_the_one_door_imports_an_http_client() -> None:
    users = {
        path.relative_to(ROOT).as_posix() for path in python_files(*APPS) if clients_of_http(path)
    }

    others = {user for user in users if not user.startswith(OTHER_DOORS)}

    assert others == {THE_ONE_DOOR}, (
        f"Only {THE_ONE_DOOR} talks to the network: call it from {sorted(others - {THE_ONE_DOOR})}."
    )


def test_no_file_is_longer_than_three_hundred_lines() -> None:
    lengths = {
        path.relative_to(ROOT).as_posix(): len(path.read_text().splitlines())
        for path in python_files(*APPS, "tests", "benchmarks")
        if "migrations" not in path.parts
    }

    too_long = {name: lines for name, lines in lengths.items() if lines > LINES_MAX}

    assert len(lengths) > 50, "The guard found next to nothing to check."
    assert not too_long, f"Split by noun: {too_long}"


def test_no_certificate_goes_unchecked() -> None:
    careless = [
        path.relative_to(ROOT).as_posix()
        for path in python_files(*APPS)
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.keyword)
        and node.arg == "verify"
        and isinstance(node.value, ast.Constant)
        and node.value.value is False
    ]

    assert not careless, f"TLS is verified everywhere: {careless}"
