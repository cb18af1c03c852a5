"""The welcome as a mail server receives it: the headers by which a mail program unsubscribes."""

import re
import socketserver
from collections.abc import Iterator
from threading import Thread

import pytest
from django.core.mail import get_connection
from pytest_django import Settings

from clients.emails.messages import welcome
from clients.models import Client

pytestmark = pytest.mark.django_db

LONG_HOST = f"https://{'a-very-long-name.' * 8}example"


class MailServer(socketserver.ThreadingTCPServer):
    """Takes every email, and keeps it byte by byte."""

    received: list[bytes]


class Dialogue(socketserver.StreamRequestHandler):
    """RFC 5321, as far as one email needs it."""

    def handle(self) -> None:
        assert isinstance(self.server, MailServer)
        self.wfile.write(b"220 here\r\n")
        for line in self.rfile:
            command = line[:4].upper()
            if command == b"DATA":
                self.wfile.write(b"354 go on\r\n")
                self.server.received.append(b"".join(iter(self.rfile.readline, b".\r\n")))
            self.wfile.write(b"221 bye\r\n" if command == b"QUIT" else b"250 well\r\n")
            if command == b"QUIT":
                return


@pytest.fixture
def mail_server() -> Iterator[MailServer]:
    with MailServer(("127.0.0.1", 0), Dialogue) as server:
        server.received = []
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.mark.parametrize("base_url", ["https://junocal.example", LONG_HOST])
@pytest.mark.parametrize("name", ["Lotus Yoga", "Bewegungsraum Grüße, Łódź & Söhne 瑜伽"])
def test_mail_programs_read_the_address_to_unsubscribe_as_it_is(
    ana: Client, mail_server: MailServer, settings: Settings, base_url: str, name: str
) -> None:
    settings.BASE_URL = base_url
    ana.studio.name = name
    smtp = "django.core.mail.backends.smtp.EmailBackend"
    host, port = mail_server.server_address[:2]
    message = welcome(ana)
    message.connection = get_connection(smtp, host=host, port=port, use_tls=False, use_ssl=False)
    message.send()

    [raw] = mail_server.received
    head = raw.partition(b"\r\n\r\n")[0].decode("ascii")
    unfolded = re.sub(r"\r\n(?=[ \t])", "", head).split("\r\n")
    said = dict(line.split(":", 1) for line in unfolded)
    address = f"{base_url}/unsubscribe/{ana.unsubscribe_token}/"
    assert said["List-Unsubscribe"].strip() == f"<{address}>"
    assert said["List-Unsubscribe-Post"].strip() == "List-Unsubscribe=One-Click"
    assert max(map(len, head.split("\r\n"))) <= 998  # RFC 5322, section 2.1.1
    assert b"\n" not in raw.replace(b"\r\n", b"")
