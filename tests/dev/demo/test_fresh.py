"""`manage.py demo --fresh`, and what else may follow `demo`."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from dev.demo import __main__ as demo
from dev.demo import fresh, only_one, signals
from dev.servers import leftovers


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """What a demo left behind, with its own database."""
    monkeypatch.delenv("DATABASE_URL")
    monkeypatch.setattr(demo, "FOLDER", tmp_path)
    (tmp_path / "secrets.json").write_text("{}")
    (tmp_path / "postgres" / "data").mkdir(parents=True)
    (tmp_path / "postgres" / "data" / "PG_VERSION").write_text("18")
    return tmp_path


@pytest.fixture
def started(monkeypatch: pytest.MonkeyPatch) -> list[set[str]]:
    """What stood in the demo's folder each time one was started; none really is."""
    began: list[set[str]] = []

    def run() -> None:
        began.append({path.name for path in demo.FOLDER.iterdir()})

    monkeypatch.setattr(demo, "run", run)
    monkeypatch.setattr(signals, "MEANING_STOP", ())  # Ctrl-C still stops the tests
    return began


def test_a_fresh_demo_finds_nothing_of_earlier_ones(folder: Path, started: list[set[str]]) -> None:
    assert demo.main(["--fresh"]) == 0

    assert started == [set(only_one.FILES)]


def test_any_other_demo_finds_what_it_left(folder: Path, started: list[set[str]]) -> None:
    assert demo.main([]) == 0

    assert started == [{*only_one.FILES, "secrets.json", "postgres"}]


def test_the_data_of_a_demo_that_runs_is_not_thrown_away(
    folder: Path, started: list[set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with only_one.only_one(folder):
        only_one.announce(folder, "http://localhost:8000")

        assert demo.main(["--fresh"]) == 1

    assert started == []
    assert (folder / "secrets.json").exists()
    said = capsys.readouterr().out
    assert "A demo is already running here" in said
    assert "http://localhost:8000" in said
    assert "Nothing was thrown away" in said


def test_a_database_elsewhere_is_left_alone(
    folder: Path,
    started: list[set[str]],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    monkeypatch.setenv("DATABASE_URL", "postgres://somebody@elsewhere/theirs")

    assert demo.main(["--fresh"]) == 1

    assert started == []
    assert (folder / "secrets.json").exists()
    assert "DATABASE_URL names a database elsewhere" in capsys.readouterr().out


def test_what_may_not_be_deleted_is_said(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied", str(path))

    monkeypatch.setattr(fresh, "delete", refuse)

    with pytest.raises(fresh.CannotBeginAnewError, match="as the user who ran the demo before"):
        fresh.throw_away(folder)


def test_a_process_that_a_killed_demo_left_is_stopped_first(folder: Path) -> None:
    left = subprocess.Popen(["/bin/sleep", "60"], start_new_session=True)
    leftovers.remember(folder / "postgres" / "postgres.pid", left.pid)

    fresh.throw_away(folder)

    assert left.wait() < 0


def test_a_link_is_removed_and_not_what_it_leads_to(folder: Path, tmp_path: Path) -> None:
    elsewhere = tmp_path.parent / "kept"
    elsewhere.mkdir()
    (folder / "link").symlink_to(elsewhere)

    fresh.throw_away(folder)

    assert elsewhere.exists()
    assert not (folder / "link").is_symlink()


@pytest.mark.parametrize("arguments", [["--frsh"], ["--fre"], ["now"]])
def test_an_option_that_there_is_not_is_refused_with_usage(
    arguments: list[str], started: list[set[str]], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as refusal:
        demo.main(arguments)

    assert refusal.value.code == 2
    assert started == []
    said = capsys.readouterr().err
    assert "usage: python3 manage.py demo [-h] [--fresh]" in said
    assert arguments[0] in said


def test_help_lists_the_options_and_starts_nothing() -> None:
    answer = subprocess.run(
        [sys.executable, "-m", "dev.demo", "--help"],
        cwd=Path(demo.__file__).parents[2],
        env={**os.environ, "COLUMNS": "100"},
        capture_output=True,
        text=True,
        check=True,
    )

    assert "--fresh" in answer.stdout
    assert "throw away" in answer.stdout
