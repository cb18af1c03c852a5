"""The one door to the network. Nothing of `requests` goes further than this file.

TLS is verified, no redirect is followed, an answer has a deadline as a whole and a largest size.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from json import JSONDecodeError, loads
from typing import Any

import requests
from urllib3.exceptions import NewConnectionError

DEADLINE_S = 8.0  # of a request as a whole; a claim's lease is longer
CONNECT_TIMEOUT_S = 3.0
ANSWER_MAX_BYTES = 1_000_000
CHUNK_BYTES = 16_384
USER_AGENT = "Junocal/1 (+https://junocal.com)"

_thread = threading.local()


class NoAnswer(Exception):
    """No whole answer came. `sent` tells whether Klaviyo may have carried the request out."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # without regard to case
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; raises `NoAnswer` where it is something else (a challenge page)."""
        try:
            return loads(self.body)
        except (JSONDecodeError, UnicodeDecodeError) as error:
            raise NoAnswer("the answer is not JSON", sent=True) from error


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
) -> Answer:
    """Send one request, within `DEADLINE_S`. Raises `NoAnswer`; never retries."""
    ends_at = time.monotonic() + DEADLINE_S
    try:
        with _session().request(
            method,
            url,
            headers={"User-Agent": USER_AGENT, **headers},
            params=params,
            json=json,
            data=form,
            auth=basic,
            timeout=(CONNECT_TIMEOUT_S, DEADLINE_S),
            allow_redirects=False,
            stream=True,
        ) as response:
            body = _read(response, ends_at)
    except requests.exceptions.ConnectTimeout as error:
        raise NoAnswer("no connection in time", sent=False) from error
    except requests.exceptions.SSLError as error:
        raise NoAnswer("TLS failed", sent=False) from error
    except requests.exceptions.RequestException as error:
        raise NoAnswer(type(error).__name__, sent=not _never_left(error)) from error
    return Answer(response.status_code, response.headers, body)


def _session() -> requests.Session:
    """A session per thread: connections stay open, and no thread waits for another's."""
    if not hasattr(_thread, "session"):
        _thread.session = requests.Session()
        _thread.session.trust_env = False  # a .netrc must not put its password over our token
    session: requests.Session = _thread.session
    return session


def _read(response: requests.Response, ends_at: float) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise NoAnswer("the answer is too large", sent=True)
        if time.monotonic() > ends_at:
            raise NoAnswer("the answer took too long", sent=True)
    return bytes(body)


def _never_left(error: requests.exceptions.RequestException) -> bool:
    """Refused connections and unknown hosts: nothing was sent."""
    cause = error.args[0] if error.args else None
    return isinstance(getattr(cause, "reason", None), NewConnectionError)
