"""The web application around one sandbox."""

from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from werkzeug.exceptions import HTTPException

from klaviyo_sandbox import api, authorize, jobs
from klaviyo_sandbox.control import control
from klaviyo_sandbox.gate import open_gate
from klaviyo_sandbox.jsonapi import ApiError
from klaviyo_sandbox.pages import pages
from klaviyo_sandbox.sandbox import Sandbox
from klaviyo_sandbox.server import LARGEST_BODY_BYTES
from klaviyo_sandbox.settings import Settings
from klaviyo_sandbox.token_endpoint import oauth

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action 'self'"
)
# Imported for what they register.
HANDLERS = (api, jobs, authorize)


def create_app(settings: Settings, data: Path | None = None) -> Flask:
    """A sandbox with this app registered; `data` makes it survive restarts."""
    app = Flask(__name__)
    app.extensions["sandbox"] = Sandbox(settings, data)
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY_BYTES
    open_gate(app)
    for blueprint in (oauth, control, pages):
        app.register_blueprint(blueprint)
    app.before_request(refuse_other_origins)
    app.after_request(protect)
    app.register_error_handler(HTTPException, plain_refusal)
    return app


def refuse_other_origins() -> None:
    """A page elsewhere must not press the sandbox's buttons."""
    if request.method in ("GET", "HEAD", "OPTIONS"):
        return
    origin = request.headers.get("Origin")
    site = request.headers.get("Sec-Fetch-Site", "same-origin")
    if origin and urlsplit(origin).netloc != request.host:
        abort(403)
    if site not in ("same-origin", "none"):
        abort(403)


def protect(response: Response) -> Response:
    response.headers.setdefault("Content-Security-Policy", POLICY)
    response.headers.setdefault("X-Content-Type-Options", "nosniff")
    response.headers.setdefault("Referrer-Policy", "same-origin")
    return response


def plain_refusal(refusal: HTTPException) -> Response | HTTPException:
    """Under /api/ errors are JSON:API whatever they are (3.3)."""
    if request.path.startswith("/api/") and refusal.code:
        return ApiError(refusal.code).response()
    return refusal
