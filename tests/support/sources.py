"""The project's own files, each read and parsed once however many guards look at it."""

import ast
from collections.abc import Iterator
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
APPS = ("junocal", "studios", "clients", "integrations", "dev")


@cache
def files(folder: str, suffix: str = ".py") -> tuple[Path, ...]:
    """All below the folder."""
    return tuple(sorted((ROOT / folder).rglob(f"*{suffix}")))


def python_files(*folders: str) -> Iterator[Path]:
    for folder in folders:
        yield from files(folder)


@cache
def text_of(path: Path) -> str:
    return path.read_text(encoding="utf-8")


@cache
def tree_of(path: Path) -> ast.Module:
    return ast.parse(text_of(path))


@cache
def nodes_of(path: Path) -> tuple[ast.AST, ...]:
    """The whole tree, flat."""
    return tuple(ast.walk(tree_of(path)))


def name_of(path: Path) -> str:
    """From the project's folder on."""
    return path.relative_to(ROOT).as_posix()
