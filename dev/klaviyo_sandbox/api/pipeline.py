"""What every call of the API passes: token, revision, media types, limits, scopes, faults.

Contract, section 3. Handlers stand behind it and see a `Call` that is in order.
"""

import json
import re
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from flask import Flask, Response, request

from dev.klaviyo_sandbox.api import jsonapi
from dev.klaviyo_sandbox.api.jsonapi import ApiError
from dev.klaviyo_sandbox.api.operations import OPERATIONS, Operation
from dev.klaviyo_sandbox.faults import responses
from dev.klaviyo_sandbox.journal import Actor
from dev.klaviyo_sandbox.oauth import grants
from dev.klaviyo_sandbox.request_log import LoggedRequest
from dev.klaviyo_sandbox.sandbox import Sandbox, the_sandbox

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


def open_pipeline(app: Flask) -> None:
    """Give every operation its address; a trailing slash is accepted (contract, section 3.1)."""
    for name, handler in HANDLERS.items():
        operation = OPERATIONS[name]
        app.add_url_rule(
            operation.rule,
            name,
            view_of(operation, handler),
            methods=[operation.method],
            strict_slashes=False,
        )


def view_of(operation: Operation, handler: Handler) -> Callable[..., Response]:
    def view(id: str = "") -> Response:
        sandbox = the_sandbox()
        logged = sandbox.request_log.note(operation.id)
        try:
            response = let_through(sandbox, operation, handler, logged, id)
        except ApiError as refusal:
            response = refusal.response()
        logged.status = 0 if "X-Sandbox-Reset" in response.headers else response.status_code
        return response

    return view


def let_through(
    sandbox: Sandbox,
    operation: Operation,
    handler: Handler,
    logged: LoggedRequest,
    resource_id: str,
) -> Response:
    grant = grant_of(sandbox)
    logged.account, logged.grant = grant.account, grant.id
    check_headers()
    verdict = sandbox.limits.take(operation, grant.account, sandbox.settings())
    if not verdict.passed:
        return jsonapi.throttled(str(verdict.wait_s), verdict.wait_s)
    call = Call(
        sandbox=sandbox,
        operation=operation.id,
        actor=Actor(grant.account, grant.id, logged.at),
        id=resource_id,
        query=request.args.to_dict(),
        body={},
        base_url=request.host_url.rstrip("/"),
    )
    response = answer(call, operation, handler, grant, logged)
    if response.status_code != 429:
        response.headers.update(verdict.headers)
    return response


def answer(
    call: Call, operation: Operation, handler: Handler, grant: grants.Grant, logged: LoggedRequest
) -> Response:
    def apply() -> Response:
        try:
            return handler(call)
        except ApiError as refusal:
            return refusal.response()

    try:
        check_scopes(operation, grant)
        if request.method != "GET":
            call = replace(call, body=document_of())
    except ApiError as refusal:
        return refusal.response()
    words = request.full_path + request.get_data(as_text=True)
    fault = call.sandbox.faults.meet(operation.id, grant.account, words)
    if fault is None:
        return apply()
    logged.fault = fault.fault
    return responses.apply(fault, apply)


def grant_of(sandbox: Sandbox) -> grants.Grant:
    kind, _, token = request.headers.get("Authorization", "").partition(" ")
    with sandbox.store.transaction() as db:
        grant = grants.of_access_token(db, token) if kind.lower() == "bearer" and token else None
    if grant is None:
        raise ApiError(401)
    return grant


def check_headers() -> None:
    if not is_revision(request.headers.get("revision", "")):
        detail = "A valid API revision header is required (YYYY-MM-DD)."
        raise jsonapi.invalid_parameter(detail, "revision")
    accepted = request.headers.get("Accept", "*/*")
    kinds = [part.split(";")[0].strip() for part in accepted.split(",")]
    if not any(kind in ACCEPTABLE for kind in kinds):
        raise ApiError(406)


def is_revision(text: str) -> bool:
    match = REVISION.fullmatch(text)
    try:
        return bool(match and date.fromisoformat(match[1]))
    except ValueError:
        return False


def check_scopes(operation: Operation, grant: grants.Grant) -> None:
    missing = sorted(operation.scopes - grant.scopes)
    if missing:
        detail = f"You do not have permission to perform this action. Missing: {', '.join(missing)}"
        raise ApiError(403, jsonapi.error(403, detail))


def document_of() -> dict[str, Any]:
    if request.mimetype != jsonapi.MEDIA_TYPE:
        raise ApiError(415)
    try:
        document = json.loads(request.get_data())
    except ValueError as broken:
        raise jsonapi.invalid("The body is not valid JSON.") from broken
    if not isinstance(document, dict) or not isinstance(document.get("data"), dict):
        raise jsonapi.invalid("The body must have a data object.")
    return document
