"""The sandbox as a child process: started, announced, stopped, killed."""

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Self
from urllib.parse import urlsplit

import requests

ROOT = Path(__file__).resolve().parents[3]
START_TIMEOUT_S = 20


class Process:
    """One sandbox; `data` keeps its state over `stop`, `kill` and `start`."""

    redirect_uri = "http://localhost:8000/integrations/klaviyo/callback/"

    def __init__(
        self,
        *,
        port: int = 0,
        data: Path | None = None,
        client_id: str = "sandbox-client",
        client_secret: str = "sandbox-secret",  # noqa: S107  (opens nothing but a sandbox)
        redirect_uris: tuple[str, ...] = (redirect_uri,),
        webhook_url: str = "",
        webhook_secret: str = "",
    ) -> None:
        self.port = port
        self.data = data
        self.client_id = client_id
        self.client_secret = client_secret
        self.url = ""
        self._environment = {
            "SANDBOX_CLIENT_ID": client_id,
            "SANDBOX_CLIENT_SECRET": client_secret,
            "SANDBOX_REDIRECT_URIS": " ".join(redirect_uris),
            "SANDBOX_WEBHOOK_URL": webhook_url,
            "SANDBOX_WEBHOOK_SECRET": webhook_secret,
        }
        self._process: subprocess.Popen[str] | None = None
        self._http = requests.Session()
        self._http.trust_env = False

    def start(self) -> Self:
        """Start, and return when it answers; again on the same port after stop or kill."""
        command = [sys.executable, "-m", "dev.klaviyo_sandbox", "--port", str(self.port)]
        if self.data:
            command += ["--data", str(self.data)]
        self._process = subprocess.Popen(
            command,
            cwd=ROOT,
            env={**os.environ, **self._environment},
            stdout=subprocess.PIPE,
            text=True,
        )
        self.url = self._announced(self._process)
        self.port = urlsplit(self.url).port or 0
        return self

    def stop(self) -> int:
        """End it politely; its exit code."""
        return self._end(subprocess.Popen.terminate)

    def kill(self) -> int:
        """kill -9."""
        return self._end(subprocess.Popen.kill)

    def __enter__(self) -> Self:
        return self.start()

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @staticmethod
    def _announced(process: "subprocess.Popen[str]") -> str:
        assert process.stdout is not None  # noqa: S101  (it was asked for)
        line = process.stdout.readline()
        if "http://" not in line:
            process.kill()
            raise RuntimeError(f"the sandbox did not start: {line!r}")
        return line.split()[-1]

    def _end(self, how: Callable[["subprocess.Popen[str]"], None]) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        how(process)
        code = process.wait(START_TIMEOUT_S)
        if process.stdout:
            process.stdout.close()
        self._http.close()
        return code
