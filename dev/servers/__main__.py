"""`python -m dev.servers COMMAND …`: run a command beside servers that end with it.

They are new and empty, and `DATABASE_URL` and `REDIS_URL` point to them.
"""

import os
import subprocess
import sys
import tempfile
from pathlib import Path

from dev.servers import Postgres, Valkey

with (
    tempfile.TemporaryDirectory(prefix="junocal-") as directory,
    Postgres(Path(directory) / "postgres", durable=False) as postgres,
    Valkey(Path(directory) / "valkey") as valkey,
):
    addresses = {"DATABASE_URL": postgres.url, "REDIS_URL": valkey.url}
    done = subprocess.run(sys.argv[1:], env=os.environ | addresses, check=False)

sys.exit(done.returncode)
