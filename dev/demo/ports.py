"""Free ports: the usual ones, or the next ones where somebody else is on those."""

import errno
import socket
from itertools import count

WEB, SANDBOX = 8000, 8001
LOOPBACKS = ((socket.AF_INET, "127.0.0.1"), (socket.AF_INET6, "::1"))


def choose() -> tuple[int, int]:
    """A port for the web and one for the sandbox."""
    return first_free(WEB), first_free(SANDBOX)


def first_free(usual: int) -> int:
    """The first free port from `usual` on, by twos: web and sandbox never try the same."""
    return next(port for port in count(usual, 2) if is_free(port))


def is_free(port: int) -> bool:
    """True if nobody listens on either loopback: a browser may take `localhost` for both."""
    return all(can_bind(family, address, port) for family, address in LOOPBACKS)


def can_bind(family: socket.AddressFamily, address: str, port: int) -> bool:
    try:
        with socket.socket(family, socket.SOCK_STREAM) as sock:
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            sock.bind((address, port))
    except OSError as error:
        return error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT)  # no IPv6 here
    return True
