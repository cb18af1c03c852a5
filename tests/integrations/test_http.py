"""The way to the network, against servers of loopback that misbehave down to the byte."""

import datetime
import os
import socket
import ssl
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from ipaddress import ip_address
from pathlib import Path

import pytest
import requests
import responses
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from integrations import http
from integrations.http import Answer, NoAnswerError
from tests.support.klaviyo.raw_server import OK, Answering, Server, reset, say

TOKEN = {"Authorization": "Bearer secret"}


@pytest.fixture
def serve() -> Iterator[Callable[[Answering], Server]]:
    with ExitStack() as stack:

        def serve(answering: Answering) -> Server:
            server = Server(answering)
            stack.callback(server.close)
            return server

        yield serve


@pytest.fixture(autouse=True)
def fresh_session() -> None:
    """A patched deadline or a dead server's kept connection is no other test's business."""
    http._mine.session = None


@pytest.fixture
def short_deadline(monkeypatch: pytest.MonkeyPatch) -> float:
    monkeypatch.setattr(http, "DEADLINE_S", 0.4)
    return 0.4


Serve = Callable[[Answering], Server]


def get(url: str) -> Answer:
    return http.send("GET", url, headers=TOKEN)


def refusal_of(url: str) -> NoAnswerError:
    with pytest.raises(NoAnswerError) as refused:
        get(url)
    return refused.value


@contextmanager
def at_most(seconds: float) -> Iterator[None]:
    """Generous: what is to be told from this is an answer that would drip for a minute."""
    began = time.monotonic()
    yield
    assert time.monotonic() - began < seconds


def test_a_good_answer_has_status_headers_and_body(serve: Serve) -> None:
    server = serve(say(OK))

    answer = get(server.url)

    assert (answer.status, answer.json()) == (200, {})
    assert answer.headers["content-length"] == "2"
    assert b"Authorization: Bearer secret" in server.seen


def test_a_redirect_is_not_followed_and_the_token_goes_nowhere_else(serve: Serve) -> None:
    elsewhere = serve(say(OK))
    location = f"Location: {elsewhere.url}".encode()
    server = serve(say(b"HTTP/1.1 302 Found\r\nContent-Length: 0\r\n" + location + b"\r\n\r\n"))

    answer = get(server.url)

    assert answer.status == 302
    assert not elsewhere.seen


def test_a_body_over_the_cap_is_not_read_to_its_end(serve: Serve) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 100000000\r\n\r\n"
    server = serve(say(head, *[b"x" * 100_000] * 1000))

    refused = refusal_of(server.url)

    assert "too large" in str(refused)
    assert refused.sent


def test_a_body_that_drips_ends_with_the_deadline(serve: Serve, short_deadline: float) -> None:
    head = b"HTTP/1.1 200 OK\r\nContent-Length: 600\r\n\r\n"
    server = serve(say(head, *[b"x"] * 600, every_s=0.1))

    with at_most(10 * short_deadline):
        refused = refusal_of(server.url)

    assert refused.sent


def test_headers_that_drip_end_with_the_deadline(serve: Serve, short_deadline: float) -> None:
    server = serve(say(b"HTTP/1.1 200 OK\r\n", *[b"X-Drip: 1\r\n"] * 90, every_s=0.1))

    with at_most(10 * short_deadline):
        refused = refusal_of(server.url)

    assert refused.sent


def test_the_deadline_begins_anew_with_the_next_request(
    serve: Serve, short_deadline: float
) -> None:
    def twice(connection: socket.socket) -> None:
        connection.sendall(OK)
        connection.recv(65_536)
        connection.sendall(OK)

    server = serve(twice)
    get(server.url)
    time.sleep(short_deadline)

    answer = get(server.url)

    assert answer.status == 200


def test_a_server_that_says_nothing_may_have_done_it(serve: Serve, short_deadline: float) -> None:
    server = serve(say(b"", every_s=2))

    assert refusal_of(server.url).sent


def test_a_reset_after_the_request_was_sent_may_have_been_carried_out(serve: Serve) -> None:
    assert refusal_of(serve(reset).url).sent


def test_half_a_body_may_have_been_carried_out(serve: Serve) -> None:
    server = serve(say(b"HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\n{}"))

    assert refusal_of(server.url).sent


def test_where_nobody_listens_nothing_was_sent(serve: Serve) -> None:
    server = serve(say(OK))
    server.close()

    assert not refusal_of(server.url).sent


def test_a_connection_that_took_the_whole_deadline_sends_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    server = serve(say(OK))
    connect = http._Connection.connect

    def connect_late(connection: http._Connection) -> None:
        connect(connection)
        http._mine.ends_at = 0

    monkeypatch.setattr(http._Connection, "connect", connect_late)

    refused = refusal_of(server.url)

    assert not refused.sent
    assert not server.seen


def test_a_dropped_kept_connection_is_opened_again(serve: Serve) -> None:
    server = serve(say(OK))
    get(server.url)
    time.sleep(0.05)  # the server closes it

    assert get(server.url).status == 200


def test_a_netrc_does_not_take_the_tokens_place(
    serve: Serve, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    netrc = tmp_path / "netrc"
    netrc.write_text("machine 127.0.0.1 login somebody password else\n")
    monkeypatch.setenv("NETRC", str(netrc))
    server = serve(say(OK))

    get(server.url)

    assert b"Authorization: Bearer secret" in server.seen


def test_a_proxy_of_the_environment_sees_nothing(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    proxy, server = serve(say(OK)), serve(say(OK))
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, proxy.url)

    get(server.url)

    assert not proxy.seen
    assert server.seen


def test_a_cookie_set_for_one_request_does_not_go_out_with_the_next(serve: Serve) -> None:
    cookie = OK.replace(
        b"\r\n\r\n", b"\r\nConnection: close\r\nSet-Cookie: of=lotus; Path=/\r\n\r\n"
    )
    server = serve(say(cookie))
    get(server.url)

    get(server.url)

    assert server.seen.count(b"GET ") == 2
    assert b"Cookie" not in server.seen


def test_a_self_signed_certificate_is_refused_and_plain_http_is_not_tried(tmp_path: Path) -> None:
    server = with_tls(self_signed(tmp_path))

    refused = refusal_of(server.url)

    assert not refused.sent
    assert b"Authorization" not in server.seen
    server.close()


def test_tls_cut_off_after_the_request_may_have_been_carried_out(tmp_path: Path) -> None:
    certificate = self_signed(tmp_path)
    server = with_tls(certificate)
    http.thread_session().verify = str(certificate)  # trusted, for once

    refused = refusal_of(server.url)

    assert b"Authorization" in server.seen
    assert refused.sent
    server.close()


def with_tls(certificate: Path) -> Server:
    """A server that takes a request and then cuts the line in the middle of TLS."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate)
    return Server(lambda connection: os.close(connection.detach()), context)


def self_signed(directory: Path) -> Path:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    now = datetime.datetime.now(datetime.UTC)
    alternative = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - datetime.timedelta(days=1))
        .not_valid_after(now + datetime.timedelta(days=1))
        .add_extension(alternative, critical=False)
        .sign(key, hashes.SHA256())
    )
    encoding = serialization.Encoding.PEM
    plain = serialization.NoEncryption()
    path = directory / "self-signed.pem"
    path.write_bytes(
        key.private_bytes(encoding, serialization.PrivateFormat.PKCS8, plain)
        + certificate.public_bytes(encoding)
    )
    return path


@pytest.mark.parametrize("body", ["<!DOCTYPE html>", "", '{"half": ', "[" * 100_000, "\xff"])
def test_an_answer_that_is_not_json_says_so(body: str) -> None:
    answer = Answer(200, {}, body.encode("latin-1"))

    with pytest.raises(NoAnswerError, match="not JSON"):
        answer.json()


def test_nothing_of_requests_leaves_this_module() -> None:
    with responses.RequestsMock() as klaviyo:
        klaviyo.get("https://a.klaviyo.com/api/accounts", body=requests.ConnectionError("secret"))

        refused = refusal_of("https://a.klaviyo.com/api/accounts")

    assert str(refused) == "ConnectionError"
    assert "secret" not in str(refused)


def test_a_body_does_not_show_in_a_repr() -> None:
    assert "secret" not in repr(Answer(200, {}, b"secret"))
