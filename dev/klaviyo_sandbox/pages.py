"""The sandbox's own pages: its accounts, and what is in each. No script needed."""

from flask import Blueprint, abort, current_app, redirect, render_template, request, url_for
from werkzeug.wrappers import Response

from dev.klaviyo_sandbox import journal, mails
from dev.klaviyo_sandbox.api import accounts, profile_view, profiles
from dev.klaviyo_sandbox.control import seeded_profile, uninstall_app
from dev.klaviyo_sandbox.faults.buttons import BUTTONS, is_on, press
from dev.klaviyo_sandbox.oauth import grants
from dev.klaviyo_sandbox.sandbox import the_sandbox

pages = Blueprint("pages", __name__)

ROWS = 200
FOUND = """instr(folded(
    coalesce(email, '') || ' ' || coalesce(phone_number, '') || ' '
    || coalesce(json_extract(details, '$.first_name'), '') || ' '
    || coalesce(json_extract(details, '$.last_name'), '')
), ?) > 0"""


@pages.get("/")
def overview() -> str:
    sandbox = the_sandbox()
    with sandbox.store.transaction() as db:
        rows = [
            (account, grants.installed(db, account.id), *profiles.count(db, account.id))
            for account in accounts.every(db)
        ]
    deliveries = list(reversed(sandbox.webhook_sender.deliveries()))[:10]
    book = sandbox.faults
    buttons = [(key, one, is_on(book, key)) for key, one in BUTTONS.items()]
    return render_template(
        "overview.html", rows=rows, deliveries=deliveries, buttons=buttons, faults=book.shown()
    )


@pages.get("/mails")
def emails() -> str:
    """What Junocal sent, in a demo."""
    folder = current_app.config["MAILS"]
    if folder is None:
        abort(404)
    return render_template("mails.html", mails=mails.latest(folder))


@pages.post("/faults/<key>")
def switch_on(key: str) -> Response:
    if key not in BUTTONS:
        abort(404)
    press(the_sandbox().faults, key)
    return redirect(url_for("pages.overview", _anchor="faults"))


@pages.post("/faults")
def all_well() -> Response:
    the_sandbox().faults.clear()
    return redirect(url_for("pages.overview", _anchor="faults"))


@pages.post("/accounts/<account_id>/another")
def another_profile(account_id: str) -> Response:
    """Somebody who has this address or phone already: a client with it meets that profile. 400
    for neither, 409 where there is such a profile."""
    account = known_account(account_id)
    wanted = {name: request.form.get(name, "").strip() for name in ("email", "phone_number")}
    given = {name: value for name, value in wanted.items() if value}
    if not given:
        abort(400, "Give an email address or a phone number.")
    with the_sandbox().store.transaction() as db:
        if profiles.in_the_way(db, account.id, given, but=None):
            abort(409, "There is a profile with it already.")
        profiles.save(db, account.id, seeded_profile(given))
    return redirect(url_for("pages.profile_table", account_id=account.id))


@pages.post("/accounts/<account_id>/uninstall")
def uninstall(account_id: str) -> Response:
    account = known_account(account_id)
    uninstall_app(the_sandbox(), account.id, tell=bool(request.form.get("tell")))
    return redirect(url_for("pages.overview"))


@pages.get("/accounts/<account_id>/profiles")
def profile_table(account_id: str) -> str:
    """Everybody, or those in whom the words are found."""
    return table(account_id, "Profiles", "1")


@pages.get("/accounts/<account_id>/suppressions")
def suppressions(account_id: str) -> str:
    return table(account_id, "Suppressions", "suppressions <> '[]'")


def table(account_id: str, title: str, condition: str) -> str:
    account = known_account(account_id)
    words = request.args.get("q", "").strip()
    with the_sandbox().store.transaction() as db:
        rows = db.execute(
            f"SELECT * FROM profiles WHERE account = ? AND {condition} AND {FOUND}"  # noqa: S608
            " ORDER BY updated DESC, id LIMIT ?",
            (account.id, words.casefold(), ROWS + 1),
        ).fetchall()
    return render_template(
        "profiles.html",
        account=account,
        title=title,
        words=words,
        people=[profiles.from_row(row) for row in rows[:ROWS]],
        more=len(rows) > ROWS,
    )


@pages.get("/accounts/<account_id>/profiles/<profile_id>")
def profile(account_id: str, profile_id: str) -> str:
    account = known_account(account_id)
    sandbox = the_sandbox()
    with sandbox.store.transaction() as db:
        person = profiles.find(db, account.id, profile_id, sandbox.settings().merged_ids_resolve_s)
        if person is None:
            abort(404)
        told = [one for one in journal.latest(db, account.id, 5_000) if one["profile"] == person.id]
    shown = profile_view.resource(person, "", {})["attributes"]
    return render_template(
        "profile.html", account=account, person=person, attributes=shown, entries=told[:ROWS]
    )


@pages.get("/accounts/<account_id>/journal")
def journal_table(account_id: str) -> str:
    account = known_account(account_id)
    with the_sandbox().store.transaction() as db:
        entries = journal.latest(db, account.id, ROWS)
    return render_template("journal.html", account=account, entries=entries)


def known_account(account_id: str) -> accounts.Account:
    with the_sandbox().store.transaction() as db:
        account = accounts.find(db, account_id)
    if account is None:
        abort(404)
    return account
