"""What each fault does: whether the request is carried out, and what the caller is answered."""

import os
import socket
import struct
import time
from collections.abc import Callable, Iterator
from threading import Thread

from flask import Response, copy_current_request_context, request

from dev.klaviyo_sandbox.api import jsonapi
from dev.klaviyo_sandbox.faults.book import Fault

LONGEST_HOLD_S = 120
HUGE_BYTES = 10_000_000
CHALLENGE = "<!DOCTYPE html><title>Just a moment...</title><p>Checking your browser.</p>"

CarryOut = Callable[[], Response]


def apply(fault: Fault, carry_out: CarryOut) -> Response:
    """The answer of a request that met this fault; `carry_out` is the request itself."""
    return RESPONSES.get(fault.fault, refused)(fault, carry_out)


def delay(fault: Fault, carry_out: CarryOut) -> Response:
    time.sleep(fault.seconds)
    return carry_out()


def hold(fault: Fault, carry_out: CarryOut) -> Response:
    """Applied at once, unless `apply` is false; answered only when the fault is lifted."""
    response = carry_out() if fault.apply is not False else None
    fault.released.wait(LONGEST_HOLD_S)
    return response or carry_out()


def hang(fault: Fault, carry_out: CarryOut) -> Response:
    time.sleep(fault.seconds)
    return hang_up()


def hang_then_apply(fault: Fault, carry_out: CarryOut) -> Response:
    """The zombie: the caller has long gone when it is applied."""
    time.sleep(fault.seconds)
    carry_out()
    return hang_up()


def reset_then_apply(fault: Fault, carry_out: CarryOut) -> Response:
    """The same without the wait: a reset now, applied `seconds` later."""

    def later() -> None:
        time.sleep(fault.seconds)
        carry_out()

    Thread(target=copy_current_request_context(later), daemon=True).start()
    return hang_up()


def reset_before(fault: Fault, carry_out: CarryOut) -> Response:
    return hang_up()


def reset_after(fault: Fault, carry_out: CarryOut) -> Response:
    carry_out()
    return hang_up()


def truncated(fault: Fault, carry_out: CarryOut) -> Response:
    """Half of the body under the whole body's length."""
    response = carry_out()
    body = response.get_data()

    def half() -> Iterator[bytes]:
        yield body[: len(body) // 2]
        raise ConnectionAbortedError("truncated, as asked for")

    return instead(response, half(), len(body))


def slow_drip(fault: Fault, carry_out: CarryOut) -> Response:
    """One byte every `seconds`."""
    response = carry_out()
    body = response.get_data()

    def drops() -> Iterator[bytes]:
        for position in range(len(body)):
            time.sleep(fault.seconds)
            yield body[position : position + 1]

    return instead(response, drops(), len(body))


def instead(response: Response, body: Iterator[bytes], length: int) -> Response:
    headers = [pair for pair in response.headers.items() if pair[0] != "Content-Length"]
    slow = Response(body, response.status, headers)
    slow.headers["Content-Length"] = str(length)
    return slow


def html_200(fault: Fault, carry_out: CarryOut) -> Response:
    return page(fault, carry_out, "<!DOCTYPE html><title>Maintenance</title><p>Back soon.</p>")


def empty_200(fault: Fault, carry_out: CarryOut) -> Response:
    return page(fault, carry_out, "")


def huge(fault: Fault, carry_out: CarryOut) -> Response:
    return page(fault, carry_out, "x" * HUGE_BYTES)


def page(fault: Fault, carry_out: CarryOut, body: str) -> Response:
    carry_out_if_asked(fault, carry_out)
    return Response(body, 200, content_type="text/html")


def challenge(fault: Fault, carry_out: CarryOut) -> Response:
    """The edge's page for suspected robots (contract, section 3.3)."""
    carry_out_if_asked(fault, carry_out)
    headers = {"cf-mitigated": "challenge"}
    return Response(CHALLENGE, 403, headers, content_type="text/html; charset=UTF-8")


def redirect(fault: Fault, carry_out: CarryOut) -> Response:
    carry_out_if_asked(fault, carry_out)
    return Response("", 302, {"Location": fault.location})


def throttled(fault: Fault, carry_out: CarryOut) -> Response:
    carry_out_if_asked(fault, carry_out)
    seconds = int(fault.seconds)
    return jsonapi.throttled(fault.retry_after or str(seconds), seconds)


def throttled_without_a_word(fault: Fault, carry_out: CarryOut) -> Response:
    carry_out_if_asked(fault, carry_out)
    return jsonapi.throttled(None)


def oauth_error(fault: Fault, carry_out: CarryOut) -> Response:
    carry_out_if_asked(fault, carry_out)
    response = Response(f'{{"error": "{fault.fault}", "error_description": "By fault."}}', 400)
    response.content_type = "application/json"
    return response


def refused(fault: Fault, carry_out: CarryOut) -> Response:
    """The status that the fault is named after."""
    carry_out_if_asked(fault, carry_out)
    headers = {"Retry-After": fault.retry_after} if fault.retry_after else {}
    return jsonapi.ApiError(int(fault.fault), headers=headers).response()


def carry_out_if_asked(fault: Fault, carry_out: CarryOut) -> None:
    if fault.apply:
        carry_out()


def hang_up() -> Response:
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


RESPONSES: dict[str, Callable[[Fault, CarryOut], Response]] = {
    "delay": delay,
    "hold": hold,
    "hang": hang,
    "hang_then_apply": hang_then_apply,
    "reset_before": reset_before,
    "reset_after": reset_after,
    "reset_then_apply": reset_then_apply,
    "truncated": truncated,
    "slow_drip": slow_drip,
    "html_200": html_200,
    "empty_200": empty_200,
    "huge": huge,
    "challenge": challenge,
    "redirect": redirect,
    "429": throttled,
    "429_no_retry_after": throttled_without_a_word,
    "invalid_grant": oauth_error,
    "invalid_client": oauth_error,
}
