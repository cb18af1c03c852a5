"""Web, worker and commands write the same lines, and none below `LOG_LEVEL`."""

import json
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import takewhile
from pathlib import Path
from typing import Any

import pytest

from dev.demo.stack import answers
from tests.support.klaviyo.processes import (
    ROOT,
    WORKER,
    Process,
    environment,
    started,
    wait_until,
)
from tests.support.stack import free_port

pytestmark = pytest.mark.django_db(transaction=True)

PROCESSES = ["web", "worker"]
WARN = "import logging; logging.getLogger('junocal').warning('careful')"


@contextmanager
def up(name: str, folder: Path, env: dict[str, str]) -> Iterator[Process]:
    with (web if name == "web" else worker)(folder, env) as process:
        yield process


@contextmanager
def web(_: Path, env: dict[str, str]) -> Iterator[Process]:
    """It has answered."""
    port = free_port()
    command = [sys.executable, "-m", "gunicorn", "junocal.wsgi", "--no-control-socket"]
    with started([*command, "--bind", f"127.0.0.1:{port}"], env) as process:
        wait_until(lambda: answers(port, "/healthz"))
        yield process


@contextmanager
def worker(folder: Path, env: dict[str, str]) -> Iterator[Process]:
    """Begun as by its command; it takes tasks."""
    code = f"""
from pathlib import Path
from typing import Any
from celery.signals import worker_ready
from junocal.celery import app
ready = lambda **_: Path({str(folder / "ready")!r}).touch()
worker_ready.connect(ready)
app.worker_main({WORKER})
"""
    with started([sys.executable, "-c", code], env) as process:
        wait_until((folder / "ready").exists)
        yield process


def said(process: Process) -> list[str]:
    """What it wrote, to its end; but for Celery's good-bye, which goes past all logging."""
    process.send_signal(signal.SIGTERM)
    lines = process.communicate(timeout=30)[0].splitlines()
    return [line for line in lines if line and not line.startswith("worker: Warm shutdown")]


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_writes_json_lines_and_nothing_else(name: str, tmp_path: Path) -> None:
    with up(name, tmp_path, environment(LOG_FORMAT="json")) as process:
        lines = [json.loads(line) for line in said(process)]

    assert len(lines) >= 2
    assert all(line.keys() >= {"at", "level", "logger", "message"} for line in lines)


def test_a_workers_first_words_are_lines_too() -> None:
    """Before it sets up its logs, and where others draw a banner."""
    command = [sys.executable, "-m", "celery", "-A", "junocal", *WORKER]
    with started(command, environment(LOG_FORMAT="json")) as process:
        assert process.stdout
        lines = list(takewhile(lambda line: " ready." not in line, process.stdout))

    assert lines
    assert all(json.loads(line)["message"] for line in lines)


@pytest.mark.parametrize("name", PROCESSES)
def test_a_process_is_as_quiet_as_it_is_told_to_be(name: str, tmp_path: Path) -> None:
    """Whatever Celery and gunicorn think of levels themselves."""
    with up(name, tmp_path, environment(LOG_LEVEL="CRITICAL")) as process:
        assert said(process) == []


def test_a_command_writes_them_too() -> None:
    line = manage("shell", "-v0", "-c", WARN, LOG_FORMAT="json").stderr

    assert json.loads(line)["message"] == "careful"


def test_people_may_read_text_instead() -> None:
    line = manage("shell", "-v0", "-c", WARN, LOG_FORMAT="text").stderr

    assert line.endswith(" WARNING junocal careful\n")


@pytest.mark.parametrize("setting", ["LOG_LEVEL", "LOG_FORMAT"])
def test_a_setting_that_means_nothing_stops_the_start_in_a_sentence(setting: str) -> None:
    refused = manage("migrate", "--check", **{setting: "loud"})

    assert refused.returncode != 0
    assert f"{setting} is one of " in refused.stderr


def manage(*arguments: str, **changes: Any) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "manage.py", *arguments]
    return subprocess.run(
        command,
        cwd=ROOT,
        env=environment(**changes),
        capture_output=True,
        text=True,
        check=False,
    )
