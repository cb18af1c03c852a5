"""How long Klaviyo took to hear of an edit and of an opt-out. Pure."""

from collections.abc import Iterator, Sequence

from tests.chaos.oracle.evidence import SUPPRESSION, UPSERTS, Evidence, Row
from tests.chaos.rig.ledger import Edit, folded, key_of, name_of


def of_edits(evidence: Evidence, *, imported: bool = False) -> list[float]:
    """Seconds from each saved edit to its profile, of those made by hand or of an import's; edits
    that a newer one overtook are left out, and those made while the studio was not connected."""
    arrived = first_arrivals(evidence)
    seconds = []
    for edits in evidence.ledger.edits.values():
        newer_ones: list[Edit | None] = [*edits[1:], None]
        for edit, newer in zip(edits, newer_ones, strict=True):
            entry = arrived.get(name_of(edit))
            if edit.is_imported is not imported:
                continue
            if entry and edit.saved_at and is_for_it(evidence, edit, newer, entry):
                seconds.append(max(0.0, entry["at"] - edit.saved_at))
    return sorted(seconds)


def of_opt_outs(evidence: Evidence) -> list[float]:
    """Seconds from each opt-out to its suppression, where Klaviyo knew the address."""
    suppressed: dict[str, list[Row]] = {}
    for entry in evidence.journal:
        if entry["operation"] == SUPPRESSION:
            suppressed.setdefault(folded(entry["email"]), []).append(entry)
    seconds = []
    for one in evidence.ledger.opt_outs:
        entries = [e for e in suppressed.get(one.address, []) if e["at"] >= one.saved_at - 1]
        if not entries:
            continue
        entry = entries[0]
        if entry["at"] < one.undone_at and was_connected(evidence, one.saved_at, entry):
            seconds.append(max(0.0, entry["at"] - one.saved_at))
    return sorted(seconds)


def first_arrivals(evidence: Evidence) -> dict[str, Row]:
    """By name, the upsert that brought it first."""
    found: dict[str, Row] = {}
    for entry in evidence.journal:
        name = (entry.get("attributes") or {}).get("first_name")
        if name and key_of(name) and entry["operation"] in UPSERTS:
            found.setdefault(name, entry)
    return found


def is_for_it(evidence: Evidence, edit: Edit, newer: Edit | None, entry: Row) -> bool:
    is_overtaken = newer is not None and newer.sent_at < entry["at"]
    assert edit.saved_at is not None
    return not is_overtaken and was_connected(evidence, edit.saved_at, entry)


def was_connected(evidence: Evidence, since: float, entry: Row) -> bool:
    """The account that heard of it was this studio's all the while."""
    return any(
        window.account == entry["account"]
        and window.opened_at <= since
        and entry["at"] <= window.fenced_at
        for window in evidence.windows
    )


def spread(seconds: Sequence[float]) -> Iterator[tuple[str, float]]:
    """p50, p95, p99 and the worst; nothing where nothing was measured."""
    if seconds:
        for percent in (50, 95, 99):
            yield f"p{percent}", seconds[min(len(seconds) - 1, len(seconds) * percent // 100)]
        yield "max", seconds[-1]
