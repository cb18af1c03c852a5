"""A server of loopback that misbehaves down to the byte."""

import socket
import ssl
import time
from collections.abc import Callable
from threading import Thread

OK = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"

Answering = Callable[[socket.socket], None]


class Server:
    """Takes connections one after the other, and does with each what it was told."""

    def __init__(self, answering: Answering, tls: ssl.SSLContext | None = None) -> None:
        self._answering, self._tls = answering, tls
        self._door = socket.create_server(("127.0.0.1", 0))
        scheme = "https" if tls else "http"
        self.url = f"{scheme}://127.0.0.1:{self._door.getsockname()[1]}/api/profiles"
        self.seen = bytearray()  # of every request, as it came
        Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                connection, _ = self._door.accept()
            except OSError:  # closed: the test is over
                return
            with connection:
                self._take(connection)

    def _take(self, connection: socket.socket) -> None:
        try:
            if self._tls:
                connection = self._tls.wrap_socket(connection, server_side=True)
            self.seen += connection.recv(65_536)
            self._answering(connection)
        except OSError:  # the caller went away
            pass

    def close(self) -> None:
        if self._door.fileno() != -1:
            self._door.shutdown(socket.SHUT_RDWR)
            self._door.close()


def say(*pieces: bytes, every_s: float = 0.0) -> Answering:
    def answering(connection: socket.socket) -> None:
        for piece in pieces:
            connection.sendall(piece)
            time.sleep(every_s)

    return answering


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
