"""What the documents name is there: files, folders, functions, commands, and where links lead."""

import ast
import re
from collections.abc import Iterable, Iterator
from importlib.util import find_spec
from pathlib import Path

from django.core.management import get_commands

from tests.support.sources import ROOT, files, tree_of

APPS = ("junocal", "studios", "clients", "integrations", "dev", "tests")
FOLDERS = (*APPS, "docs", "templates")
HISTORY = "CHANGELOG.md"  # names what was there once
OURS = {"demo", "test"}  # commands of `dev.bootstrap`, beside Django's
KINDS = ("py", "md", "html", "css", "json", "toml", "txt", "yml", "yaml")

QUOTED = re.compile(r"`([^`\n]+)`")
LINK = re.compile(r"\]\(([^)\s#]+)[^)]*\)")
FOLDER = re.compile(r"^\.?[a-z_]+(/[a-z_<>]+)*/$")
FILE = re.compile(rf"^[\w.<>-]+(/[\w.<>-]+)*\.({'|'.join(KINDS)})$")
MEMBER = re.compile(r"^(\w+)\.(\w+)(?:\(.*\))?$")
COMMAND = re.compile(r"\bmanage\.py (\w+)")
MODULE = re.compile(r"\bpython3? -m (dev[\w.]*)")
TARGET = re.compile(r"(?:`|^ {4})make (\w+)", re.MULTILINE)
# What looks like ours and is not: made by running Junocal, or Klaviyo's.
NOT_OURS = {
    ".env",
    ".venv/",
    ".junocal/",
    ".junocal/demo/",
    "staticfiles/",
    "app.uninstalled",
    "openapi/stable.json",
}


def documents() -> Iterator[Path]:
    yield from (path for path in ROOT.glob("*.md") if path.name != HISTORY)
    yield from (ROOT / "docs").rglob("*.md")
    yield from (ROOT / ".github").rglob("*.md")


def named(pattern: re.Pattern[str]) -> set[tuple[str, str]]:
    """Each document with what it has that looks so."""
    return {
        (path.relative_to(ROOT).as_posix(), found)
        for path in documents()
        for found in pattern.findall(path.read_text(encoding="utf-8"))
    }


def quoted(*kinds: re.Pattern[str]) -> set[tuple[str, str]]:
    return {
        (name, text)
        for name, text in named(QUOTED)
        if text not in NOT_OURS and any(kind.match(text) for kind in kinds)
    }


def said(wrong: Iterable[tuple[str, str]]) -> list[str]:
    return sorted(f"{name}: {text}" for name, text in wrong)


def test_files_and_folders_that_documents_name_are_there() -> None:
    paths = quoted(FILE, FOLDER)

    lost = said((name, text) for name, text in paths if not is_there(text))

    assert len(paths) > 40, "The guard found hardly any path: has their form changed?"
    assert not lost, f"Name these as they are called now, from the project's folder on: {lost}"


def is_there(text: str) -> bool:
    """A bare file name may be anywhere; `<name>` stands for any."""
    pattern = re.sub(r"<\w+>", "*", text.rstrip("/"))
    if "/" in pattern:
        return any(ROOT.glob(pattern))
    return any(ROOT.glob(pattern)) or any(any((ROOT / folder).rglob(pattern)) for folder in FOLDERS)


def test_links_lead_somewhere() -> None:
    links = {(name, to) for name, to in named(LINK) if not re.match(r"[a-z]+:", to)}

    lost = said((name, to) for name, to in links if not (ROOT / name).parent.joinpath(to).exists())

    assert links, "The guard found no link."
    assert not lost, f"These lead nowhere: {lost}"


def test_functions_and_fields_that_documents_name_are_there() -> None:
    known = members()
    found = {(name, MEMBER.match(text)) for name, text in quoted(MEMBER)}
    ours = {(name, m[1], m[2]) for name, m in found if m and m[1] in known and m[2] not in KINDS}

    lost = said((name, f"{of}.{one}") for name, of, one in ours if one not in known[of])

    assert len(ours) > 20, "The guard found hardly any function: has their form changed?"
    assert not lost, f"Name these as they are called now: {lost}"


def members() -> dict[str, set[str]]:
    """What each module and each class of ours holds, by the last part of its name."""
    known: dict[str, set[str]] = {}
    for app in APPS:
        for path in files(app):
            module = path.parent.name if path.name == "__init__.py" else path.stem
            body = tree_of(path).body
            inside = known.setdefault(module, set())
            inside |= {*names_in(body), *(each.stem for each in path.parent.glob("*"))}
            for node in body:
                if isinstance(node, ast.ClassDef):
                    known.setdefault(node.name, set()).update(names_in(node.body))
    return known


def names_in(body: Iterable[ast.stmt]) -> Iterator[str]:
    for node in body:
        if isinstance(node, ast.FunctionDef | ast.ClassDef):
            yield node.name
        elif isinstance(node, ast.AnnAssign | ast.Assign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            yield from (each.id for each in targets if isinstance(each, ast.Name))


def test_commands_that_documents_tell_to_type_are_there() -> None:
    commands = named(COMMAND)
    modules = named(MODULE)
    targets = named(TARGET)
    there = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))

    lost = said(
        [
            *((name, each) for name, each in commands if each not in OURS | set(get_commands())),
            *((name, each) for name, each in modules if find_spec(each) is None),
            *((name, each) for name, each in targets if each not in there),
        ]
    )

    assert commands, "The guard found no command of manage.py."
    assert modules, "The guard found no module to start."
    assert targets, "The guard found no verb of make."
    assert not lost, f"There are no such commands: {lost}"
