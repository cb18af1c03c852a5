"""The profiles that Lotus's Klaviyo account had before Junocal came: some are clients already."""

import http.client
import json
from pathlib import Path

PROFILES = Path(__file__).resolve().parents[1] / "seed" / "profiles.json"
LOTUS_ACCOUNT = "/control/accounts/LoTuS1/profiles"


def bring(sandbox_port: int) -> None:
    """Post them to the sandbox where its account is still empty. Raises OSError where it fails."""
    sandbox = http.client.HTTPConnection("127.0.0.1", sandbox_port, timeout=10)
    try:
        if not ask(sandbox, "GET"):
            ask(sandbox, "POST", PROFILES.read_bytes())
    finally:
        sandbox.close()


def ask(sandbox: http.client.HTTPConnection, method: str, body: bytes | None = None) -> object:
    sandbox.request(method, LOTUS_ACCOUNT, body, {"Content-Type": "application/json"})
    answer = sandbox.getresponse()
    text = answer.read()
    if answer.status != http.client.OK:
        raise OSError(f"the sandbox answered {answer.status}")
    return json.loads(text)
