"""All that is known of whom the oracle names, in order of time: for whoever looks for the cause."""

import re
from collections.abc import Iterator
from math import inf

from tests.chaos.oracle.evidence import Evidence, Row, named_in
from tests.chaos.rig.ledger import folded

ADDRESSES = re.compile(r"[\w.-]+@[\w.-]+")
WORDS = re.compile(r"[\w-]+")

Line = tuple[float, str]


def named(evidence: Evidence, finding: str) -> list[str]:
    """The keys of the people in this line of the oracle, and of whoever stood at its addresses."""
    ledger = evidence.ledger
    people = [word for word in WORDS.findall(finding) if word in ledger.edits]
    for address in ADDRESSES.findall(finding):
        people += sorted(ledger.holders.get(address, set()))
    return list(dict.fromkeys(people))


def of(evidence: Evidence, key: str) -> Iterator[str]:
    """What desks did to this person, and what was applied to them and to their addresses."""
    lines = sorted([*done(evidence, key), *applied(evidence, key)])
    first_at = lines[0][0] if lines else 0.0
    return (f"{at - first_at:8.2f}  {what}" for at, what in lines)


def done(evidence: Evidence, key: str) -> Iterator[Line]:
    ledger = evidence.ledger
    for edit in ledger.edits.get(key, []):
        if edit.saved_at is None:
            yield edit.sent_at, f"desk: {edit.number} was sent; nobody knows if it was saved"
        else:
            yield edit.saved_at, f"desk: {edit.number} is saved, at <{edit.address}>"
    for span in ledger.agreed.get(key, []):
        yield span.begin, "desk: may agree"
        if span.end < inf:
            yield span.end, "desk: surely no more to be pushed"
    for one in ledger.opt_outs:
        if one.key == key:
            yield one.saved_at, f"desk: opted out at {one.address}"


def applied(evidence: Evidence, key: str) -> Iterator[Line]:
    stood_at = {at for at, keys in evidence.ledger.holders.items() if key in keys}
    for entry in evidence.journal:
        if named_in(entry) == key or folded(entry.get("email")) in stood_at:
            yield entry["at"], f"Klaviyo: {told(entry)}"
    for window in evidence.windows:
        if window.studio in key:
            yield window.opened_at, f"owner: connects to {window.account}"
            if window.fenced_at < inf:
                yield window.fenced_at, f"owner: disconnects from {window.account}"


def told(entry: Row) -> str:
    details = entry.get("attributes") or {}
    late_s = entry["at"] - entry.get("asked_at", entry["at"])
    return (
        f"{entry['account']} {entry['operation']} {(entry['profile'] or '')[-6:]}"
        f" <{entry.get('email')}> {details.get('first_name', '')} {details.get('phone_number', '')}"
        + (f" ({late_s:.1f} s after it came in)" if late_s > 0.5 else "")
    )
