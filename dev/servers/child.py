"""One child process: it has a log, can be stopped, and never outlives the process that started it.

On Linux the kernel ends it with its parent (`launch.py`). Everywhere its number is kept in a file,
so that the next start stops what an earlier one left behind.
"""

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from dev.servers import leftovers

LAUNCHER = Path(__file__).with_name("launch.py")


def launched(
    command: Sequence[str | Path], identity: str = "same", death_signal: int = signal.SIGKILL
) -> list[str]:
    """The command line that runs `command` so that it dies with this process."""
    launcher = [sys.executable, "-I", "-S", str(LAUNCHER)]
    return [*launcher, str(os.getpid()), str(int(death_signal)), identity, *map(str, command)]


@dataclass
class Child:
    name: str
    command: Sequence[str | Path]
    log: Path
    env: Mapping[str, str] | None = None
    identity: str = "same"
    stop_signal: signal.Signals = signal.SIGTERM
    death_signal: signal.Signals = signal.SIGKILL
    process: subprocess.Popen[bytes] | None = field(default=None, init=False)
    was_asked: bool = field(default=False, init=False)

    @property
    def pid_file(self) -> Path:
        return self.log.with_suffix(".pid")

    @property
    def pid(self) -> int:
        if self.process is None:
            raise RuntimeError(f"{self.name} was never started")
        return self.process.pid

    @property
    def is_running(self) -> bool:
        return self.exit_code is None

    @property
    def exit_code(self) -> int | None:
        """None while it runs; negative after a signal."""
        return self.process.poll() if self.process is not None else 0

    def start(self) -> None:
        """Start it in a session of its own, so that Ctrl-C reaches only whoever stops it."""
        leftovers.stop(self.pid_file)
        self.was_asked = False
        with self.log.open("ab") as log:
            self.process = subprocess.Popen(
                launched(self.command, self.identity, self.death_signal),
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                env=self.env,
                start_new_session=True,
            )
        leftovers.remember(self.pid_file, self.process.pid)

    def ask_to_stop(self) -> None:
        """Ask once: a second time would mean "at once" to some."""
        if self.process is not None and not self.was_asked:
            self.process.send_signal(self.stop_signal)
            self.was_asked = True

    def stop(self, patience_s: float = 10) -> None:
        """Ask, wait, then end it and whatever it started. Fine to call twice."""
        self.ask_to_stop()
        if self.process is None:
            return
        with suppress(subprocess.TimeoutExpired):
            self.process.wait(patience_s)
        self.kill()

    def kill(self) -> None:
        """End it and whatever it started, at once."""
        if self.process is None:
            return
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self.process.wait()
        self.process = None
        leftovers.forget(self.pid_file)

    def log_tail(self, lines: int = 20) -> str:
        """The last lines it wrote."""
        if not self.log.exists():
            return ""
        written = self.log.read_text(errors="replace").splitlines()
        return "\n".join(written[-lines:])
