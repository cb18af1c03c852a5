"""What every call of the API passes: token, revision, media types, limits, scopes, faults.

Contract section 3. Handlers stand behind it and see a `Call` that is in order.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Flask, Response, request

from klaviyo_sandbox import grants, jsonapi
from klaviyo_sandbox.journal import Actor, Arrival
from klaviyo_sandbox.jsonapi import ApiError
from klaviyo_sandbox.operations import OPERATIONS, Operation
from klaviyo_sandbox.sandbox import Sandbox, the_sandbox
from klaviyo_sandbox.suffering import suffer

REVISION = re.compile(r"(\d{4}-\d{2}-\d{2})(\.[a-z0-9-]+)?")
ACCEPTABLE = (jsonapi.MEDIA_TYPE, "application/json", "application/*", "*/*")


@dataclass(frozen=True)
class Call:
    """A request that may be carried out."""

    sandbox: Sandbox
    operation: str
    actor: Actor
    id: str
    query: dict[str, str]
    body: dict[str, Any]
    base_url: str

    @property
    def account(self) -> str:
        return self.actor.account


Handler = Callable[[Call], Response]
HANDLERS: dict[str, Handler] = {}


def handles(operation_id: str) -> Callable[[Handler], Handler]:
    """Register the function that carries this operation out."""

    def register(handler: Handler) -> Handler:
        HANDLERS[operation_id] = handler
        return handler

    return register


def open_gate(app: Flask) -> None:
    """Give every operation its address; a trailing slash is accepted (3.1)."""
    for name, handler in HANDLERS.items():
        operation = OPERATIONS[name]
        app.add_url_rule(
            operation.rule,
            name,
            _view(operation, handler),
            methods=[operation.method],
            strict_slashes=False,
        )


def _view(operation: Operation, handler: Handler) -> Callable[..., Response]:
    def view(id: str = "") -> Response:
        sandbox = the_sandbox()
        arrival = sandbox.arrivals.note(operation.id)
        try:
            response = _pass(sandbox, operation, handler, arrival, id)
        except ApiError as refusal:
            response = refusal.response()
        arrival.status = 0 if "X-Sandbox-Reset" in response.headers else response.status_code
        return response

    return view


def _pass(
    sandbox: Sandbox, operation: Operation, handler: Handler, arrival: Arrival, resource_id: str
) -> Response:
    grant = _grant(sandbox)
    arrival.account, arrival.grant = grant.account, grant.id
    _check_headers()
    verdict = sandbox.limits.take(operation, grant.account, sandbox.settings())
    if not verdict.passed:
        return jsonapi.throttled(str(verdict.wait_s), verdict.wait_s)
    call = Call(
        sandbox=sandbox,
        operation=operation.id,
        actor=Actor(grant.account, grant.id),
        id=resource_id,
        query=request.args.to_dict(),
        body={},
        base_url=request.host_url.rstrip("/"),
    )
    response = _answer(call, operation, handler, grant, arrival)
    if response.status_code != 429:
        response.headers.update(verdict.headers)
    return response


def _answer(
    call: Call, operation: Operation, handler: Handler, grant: grants.Grant, arrival: Arrival
) -> Response:
    def apply() -> Response:
        try:
            return handler(call)
        except ApiError as refusal:
            return refusal.response()

    try:
        _check_scopes(operation, grant)
        if request.method != "GET":
            call = replace(call, body=_document())
    except ApiError as refusal:
        return refusal.response()
    words = request.full_path + request.get_data(as_text=True)
    fault = call.sandbox.faults.meet(operation.id, grant.account, words)
    if fault is None:
        return apply()
    arrival.fault = fault.fault
    return suffer(fault, apply)


def _grant(sandbox: Sandbox) -> grants.Grant:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    with sandbox.store.transaction() as db:
        grant = grants.of_access_token(db, token) if kind.lower() == "bearer" and token else None
    if grant is None:
        raise ApiError(401)
    return grant


def _check_headers() -> None:
    if not _is_revision(request.headers.get("revision", "")):
        detail = "A valid API revision header is required (YYYY-MM-DD)."
        raise jsonapi.invalid_parameter(detail, "revision")
    accepted = request.headers.get("Accept", "*/*")
    kinds = [part.split(";")[0].strip() for part in accepted.split(",")]
    if not any(kind in ACCEPTABLE for kind in kinds):
        raise ApiError(406)


def _is_revision(text: str) -> bool:
    match = REVISION.fullmatch(text)
    try:
        return bool(match and date.fromisoformat(match[1]))
    except ValueError:
        return False


def _check_scopes(operation: Operation, grant: grants.Grant) -> None:
    missing = sorted(operation.scopes - grant.scopes)
    if missing:
        detail = f"You do not have permission to perform this action. Missing: {', '.join(missing)}"
        raise ApiError(403, jsonapi.error(403, detail))


def _document() -> dict[str, Any]:
    if request.mimetype != jsonapi.MEDIA_TYPE:
        raise ApiError(415)
    try:
        document = json.loads(request.get_data())
    except ValueError as broken:
        raise jsonapi.invalid("The body is not valid JSON.") from broken
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        raise jsonapi.invalid("The body must have a data object.")
    return document
