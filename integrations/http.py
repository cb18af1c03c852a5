"""The one way to the network. Nothing of `requests` goes further than this file.

TLS is verified, no redirect is followed, no cookie is kept, and an answer has a largest size and a
deadline as a whole: a timeout of `requests` begins anew with every byte that drips in.
"""

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from http.client import HTTPResponse
from http.cookiejar import DefaultCookiePolicy
from io import BufferedReader, RawIOBase
from json import loads
from socket import socket
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from integrations.crash_points import reached
from junocal import __version__

DEADLINE_S = 8.0  # of a request as a whole; a claim's lease is longer
CONNECT_TIMEOUT_S = 3.0
ANSWER_MAX_BYTES = 1_000_000
CHUNK_BYTES = 16_384
# Linux stops the monotonic clock while the machine is suspended; elsewhere it goes on.
CLOCK = getattr(time, "CLOCK_BOOTTIME", time.CLOCK_MONOTONIC)
USER_AGENT = f"Junocal/{__version__} (+https://junocal.com)"


class NoAnswerError(Exception):
    """No whole answer came. `sent` is true if the request may have been carried out."""

    def __init__(self, why: str, *, sent: bool) -> None:
        super().__init__(why)
        self.sent = sent


@dataclass(frozen=True)
class Answer:
    status: int
    headers: Mapping[str, str]  # without regard to case
    body: bytes = field(repr=False)

    def json(self) -> Any:
        """The body as JSON; raises `NoAnswerError` if it is something else (a challenge page)."""
        try:
            return loads(self.body)
        except (ValueError, RecursionError) as error:
            raise NoAnswerError("the answer is not JSON", sent=True) from error


def send(
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    params: Mapping[str, str] | None = None,
    json: Any = None,
    form: Mapping[str, str] | None = None,
    basic: tuple[str, str] | None = None,
    ends_at: float | None = None,
) -> Answer:
    """Send one request, within `DEADLINE_S`. Raises `NoAnswerError`; never retries.

    A request that was checked before it may leave brings its own deadline (`new_deadline`), taken
    before the check: it doesn't leave after it, however long this process was held up between.
    """
    _mine.ends_at = ends_at if ends_at is not None else new_deadline()
    _mine.sent = False
    try:
        with thread_session().request(
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
            body = read_body(response)
    except requests.exceptions.RequestException as error:
        raise NoAnswerError(type(error).__name__, sent=_mine.sent) from error
    reached("request: answered")
    return Answer(response.status_code, response.headers, body)


def new_deadline() -> float:
    """When a request whose way begins now must be over, on a clock that goes on in a suspend."""
    return now() + DEADLINE_S


def now() -> float:
    return time.clock_gettime(CLOCK)


def read_body(response: requests.Response) -> bytes:
    body = bytearray()
    for chunk in response.iter_content(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            raise NoAnswerError("the answer is too large", sent=True)
    return bytes(body)


class _Mine(threading.local):
    """A thread's own: its connections stay open, and no thread waits for another's."""

    session: requests.Session | None = None
    ends_at = 0.0  # of the request under way
    sent = False  # whether any of it may have left

    @property
    def left_s(self) -> float:
        return self.ends_at - now()


_mine = _Mine()


def thread_session() -> requests.Session:
    if _mine.session is None:
        session = _mine.session = requests.Session()
        session.trust_env = False  # a .netrc must not put its password over our token
        # A cookie set for one studio's account must not go out with another's request.
        session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        for scheme in ("https://", "http://"):
            session.mount(scheme, _Adapter())
    return _mine.session


# --- The deadline, down in the sockets ------------------------------------------------------------


class _Incoming(RawIOBase):
    """What comes in; each wait for more of it lasts until the request's deadline at most."""

    def __init__(self, raw: RawIOBase, sock: socket) -> None:
        self._raw, self._sock = raw, sock

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(max(_mine.left_s, 0.001))  # 0 would mean: never wait, never fail
        read: int | None = self._raw.readinto(buffer)
        return read

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(HTTPResponse):
    def __init__(self, sock: socket, *args: Any, **options: Any) -> None:
        super().__init__(sock, *args, **options)
        self.fp = BufferedReader(_Incoming(self.fp.detach(), sock))


class _Connection(HTTPConnection):
    response_class = _Response

    def send(self, data: Any) -> None:
        """A request that took too long to connect doesn't leave any more."""
        if self.sock is None:
            self.connect()
        reached("request: about to be written")
        if _mine.left_s <= 0:
            raise TimeoutError("the deadline passed before the request left")
        _mine.sent = True
        super().send(data)


class _TLSConnection(_Connection, HTTPSConnection):
    pass


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TLSPool(HTTPSConnectionPool):
    ConnectionCls = _TLSConnection


class _Adapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **options: Any) -> None:
        super().init_poolmanager(*args, **options)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TLSPool}
