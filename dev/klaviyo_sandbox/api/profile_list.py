"""GET /api/profiles: filters, order and pages (contract, sections 3.2 and 4.2)."""

import base64
import json
import re
import sqlite3
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from dev.klaviyo_sandbox.api.jsonapi import invalid_parameter
from dev.klaviyo_sandbox.api.profiles import Profile, email_key, from_row

CLAUSE = re.compile(
    r'\s*([a-z-]+)\(\s*([A-Za-z_.]+)\s*,\s*(\[[^\]]*\]|"(?:[^"\\]|\\.)*"|[^",()\[\]]+)\)\s*(,|$)'
)
IDENTITIES = {
    "id": "id",
    "email": "email_key",
    "phone_number": "phone_number",
    "external_id": "external_id",
}
COMPARISONS = {"greater-than": ">", "less-than": "<"}
SUPPRESSION_REASON = "subscriptions.email.marketing.suppression.reason"
HAS_REASON = (
    "EXISTS (SELECT 1 FROM json_each(suppressions) WHERE json_extract(value, '$.reason') = ?)"
)
ORDERS = {
    "created": "created",
    "updated": "updated",
    "id": "id",
    "email": "coalesce(email_key, '')",
}
USUAL_PAGE, LARGEST_PAGE = 20, 100

Condition = tuple[str, list[str]]


@dataclass(frozen=True)
class Page:
    """A stretch of the list, and where the next one begins."""

    profiles: list[Profile]
    next_cursor: str | None


def find(db: sqlite3.Connection, account: str, query: dict[str, str]) -> Page:
    """The profiles that the query's filter, sort, page[size] and page[cursor] ask for."""
    size = page_size(query.get("page[size]"))
    column, direction = order(query.get("sort", "created"))
    conditions: list[Condition] = [("account = ?", [account]), *conditions_of(query.get("filter"))]
    if "page[cursor]" in query:
        beyond = ">" if direction == "ASC" else "<"
        conditions.append((f"({column}, id) {beyond} (?, ?)", decoded(query["page[cursor]"])))
    where = " AND ".join(text for text, _ in conditions)
    rows = db.execute(
        f"SELECT *, {column} AS place FROM profiles WHERE {where}"  # noqa: S608  (own words only)
        f" ORDER BY {column} {direction}, id {direction} LIMIT ?",
        [*(value for _, values in conditions for value in values), size + 1],
    ).fetchall()
    more = len(rows) > size
    cursor = encoded([rows[size - 1]["place"], rows[size - 1]["id"]]) if more else None
    return Page([from_row(row) for row in rows[:size]], cursor)


def page_size(text: str | None) -> int:
    if text is None:
        return USUAL_PAGE
    if not text.isdecimal() or not 1 <= int(text) <= LARGEST_PAGE:
        raise invalid_parameter("Page size must be an integer between 1 and 100.", "page[size]")
    return int(text)


def order(sort: str) -> tuple[str, str]:
    name = sort.removeprefix("-")
    if name not in ORDERS:
        raise invalid_parameter(f"'{name}' is not a valid sort key.", "sort")
    return ORDERS[name], "DESC" if sort.startswith("-") else "ASC"


def conditions_of(text: str | None) -> list[Condition]:
    """Clauses separated by commas, all of which must hold."""
    if text is None:
        return []
    conditions, position, goes_on = [], 0, True
    while goes_on:
        match = CLAUSE.match(text, position)
        if match is None:
            raise invalid_parameter("The filter can't be read.", "filter")
        conditions.append(condition(match[1], match[2], match[3].strip()))
        position, goes_on = match.end(), match[4] == ","
    return conditions


def condition(operator: str, field: str, value: str) -> Condition:
    if field in IDENTITIES and operator in ("equals", "any"):
        wanted = texts(value, several=operator == "any")
        if field == "email":
            wanted = [email_key(one) for one in wanted]
        return f"{IDENTITIES[field]} IN ({', '.join('?' * len(wanted))})", wanted
    if field in ("created", "updated") and operator in COMPARISONS:
        return f"{field} {COMPARISONS[operator]} ?", [parse_moment(value)]
    if field == SUPPRESSION_REASON and operator == "equals":
        return HAS_REASON, texts(value, several=False)
    raise invalid_parameter(f"{operator} is not offered for {field}.", "filter")


def texts(value: str, *, several: bool) -> list[str]:
    try:
        parsed = json.loads(value)
    except ValueError as broken:
        raise invalid_parameter(f"{value} is not quoted as it should be.", "filter") from broken
    wanted = parsed if several else [parsed]
    if not isinstance(wanted, list) or not all(isinstance(one, str) for one in wanted):
        raise invalid_parameter("The filter's value is of the wrong kind.", "filter")
    return wanted


def parse_moment(value: str) -> str:
    try:
        moment = datetime.fromisoformat(value.strip('"'))
    except ValueError as broken:
        raise invalid_parameter(f"{value} is not a date and time.", "filter") from broken
    utc = moment if moment.tzinfo else moment.replace(tzinfo=UTC)
    return utc.astimezone(UTC).isoformat(timespec="microseconds")


def encoded(place: list[str]) -> str:
    return base64.urlsafe_b64encode(json.dumps(place).encode()).decode()


def decoded(cursor: str) -> list[str]:
    try:
        place: Any = json.loads(base64.urlsafe_b64decode(cursor))
    except ValueError as broken:
        raise invalid_parameter("The cursor can't be read.", "page[cursor]") from broken
    if not isinstance(place, list) or len(place) != 2:
        raise invalid_parameter("The cursor can't be read.", "page[cursor]")
    return [str(part) for part in place]
