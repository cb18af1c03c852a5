"""The web application around one sandbox."""

from pathlib import Path
from urllib.parse import urlsplit

from flask import Flask, Response, abort, request
from werkzeug.exceptions import HTTPException

from dev.klaviyo_sandbox.api import handlers, merging, suppression
from dev.klaviyo_sandbox.api.jsonapi import ApiError
from dev.klaviyo_sandbox.api.pipeline import open_pipeline
from dev.klaviyo_sandbox.control import control
from dev.klaviyo_sandbox.oauth import authorize
from dev.klaviyo_sandbox.oauth.token_endpoint import oauth
from dev.klaviyo_sandbox.pages import pages
from dev.klaviyo_sandbox.sandbox import Sandbox
from dev.klaviyo_sandbox.server import LARGEST_BODY_BYTES
from dev.klaviyo_sandbox.settings import Settings

POLICY = (
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none';"
    " frame-ancestors 'none'; form-action 'self'"
)
# Imported for what they register.
HANDLERS = (handlers, merging, suppression, authorize)


def create_app(settings: Settings, data: Path | None = None, mails: Path | None = None) -> Flask:
    """A sandbox with this app registered; `data` makes it survive restarts, and the emails that
    Junocal writes to the folder `mails` are shown."""
    app = Flask(__name__)
    app.extensions["sandbox"] = Sandbox(settings, data)
    app.config["MAILS"] = mails
    app.config["MAX_CONTENT_LENGTH"] = LARGEST_BODY_BYTES
    app.config["MAX_FORM_MEMORY_SIZE"] = LARGEST_BODY_BYTES
    open_pipeline(app)
    for blueprint in (oauth, control, pages):
        app.register_blueprint(blueprint)
    app.before_request(refuse_other_origins)
    app.after_request(protect)
    app.register_error_handler(HTTPException, plain_refusal)
    return app


def refuse_other_origins() -> None:
    """403 for what a page elsewhere sends: it must not press the sandbox's buttons."""
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
    """Under /api/ errors are JSON:API whatever they are (contract, section 3.3)."""
    if request.path.startswith("/api/") and refusal.code:
        return ApiError(refusal.code).response()
    return refusal
