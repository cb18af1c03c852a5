"""An HTTP/1.1 server that keeps connections open, on Werkzeug's threaded one.

Werkzeug's own closes after every answer; callers of an API keep their connections, and what
goes wrong on a kept connection has to be tried too.
"""

import io
import socket
from collections.abc import Iterable
from typing import Any

from flask import Flask
from werkzeug.serving import ThreadedWSGIServer, WSGIRequestHandler

LARGEST_BODY_BYTES = 5_000_000
IDLE_TIMEOUT_S = 75
BACKLOG = 512


class KeepAliveHandler(WSGIRequestHandler):
    """Reads a request whole, answers it, and waits for the next on the same connection."""

    protocol_version = "HTTP/1.1"
    timeout = IDLE_TIMEOUT_S
    # Headers and body are two writes; Nagle would hold the second for 40 ms.
    disable_nagle_algorithm = True

    def run_wsgi(self) -> None:
        environ = self.make_environ()
        body = self._body(environ)
        environ["wsgi.input"] = io.BytesIO(body)
        environ["CONTENT_LENGTH"] = str(len(body))
        environ.pop("HTTP_TRANSFER_ENCODING", None)
        started: list[Any] = []

        def start_response(status: str, headers: list[tuple[str, str]], _: Any = None) -> Any:
            started[:] = [status, headers]

        answer = self.server.app(environ, start_response)
        try:
            self._send(answer, started)
        except ConnectionError:
            self.close_connection = True
        finally:
            if hasattr(answer, "close"):
                answer.close()

    def _body(self, environ: dict[str, Any]) -> bytes:
        """The whole body, so that nothing of it is taken for the next request."""
        if environ.get("wsgi.input_terminated"):
            return bytes(environ["wsgi.input"].read())
        length = int(environ.get("CONTENT_LENGTH") or 0)
        if length > LARGEST_BODY_BYTES:
            self.close_connection = True
        return self.rfile.read(min(length, LARGEST_BODY_BYTES + 1))

    def _send(self, answer: Iterable[bytes], started: list[Any]) -> None:
        """Asks for the first piece before it writes: the answer may turn out to be a reset."""
        pieces = iter(answer)
        first = next(pieces, b"")
        status, headers = started
        code, _, reason = status.partition(" ")
        self.send_response(int(code), reason)
        for name, value in headers:
            self.send_header(name, value)
        if self.close_connection:
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(first)
        for piece in pieces:
            self.wfile.write(piece)

    def log_request(self, code: int | str = "-", size: int | str = "-") -> None:
        """Logs nothing: addresses carry codes and emails."""


class Server(ThreadedWSGIServer):
    """A thread per connection, none of which keeps the process alive."""

    daemon_threads = True
    request_queue_size = BACKLOG

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Shows the error, unless it is only that the caller went away."""
        if not isinstance(request, socket.socket) or request.fileno() != -1:
            super().handle_error(request, client_address)


def serve(app: Flask, host: str, port: int) -> Server:
    """Bound and listening; `serve_forever` answers."""
    return Server(host, port, app, handler=KeepAliveHandler)
