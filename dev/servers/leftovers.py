"""Children of a start that was killed: remembered by number and birth, stopped at the next start.

A process number alone proves nothing, since it may have been given to somebody else since.
"""

import os
import signal
import subprocess
import sys
import time
from contextlib import suppress
from pathlib import Path

PATIENCE_S = 5.0
POLL_S = 0.05


def remember(pid_file: Path, pid: int) -> None:
    pid_file.write_text(f"{pid} {born_at(pid)}")


def forget(pid_file: Path) -> None:
    pid_file.unlink(missing_ok=True)


def stop(pid_file: Path) -> None:
    """Stop the process that `pid_file` remembers, if it still is that process."""
    if not pid_file.exists():
        return
    number, _, birth = pid_file.read_text().partition(" ")
    if number.isdigit() and birth:
        end(int(number), birth)
    forget(pid_file)


def end(pid: int, birth: str) -> None:
    for last_word in (signal.SIGTERM, signal.SIGKILL):
        deadline = time.monotonic() + PATIENCE_S
        if born_at(pid) == birth:
            with suppress(ProcessLookupError):
                os.killpg(pid, last_word)
        while born_at(pid) == birth and time.monotonic() < deadline:
            time.sleep(POLL_S)


def born_at(pid: int) -> str:
    """When the process began, in the system's own words; empty where it is no more."""
    if sys.platform == "linux":
        return born_at_on_linux(pid)
    ps = subprocess.run(
        ["/bin/ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False
    )
    return ps.stdout.strip()


def born_at_on_linux(pid: int) -> str:
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    return "" if state == "Z" else fields[18]  # field 22 of proc(5): starttime
