"""The oracle's look at what happened on the way: what must not happen even for a moment. Pure.

A request may be on its way for as long as its deadline after the wish that made it void; the
sandbox's journal has when each came in, however late it was applied.
"""

from collections.abc import Iterator

from tests.chaos.oracle.evidence import SUPPRESSION, Evidence, Row, Window, asked_at
from tests.chaos.rig.ledger import Ledger, folded

DEADLINE_S = 8.0  # of a request (integrations.http)
MARGIN_S = 1.0
LATE_S = 1.0  # after it came in, a request is carried out late


def created_after_a_no(evidence: Evidence) -> Iterator[str]:
    """Somebody who had said no, or is gone, became a profile by a push."""
    return pushed(evidence, "create_profile")


def updated_after_a_no(evidence: Evidence) -> Iterator[str]:
    """Data of somebody who had said no, or is gone, was sent."""
    return pushed(evidence, "update_profile")


def created_by_suppression(evidence: Evidence) -> Iterator[str]:
    """A suppression made a profile of somebody whom Klaviyo didn't know."""
    for entry in suppressions_that_created(evidence):
        if not is_late(entry):
            yield f"{entry['account']}: {entry['email']}"


def created_by_a_late_suppression(evidence: Evidence) -> Iterator[str]:
    """For information: it was right when it came in, and Klaviyo carried it out seconds later, when
    the profile had moved on. No sender can prevent that."""
    for entry in suppressions_that_created(evidence):
        if is_late(entry):
            yield f"{entry['account']}: {entry['email']}"


def suppressions_that_created(evidence: Evidence) -> Iterator[Row]:
    for entry in evidence.journal:
        if entry["operation"] == SUPPRESSION and entry["created"]:
            yield entry


def is_late(entry: Row) -> bool:
    return float(entry["at"]) - asked_at(entry) > LATE_S


def wrong_account(evidence: Evidence) -> Iterator[str]:
    """What belongs to one connection arrived at another's account, or after the fence."""
    yield from anothers_people(evidence)
    yield from outside_of_its_time(evidence)
    yield from older_than_the_connection(evidence)
    yield from unknown_ids(evidence)


def refused_at_the_desk(evidence: Evidence) -> Iterator[str]:
    """An error page, or no answer, although nothing was down that a page needs."""
    for refusal in evidence.ledger.refusals:
        if not any(one.begin <= refusal.at <= one.end for one in evidence.outages):
            yield f"{refusal.what}: {refusal.status or 'no answer'}"


def stuck(evidence: Evidence) -> Iterator[str]:
    """An owner tried again and again, and could not connect or disconnect."""
    return iter(evidence.stuck)


# --- How ------------------------------------------------------------------------------------------


def pushed(evidence: Evidence, operation: str) -> Iterator[str]:
    for key, entry in evidence.upserts:
        at = asked_at(entry)
        since = at - DEADLINE_S - MARGIN_S
        if entry["operation"] == operation and not evidence.ledger.was_agreed(key, since, at):
            late_s = at - last_end(evidence.ledger, key, at)
            yield f"{entry['account']}: {key} <{entry['email']}>, {late_s:.1f} s later"


def last_end(ledger: Ledger, key: str, at: float) -> float:
    ends = [span.end for span in ledger.agreed.get(key, []) if span.end <= at]
    return max(ends, default=float("-inf"))


def anothers_people(evidence: Evidence) -> Iterator[str]:
    """The address tells the studio, and each account has served but one."""
    studios = {window.account: window.studio for window in evidence.windows}
    known = set(studios.values())
    for entry in evidence.journal:
        studio = folded(entry.get("email")).rpartition("@")[2].removesuffix(".chaos.example")
        if studio in known and studios.get(entry["account"]) != studio:
            yield f"{entry['account']}: {entry['email']}"


def outside_of_its_time(evidence: Evidence) -> Iterator[str]:
    for entry in evidence.journal:
        at = asked_at(entry)
        if entry["operation"] in ("uninstall", "revoke", "connect") or not entry["profile"]:
            continue
        if not any(holds(window.opened_at, window.fenced_at, at) for window in of(evidence, entry)):
            yield f"{entry['account']}: {entry['operation']} outside of any connection"


def older_than_the_connection(evidence: Evidence) -> Iterator[str]:
    """Carries a name that had been overtaken before the connection began."""
    for key, entry in evidence.upserts:
        at = asked_at(entry)
        edit = evidence.ledger.edit_called(entry["attributes"]["first_name"])
        opened_at = max(
            (one.opened_at for one in of(evidence, entry) if one.opened_at <= at), default=0
        )
        newer = [
            one
            for one in evidence.ledger.edits[key]
            if edit and one.number > edit.number and one.saved_at and one.saved_at < opened_at
        ]
        if newer:
            yield f"{entry['account']}: {entry['attributes']['first_name']} is of an old connection"


def unknown_ids(evidence: Evidence) -> Iterator[str]:
    """Nobody deletes profiles here: an id that is not found is that of another account."""
    for request in evidence.requests:
        if request["operation"] == "update_profile" and request["status"] == 404:
            yield f"{request['account']}: an id that is not of this account"


def of(evidence: Evidence, entry: Row) -> list[Window]:
    return [one for one in evidence.windows if one.account == entry["account"]]


def holds(opened_at: float, fenced_at: float, at: float) -> bool:
    return opened_at <= at <= fenced_at + DEADLINE_S + MARGIN_S
