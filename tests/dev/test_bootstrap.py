"""What `manage.py` installs, and when."""

import json
from pathlib import Path

import pytest

from dev import bootstrap


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with its own lock files and an environment that is only made, never filled."""
    (tmp_path / "requirements").mkdir()
    for name in bootstrap.LOCK_FILES:
        (tmp_path / "requirements" / f"{name}.txt").write_text(name)
    monkeypatch.setattr(bootstrap, "ROOT", tmp_path)
    monkeypatch.setattr(bootstrap, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(bootstrap, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(bootstrap, "STAMP", tmp_path / ".venv" / "junocal-stamp.json")
    return tmp_path


@pytest.fixture
def commands(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was run instead of `venv` and `pip`."""
    ran: list[str] = []

    def run(command: list[str]) -> None:
        ran.append(command[2])
        bootstrap.PYTHON.parent.mkdir(exist_ok=True)
        bootstrap.PYTHON.touch()

    monkeypatch.setattr(bootstrap, "run", run)
    monkeypatch.setattr(bootstrap, "is_usable", lambda: bool(bootstrap.read_stamp()))
    return ran


def test_an_empty_checkout_gets_an_environment_once(commands: list[str]) -> None:
    bootstrap.install("demo")
    bootstrap.install("demo")

    assert commands == ["venv", "pip"]


def test_tests_add_to_what_the_demo_installed(commands: list[str]) -> None:
    bootstrap.install("demo")
    bootstrap.install("dev")
    bootstrap.install("demo")

    assert commands == ["venv", "pip", "pip"]


def test_a_changed_lock_file_is_installed(commands: list[str], checkout: Path) -> None:
    bootstrap.install("dev")
    (checkout / "requirements" / "dev.txt").write_text("something newer")

    bootstrap.install("dev")

    assert commands == ["venv", "pip", "pip"]


def test_an_interrupted_installation_starts_anew(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.install("demo")
    bootstrap.STAMP.write_text("")  # as it is while pip runs

    bootstrap.install("demo")

    assert commands == ["venv", "pip", "venv", "pip"]


def test_the_stamp_is_gone_while_pip_runs(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    bootstrap.install("demo")

    def fail(lock: str) -> None:
        assert bootstrap.read_stamp() == {}
        raise SystemExit("no network")

    monkeypatch.setattr(bootstrap, "install_packages", fail)
    with pytest.raises(SystemExit):
        bootstrap.install("dev")

    assert bootstrap.read_stamp() == {}


def test_an_older_python_is_told_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 9, 2))

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        bootstrap.require_python()


def test_a_python_without_venv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bootstrap, "find_spec", lambda name: None)

    with pytest.raises(SystemExit, match=r"apt install python3\.\d+-venv"):
        bootstrap.require_venv()


def test_a_stamp_names_every_lock_file_it_holds(commands: list[str]) -> None:
    bootstrap.install("e2e")

    assert json.loads(bootstrap.STAMP.read_text()).keys() == {"demo", "dev", "e2e"}


def test_tests_run_in_workers_but_for_a_browser_or_without_the_plugin() -> None:
    assert bootstrap.in_workers(["test", "tests/clients"]) == ["-n", "auto"]
    assert bootstrap.in_workers(["test", "--browser"]) == []
    assert bootstrap.in_workers(["test", "-p", "no:xdist"]) == []
