"""Starts both servers below a directory, prints their process numbers, and waits to be killed."""

import signal
import sys
from pathlib import Path

import psycopg

ROOT = Path(__file__).resolve().parents[3]
sys.path.insert(0, str(ROOT))

from dev.servers import Postgres, Valkey  # noqa: E402

if sys.argv[1:] == ["--help"]:
    sys.exit()  # only asked whether one can come so far
directory = Path(sys.argv[1])
with Postgres(directory / "postgres") as postgres, Valkey(directory / "valkey") as valkey:
    with psycopg.connect(f"host={postgres.sockets} user=junocal dbname=junocal") as connection:
        connection.execute("CREATE TABLE written_before_the_kill AS SELECT 1 AS n")
    print(postgres.pid, valkey.pid, flush=True)
    signal.pause()
