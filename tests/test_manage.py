"""What `manage.py` installs, and when."""

import json
from pathlib import Path

import pytest

import manage


@pytest.fixture
def checkout(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A checkout with its own lock files and an environment that is only made, never filled."""
    (tmp_path / "requirements").mkdir()
    for name in manage.LOCK_FILES:
        (tmp_path / "requirements" / f"{name}.txt").write_text(name)
    monkeypatch.setattr(manage, "ROOT", tmp_path)
    monkeypatch.setattr(manage, "ENVIRONMENT", tmp_path / ".venv")
    monkeypatch.setattr(manage, "PYTHON", tmp_path / ".venv" / "bin" / "python")
    monkeypatch.setattr(manage, "STAMP", tmp_path / ".venv" / "junocal-stamp.json")
    return tmp_path


@pytest.fixture
def commands(checkout: Path, monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Names of what was run instead of `venv` and `pip`."""
    ran: list[str] = []

    def run(command: list[str]) -> None:
        ran.append(command[2])
        manage.PYTHON.parent.mkdir(exist_ok=True)
        manage.PYTHON.touch()

    monkeypatch.setattr(manage, "run", run)
    monkeypatch.setattr(manage, "is_usable", lambda: bool(manage.read_stamp()))
    return ran


def test_an_empty_checkout_gets_an_environment_once(commands: list[str]) -> None:
    manage.install("demo")
    manage.install("demo")

    assert commands == ["venv", "pip"]


def test_tests_add_to_what_the_demo_installed(commands: list[str]) -> None:
    manage.install("demo")
    manage.install("dev")
    manage.install("demo")

    assert commands == ["venv", "pip", "pip"]


def test_a_changed_lock_file_is_installed(commands: list[str], checkout: Path) -> None:
    manage.install("dev")
    (checkout / "requirements" / "dev.txt").write_text("something newer")

    manage.install("dev")

    assert commands == ["venv", "pip", "pip"]


def test_an_interrupted_installation_starts_anew(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manage.install("demo")
    manage.STAMP.write_text("")  # as it is while pip runs

    manage.install("demo")

    assert commands == ["venv", "pip", "venv", "pip"]


def test_the_stamp_is_gone_while_pip_runs(
    commands: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    manage.install("demo")

    def fail(lock: str) -> None:
        assert manage.read_stamp() == {}
        raise SystemExit("no network")

    monkeypatch.setattr(manage, "install_packages", fail)
    with pytest.raises(SystemExit):
        manage.install("dev")

    assert manage.read_stamp() == {}


def test_an_older_python_is_told_what_is_needed(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.version_info", (3, 9, 2))

    with pytest.raises(SystemExit, match=r"needs Python 3\.11 or newer"):
        manage.require_python()


def test_a_python_without_venv_is_told_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(manage, "find_spec", lambda name: None)

    with pytest.raises(SystemExit, match=r"apt install python3\.\d+-venv"):
        manage.require_venv()


def test_a_stamp_names_every_lock_file_it_holds(commands: list[str]) -> None:
    manage.install("e2e")

    assert json.loads(manage.STAMP.read_text()).keys() == {"demo", "dev", "e2e"}
