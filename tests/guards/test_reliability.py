"""What is said to hold when things go wrong is shown by tests that are there."""

import ast
import re

from tests.support.sources import ROOT, tree_of

TABLE = ROOT / "docs" / "reliability.md"
BASE = ROOT / "tests" / "integrations" / "klaviyo"
ROW = re.compile(r"^\| (\d+) \|(.+)\|$", re.MULTILINE)
TEST = re.compile(r"`([\w/]+\.py)::(test_\w+)`")
NONE = "**No test**"
ROWS = 113


def rows() -> list[tuple[int, str]]:
    return [(int(number), rest) for number, rest in ROW.findall(TABLE.read_text(encoding="utf-8"))]


def is_there(path: str, name: str) -> bool:
    file = (ROOT if path.startswith("tests/") else BASE) / path
    return file.exists() and name in {
        node.name for node in tree_of(file).body if isinstance(node, ast.FunctionDef)
    }


def test_every_test_that_it_names_is_there() -> None:
    named = [(number, *test) for number, rest in rows() for test in TEST.findall(rest)]

    lost = [f"{number}: {path}::{name}" for number, path, name in named if not is_there(path, name)]

    assert len(named) > ROWS, "The guard found hardly any test: has their form changed?"
    assert not lost, f"Name what shows it now, or say that nothing does: {lost}"


def test_every_row_names_a_test_or_says_that_there_is_none() -> None:
    bare = [
        number for number, rest in rows() if not TEST.search(rest) and "**No test**" not in rest
    ]

    assert [number for number, _ in rows()] == [*range(1, ROWS + 1)]
    assert not bare, f"Say how these rows are known to hold: {bare}"
