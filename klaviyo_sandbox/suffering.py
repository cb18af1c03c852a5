"""How each fault is suffered: what becomes of the request, and what the caller gets to see."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from threading import Thread

from flask import Response, copy_current_request_context, request

from klaviyo_sandbox import jsonapi
from klaviyo_sandbox.faults import Fault

LONGEST_HOLD_S = 120
HUGE_BYTES = 10_000_000
CHALLENGE = "<!DOCTYPE html><title>Just a moment...</title><p>Checking your browser.</p>"

Apply = Callable[[], Response]


def suffer(fault: Fault, apply: Apply) -> Response:
    """The answer of a request that met this fault; `apply` carries the request out."""
    return SUFFERINGS.get(fault.fault, _refused)(fault, apply)


def _delay(fault: Fault, apply: Apply) -> Response:
    time.sleep(fault.seconds)
    return apply()


def _hold(fault: Fault, apply: Apply) -> Response:
    """Applied at once unless told otherwise, answered only when the fault is lifted."""
    response = apply() if fault.apply is not False else None
    fault.released.wait(LONGEST_HOLD_S)
    return response or apply()


def _hang(fault: Fault, apply: Apply) -> Response:
    time.sleep(fault.seconds)
    return _hang_up()


def _hang_then_apply(fault: Fault, apply: Apply) -> Response:
    """The zombie: the caller has long gone when it is applied."""
    time.sleep(fault.seconds)
    apply()
    return _hang_up()


def _reset_then_apply(fault: Fault, apply: Apply) -> Response:
    """The same without the wait: a reset now, applied `seconds` later."""

    def later() -> None:
        time.sleep(fault.seconds)
        apply()

    Thread(target=copy_current_request_context(later), daemon=True).start()
    return _hang_up()


def _reset_before(fault: Fault, apply: Apply) -> Response:
    return _hang_up()


def _reset_after(fault: Fault, apply: Apply) -> Response:
    apply()
    return _hang_up()


def _truncated(fault: Fault, apply: Apply) -> Response:
    """Half of the body under the whole body's length."""
    response = apply()
    body = response.get_data()

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("truncated, as asked for")

    return _instead(response, half(), len(body))


def _slow_drip(fault: Fault, apply: Apply) -> Response:
    """One byte every `seconds`."""
    response = apply()
    body = response.get_data()

    def drops() -> Iterator[bytes]:
        for position in range(len(body)):
            time.sleep(fault.seconds)
            yield body[position : position + 1]

    return _instead(response, drops(), len(body))


def _instead(response: Response, body: Iterator[bytes], length: int) -> Response:
    headers = [pair for pair in response.headers.items() if pair[0] != "Content-Length"]
    slow = Response(body, response.status, headers)
    slow.headers["Content-Length"] = str(length)
    return slow


def _html_200(fault: Fault, apply: Apply) -> Response:
    return _page(fault, apply, "<!DOCTYPE html><title>Maintenance</title><p>Back soon.</p>")


def _empty_200(fault: Fault, apply: Apply) -> Response:
    return _page(fault, apply, "")


def _huge(fault: Fault, apply: Apply) -> Response:
    return _page(fault, apply, "x" * HUGE_BYTES)


def _page(fault: Fault, apply: Apply, body: str) -> Response:
    _apply_if_wished(fault, apply)
    return Response(body, 200, content_type="text/html")


def _challenge(fault: Fault, apply: Apply) -> Response:
    """The edge's page for suspected robots (3.3)."""
    _apply_if_wished(fault, apply)
    headers = {"cf-mitigated": "challenge"}
    return Response(CHALLENGE, 403, headers, content_type="text/html; charset=UTF-8")


def _redirect(fault: Fault, apply: Apply) -> Response:
    _apply_if_wished(fault, apply)
    return Response("", 302, {"Location": fault.location})


def _throttled(fault: Fault, apply: Apply) -> Response:
    _apply_if_wished(fault, apply)
    seconds = int(fault.seconds)
    return jsonapi.throttled(fault.retry_after or str(seconds), seconds)


def _throttled_without_a_word(fault: Fault, apply: Apply) -> Response:
    _apply_if_wished(fault, apply)
    return jsonapi.throttled(None)


def _oauth_error(fault: Fault, apply: Apply) -> Response:
    _apply_if_wished(fault, apply)
    response = Response(f'{{"error": "{fault.fault}", "error_description": "By fault."}}', 400)
    response.content_type = "application/json"
    return response


def _refused(fault: Fault, apply: Apply) -> Response:
    """A fault that is called by a status."""
    _apply_if_wished(fault, apply)
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return jsonapi.ApiError(int(fault.fault), headers=headers).response()


def _apply_if_wished(fault: Fault, apply: Apply) -> None:
    if fault.apply:
        apply()


def _hang_up() -> Response:
    """An answer that is none: the connection is reset instead."""
    connection = request.environ["werkzeug.socket"]

    def reset() -> Iterator[bytes]:
        reset_connection(connection)
        raise ConnectionAbortedError("reset, as asked for")
        yield b""

    return Response(reset(), 200, {"Content-Length": "0", "X-Sandbox-Reset": "1"})


def reset_connection(connection: socket.socket) -> None:
    """RST rather than FIN; around Python's own close, which waits for its readers."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    os.close(connection.detach())


SUFFERINGS: dict[str, Callable[[Fault, Apply], Response]] = {
    "delay": _delay,
    "hold": _hold,
    "hang": _hang,
    "hang_then_apply": _hang_then_apply,
    "reset_before": _reset_before,
    "reset_after": _reset_after,
    "reset_then_apply": _reset_then_apply,
    "truncated": _truncated,
    "slow_drip": _slow_drip,
    "html_200": _html_200,
    "empty_200": _empty_200,
    "huge": _huge,
    "challenge": _challenge,
    "redirect": _redirect,
    "429": _throttled,
    "429_no_retry_after": _throttled_without_a_word,
    "invalid_grant": _oauth_error,
    "invalid_client": _oauth_error,
}
