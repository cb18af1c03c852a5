"""What a demo is made of, short of starting one (`.ci/run` and the journeys do that)."""

import signal
import socket
import stat
import subprocess
import sys
import time
from pathlib import Path

import pytest

from dev.demo import environment, logs, only_one, ports, secrets_file, signals
from dev.demo.environment import Addresses
from dev.demo.stack import ChildFailedError, Stack
from dev.servers.leftovers import born_at
from tests.support.environment import ENVIRONMENT

ROOT = Path(__file__).resolve().parents[3]


def test_a_port_that_somebody_listens_on_is_passed_over() -> None:
    with socket.create_server(("127.0.0.1", 0)) as somebody:
        taken = somebody.getsockname()[1]

        chosen = ports.first_free(taken)

    assert chosen > taken
    assert (chosen - taken) % 2 == 0


def test_secrets_are_made_once_and_only_their_user_can_read_them(tmp_path: Path) -> None:
    path = tmp_path / "secrets.json"

    made = secrets_file.keep(path)

    assert secrets_file.keep(path) == made
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert secrets_file.Secrets.make() != made


def test_a_second_demo_is_told_where_the_first_one_is(tmp_path: Path) -> None:
    with only_one.only_one(tmp_path):
        only_one.announce(tmp_path, "http://localhost:8000")

        with (
            pytest.raises(only_one.AlreadyRunningError, match="http://localhost:8000"),
            only_one.only_one(tmp_path),
        ):
            pass

    with only_one.only_one(tmp_path):
        pass


def test_a_large_log_is_set_aside_and_written_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(logs, "LARGEST_BYTES", 10)
    log = tmp_path / "web.log"

    with log.open("a") as writer:
        writer.write("long enough to be set aside\n")
        writer.flush()
        logs.trim(log)
        writer.write("new\n")

    assert log.read_text() == "new\n"
    assert "set aside" in (tmp_path / "web.1.log").read_text()


def test_a_demo_has_every_setting_that_junocal_asks_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ENVIRONMENT:  # nothing of ours may fill a gap
        monkeypatch.delenv(name)
    place = tmp_path / "a folder"
    settings = environment.of_junocal(place, secrets_file.Secrets.make(), Addresses(8000, 8001))
    program = "import django; django.setup(); from django.conf import settings as s; "
    program += "print(s.BASE_URL, s.KLAVIYO_API_URL, s.EMAIL_FILE_PATH)"

    answer = subprocess.run(
        [sys.executable, "-c", program],
        cwd=ROOT,
        env=settings,
        capture_output=True,
        text=True,
        check=True,
    )

    assert answer.stdout == f"http://localhost:8000 http://127.0.0.1:8001 {place / 'mail'}\n"


def test_the_process_that_ended_is_named_with_its_last_words(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stack.start("sandbox", ["/bin/sh", "-c", "echo no room; exit 3"])

    with pytest.raises(ChildFailedError, match=r"(?s)no room.*sandbox process ended with code 3"):
        stack.watch()


def test_a_demo_stops_what_it_started_and_whatever_that_started(tmp_path: Path) -> None:
    stack = Stack(tmp_path)
    stubborn = "trap '' TERM; sleep 60 & echo $!; wait"
    child = stack.start("worker", ["/bin/sh", "-c", stubborn])
    while not child.log_tail():
        time.sleep(0.01)
    grandchild = int(child.log_tail())
    assert born_at(grandchild)

    child.stop(patience_s=0.1)

    while born_at(grandchild):  # this test's own time limit ends it
        time.sleep(0.01)


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_each_way_to_say_stop_is_heard_once(number: signal.Signals) -> None:
    before = {each: signal.getsignal(each) for each in signals.MEANING_STOP}
    signal.signal(number, signal.SIG_DFL)  # who started the tests by nohup ignores one of them

    with signals.as_exception():
        with pytest.raises(signals.StopRequestedError):
            signal.raise_signal(number)
        signal.raise_signal(number)

    for each, handler in before.items():
        signal.signal(each, handler)
