"""The control address: what tests and the demo may ask of the sandbox. Loopback only, JSON."""

from dataclasses import fields
from ipaddress import ip_address
from typing import Any

from flask import Blueprint, Response, abort, jsonify, request

from dev.klaviyo_sandbox import journal
from dev.klaviyo_sandbox.api import accounts, profile_view, profiles
from dev.klaviyo_sandbox.api.operations import ACCOUNTS_READ, PROFILES_READ, PROFILES_WRITE
from dev.klaviyo_sandbox.faults.book import parse as parse_fault
from dev.klaviyo_sandbox.journal import Actor
from dev.klaviyo_sandbox.oauth import grants
from dev.klaviyo_sandbox.oauth.token_endpoint import issue
from dev.klaviyo_sandbox.sandbox import Sandbox, the_sandbox

control = Blueprint("control", __name__, url_prefix="/control")

THREE_SCOPES = " ".join((ACCOUNTS_READ, PROFILES_READ, PROFILES_WRITE))
SEEDABLE = frozenset({"suppressed", *profiles.IDENTIFIERS, "location", "properties"}) | frozenset(
    profile_view.PLAIN
)


@control.before_request
def loopback_only() -> None:
    """403 for any other machine, and for a browser on this one."""
    if not ip_address(request.remote_addr or "0.0.0.0").is_loopback:  # noqa: S104
        abort(403)
    if "Origin" in request.headers or "Sec-Fetch-Site" in request.headers:
        abort(403)


@control.errorhandler(ValueError)
def bad_wish(wrong: ValueError) -> tuple[Response, int]:
    return jsonify(error=str(wrong)), 400


@control.get("/health")
def health() -> Response:
    return jsonify(ok=True)


@control.post("/faults")
def set_fault() -> Response:
    return jsonify(the_sandbox().faults.add(parse_fault(posted())).shown())


@control.get("/faults")
def list_faults() -> Response:
    return jsonify(the_sandbox().faults.shown())


@control.delete("/faults")
def clear_faults() -> Response:
    """All of them, or the one with that id."""
    the_sandbox().faults.clear(request.args.get("id", type=int))
    return jsonify(ok=True)


@control.get("/settings")
def show_settings() -> Response:
    return jsonify(the_sandbox().settings().public())


@control.patch("/settings")
def change_settings() -> Response:
    return jsonify(the_sandbox().settings.change(posted()).public())


@control.get("/accounts")
def list_accounts() -> Response:
    with the_sandbox().store.transaction() as db:
        shown = [
            known_account(db_account, grants.installed(db, db_account.id))
            for db_account in accounts.every(db)
        ]
    return jsonify(shown)


def known_account(account: accounts.Account, living: list[grants.Grant]) -> dict[str, Any]:
    return {**vars(account), "grants": [vars(grant) for grant in living]}


@control.post("/accounts")
def open_account() -> Response:
    known = {one.name for one in fields(accounts.Account)}
    account = accounts.Account(**{k: v for k, v in posted().items() if k in known})
    with the_sandbox().store.transaction() as db:
        accounts.add(db, account)
    return jsonify(vars(account))


@control.post("/accounts/<account_id>/tokens")
def issue_tokens(account_id: str) -> Response:
    """Install the app without the browser: what a code exchange would have answered."""
    sandbox = the_sandbox()
    settings = sandbox.settings()
    scope = str(posted().get("scope", THREE_SCOPES))
    with sandbox.store.transaction() as db:
        return issue(db, account_id, settings.client_id, scope, settings)


@control.post("/expire-tokens")
def expire_tokens() -> Response:
    with the_sandbox().store.transaction() as db:
        grants.expire_access_tokens(db, posted().get("account"))
    return jsonify(ok=True)


@control.post("/uninstall")
def uninstall() -> Response:
    wanted = posted()
    told = uninstall_app(the_sandbox(), str(wanted["account"]), tell=bool(wanted.get("tell", True)))
    return jsonify(told=told)


def uninstall_app(sandbox: Sandbox, account: str, *, tell: bool) -> bool:
    """Uninstall as the account's owner does in Klaviyo; True if the webhook is being called."""
    settings = sandbox.settings()
    with sandbox.store.transaction() as db:
        grants.uninstall(
            db,
            account,
            "uninstalled by the account's owner",
            keep_access_tokens=settings.access_tokens_outlive_uninstall,
        )
        journal.record(db, Actor(account), "uninstall")
    return tell and sandbox.webhook_sender.tell_uninstalled(account, settings) is not None


@control.post("/accounts/<account_id>/profiles")
def seed_profiles(account_id: str) -> Response:
    """Profiles that were there before: stored as given, in one transaction, not in the journal."""
    listed = request.get_json()
    seeded = []
    with the_sandbox().store.transaction() as db:
        for wanted in listed:
            profile = seeded_profile(wanted)
            if profiles.in_the_way(db, account_id, wanted, but=None):
                raise ValueError(f"{wanted} meets a profile that is there already")
            profiles.save(db, account_id, profile)
            seeded.append(profile.id)
    return jsonify(seeded)


def seeded_profile(wanted: dict[str, Any]) -> profiles.Profile:
    if unknown := set(wanted) - SEEDABLE:
        raise ValueError(f"a profile has no {', '.join(sorted(unknown))}")
    suppressed = wanted.pop("suppressed", None)
    profile = profiles.Profile()
    profile.take(wanted)
    if suppressed:
        profile.suppress("USER_SUPPRESSED" if suppressed is True else suppressed)
    return profile


@control.get("/accounts/<account_id>/profiles")
def list_profiles(account_id: str) -> Response:
    """All of an account's profiles as the API shows them, subscriptions included."""
    query = {profile_view.ADDITIONAL_PARAMETER: "subscriptions"}
    base_url = request.host_url.rstrip("/")
    with the_sandbox().store.transaction() as db:
        rows = db.execute(
            "SELECT * FROM profiles WHERE account = ? ORDER BY created, id", (account_id,)
        ).fetchall()
    people = [profiles.from_row(row) for row in rows]
    return jsonify([profile_view.resource(one, base_url, query) for one in people])


@control.delete("/accounts/<account_id>/profiles/<profile_id>")
def delete_profile(account_id: str, profile_id: str) -> Response:
    with the_sandbox().store.transaction() as db:
        deleted = profiles.delete(db, account_id, profile_id)
        if deleted:
            journal.record(db, Actor(account_id), "delete_profile", profile_id)
    return jsonify(deleted=deleted)


@control.get("/journal")
def read_journal() -> Response:
    with the_sandbox().store.transaction() as db:
        since = request.args.get("since", 0, type=int)
        return jsonify(journal.since(db, since, request.args.get("account")))


@control.get("/requests")
def read_requests() -> Response:
    return jsonify(the_sandbox().request_log.since(request.args.get("since", 0, type=int)))


@control.get("/deliveries")
def read_deliveries() -> Response:
    return jsonify(the_sandbox().webhook_sender.deliveries())


@control.post("/reset")
def reset() -> Response:
    the_sandbox().reset()
    return jsonify(ok=True)


def posted() -> dict[str, Any]:
    wanted = request.get_json(silent=True) or {}
    if not isinstance(wanted, dict):
        raise ValueError("an object is wanted")
    return wanted
